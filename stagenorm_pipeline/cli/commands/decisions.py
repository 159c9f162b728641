"""`stagenorm decisions`."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, assert_never

import click

from stagenorm_pipeline.cli import exit_codes
from stagenorm_pipeline.cli.decision_changes import show_decision_changes
from stagenorm_pipeline.cli.decision_prompts import ask_about
from stagenorm_pipeline.cli.live_display import showing_reading
from stagenorm_pipeline.cli.options import ScopeOptions, scope_options
from stagenorm_pipeline.cli.screen import tell, tell_command
from stagenorm_pipeline.cli.sources import show_sources
from stagenorm_pipeline.counts import counted
from stagenorm_pipeline.errors import ConfigurationError
from stagenorm_pipeline.service import deciding
from stagenorm_pipeline.service.context import ServiceContext, open_service

if TYPE_CHECKING:
    from stagenorm_pipeline.service.deciding import UndecidedSpellings
    from stagenorm_pipeline.service.decision_sheet import ReviewedFile, SheetForm
    from stagenorm_pipeline.service.selecting import Selection
    from stagenorm_pipeline.vocabulary import MergedPatches

# The suffix of the review page.
_PAGE = ".html"


@click.command("decisions")
@scope_options
@click.option("--ask", is_flag=True, help="Ask here, one cluster after the other.")
@click.option("--csv", metavar="FILE", help="Write a spreadsheet to fill in, as CSV.")
@click.option("--xlsx", metavar="FILE", help="The same for Excel.")
@click.option("--html", metavar="FILE", help="Write a page to decide in, for any browser, offline.")
@click.option(
    "--import",
    "files",
    multiple=True,
    metavar="FILE",
    help="Read decisions from a spreadsheet or the page. Repeatable.",
)
@click.option("--diff", is_flag=True, help="Show what the file changes against the opened plans, and how to undo that.")
@click.option("--json", "as_json", is_flag=True, help="With --diff: print JSON.")
@click.option("--by", help="Who decides, for --ask and --import.  [default: you@this-machine]")
def command(
    chosen: ScopeOptions,
    ask: bool,
    csv: str | None,
    xlsx: str | None,
    html: str | None,
    files: tuple[str, ...],
    diff: bool,
    as_json: bool,
    by: str | None,
) -> None:
    """Decide what unknown spellings mean: in the decisions file, here, in a spreadsheet or on a page.

    Without an option, every undecided spelling is written into the decisions file, in clusters that probably mean the
    same, most rows first. What is in the file stays: every decision, every comment.

    \b
    Examples:
      stagenorm decisions                     then fill in stage_decisions.yaml
      stagenorm decisions --ask               answer here, in the terminal
      stagenorm decisions --html review.html  send this page to those who know
      stagenorm decisions --xlsx ask.xlsx     or a spreadsheet
      stagenorm decisions --import ana.xlsx --import ben.csv --import cleo.json
      stagenorm decisions --diff              what changed since the last plan
    """
    if diff:
        show_decision_changes(chosen, is_alone=not (ask or csv or xlsx or html or files), as_json=as_json)
        return
    if as_json:
        raise ConfigurationError("--json is for --diff.", remedy="Add --diff, or leave --json out.")
    work = _read_work(ask=ask, csv=csv, xlsx=xlsx, html=html, files=files)
    with open_service(interface="cli", with_vocabulary=True) as context:
        selection = chosen.select(context)
        with showing_reading(f"Reading {chosen.target_names(context)}"):
            found = deciding.read_undecided(context, selection=selection)
        decided_by = by or context.user
        match work:
            case _Ask():
                _report(context, found)
                if found.undecided:
                    ask_about(found, decided_by)
            case _Export():
                _export(context, found, work, selection)
            case _Import():
                _import(context, found, work, decided_by)
            case _Fill():
                _fill(context, found)
            case _:
                assert_never(work)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ask:
    """`--ask`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Fill:
    """No option: write the undecided spellings into the decisions file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Export:
    """`--csv`, `--xlsx` and `--html`: one file, or one of each."""

    sheets: tuple[tuple[Path, SheetForm], ...]
    page: Path | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Import:
    """`--import`: the files of one or more reviewers."""

    paths: tuple[Path, ...]


def _read_work(
    *, ask: bool, csv: str | None, xlsx: str | None, html: str | None, files: Sequence[str]
) -> _Ask | _Fill | _Export | _Import:
    """Read what to do. Raises ConfigurationError for options that exclude each other and for unknown suffixes."""
    from stagenorm_pipeline.cli.outputs import read_output_place
    from stagenorm_pipeline.service.decision_sheet import SheetForm
    from stagenorm_pipeline.service.reviewed_files import reviewed_form

    named = ((csv, SheetForm.CSV.value), (xlsx, SheetForm.EXCEL.value), (html, _PAGE))
    exports = tuple((name, suffix) for name, suffix in named if name is not None)
    if ask + bool(exports) + bool(files) > 1:
        several = "--ask, --import, and --csv, --xlsx or --html exclude each other."
        raise ConfigurationError(several, remedy="Give one of them.")
    if files:
        for name in files:
            reviewed_form(Path(name))
        return _Import(paths=tuple(map(Path, files)))
    for name, suffix in exports:
        if Path(name).suffix.lower() != suffix:
            raise ConfigurationError(f"{name} does not end in {suffix}.", remedy=f"Name it {name}{suffix}.")
        read_output_place(name)
    if exports:
        sheets = tuple((Path(name), SheetForm(suffix)) for name, suffix in exports if suffix != _PAGE)
        return _Export(sheets=sheets, page=Path(html) if html is not None else None)
    return _Ask() if ask else _Fill()


def _fill(context: ServiceContext, found: UndecidedSpellings) -> None:
    deciding.write_undecided(found)
    _report(context, found)
    if found.undecided:
        tell("Fill in `stage` (deleting a # takes the proposal behind it), or answer: stagenorm decisions --ask")
        tell("Then: stagenorm dry-run")


def _report(context: ServiceContext, found: UndecidedSpellings) -> None:
    show_sources(context)
    count = len(found.undecided)
    if not count:
        tell("No unknown spelling waits for a decision.")
    else:
        waits = "waits" if count == 1 else "wait"
        clusters = counted(len(found.clusters), "cluster")
        tell(f"{counted(count, 'spelling')} {waits} for a decision, in {clusters}.")
    if found.too_long:
        tell(f"{found.too_long:,} more are longer than 1,000 characters: no stage. Fix them in the database.")
    if found.left_for_later:
        tell(f"{found.left_for_later:,} more, with fewer rows, follow when these are decided.")


def _export(context: ServiceContext, found: UndecidedSpellings, work: _Export, selection: Selection) -> None:
    from stagenorm_pipeline.report.shell_words import shell_word
    from stagenorm_pipeline.service.decision_sheet import write_sheet
    from stagenorm_pipeline.service.reviewing import write_review_page

    _report(context, found)
    for path, form in work.sheets:
        write_sheet(path, found.clusters, form, stages=found.decided.aliases.canonical)
        tell(f"{path}: fill in `cluster_stage` for a whole cluster, or `stage` for one row.")
        tell_command("Then:", f"stagenorm decisions --import {shell_word(str(path))}")
    if work.page is not None:
        write_review_page(context, found, work.page, selection=selection)
        tell(f"{work.page}: open it in a browser, decide, and export a patch file. It needs no network.")
        tell("Then: stagenorm decisions --import PATCH.json")


def _import(context: ServiceContext, found: UndecidedSpellings, work: _Import, by: str) -> None:
    from stagenorm_pipeline.service.reviewed_files import read_reviewed_file

    spellings = found.by_sha256()
    aliases = found.decided.aliases
    files = [read_reviewed_file(path, spellings, by=by, on=date.today(), aliases=aliases) for path in work.paths]
    merged = deciding.import_patches(context.configuration, [file.patch for file in files])
    for line in _imported(merged, files):
        tell(line)
    if merged.conflicts:
        sys.exit(exit_codes.FAILED)
    tell(f"{deciding.decisions_in_force(context.configuration)}. Next: stagenorm dry-run")


def _imported(merged: MergedPatches, files: Sequence[ReviewedFile]) -> Iterator[str]:
    from stagenorm_pipeline.report.escape import sentence_for_terminal

    yield f"{counted(len(merged.new), 'spelling')} decided, {merged.decided_before:,} decided alike before."
    unknown = [place for file in files for place in file.unknown]
    if unknown:
        places = ", ".join(unknown[:3]) + (f" and {len(unknown) - 3:,} more" if len(unknown) > 3 else "")
        yield f"{counted(len(unknown), 'decision')} left out, because no row holds that spelling now: {places}."
    if merged.conflicts:
        yield f"{counted(len(merged.conflicts), 'conflict')}; these spellings get no decision:"
        yield from (f"  {sentence_for_terminal(str(conflict))}" for conflict in merged.conflicts)
        yield "Agree on one choice, correct the files, and import them again; or answer: stagenorm decisions --ask"
