"""Run the commands of README.md and of every page in docs/, in the order of the page."""

import doctest
import json
import re
import shutil
from pathlib import Path

import click
import pytest

from stagenorm_pipeline.cli.main import main
from stagenorm_pipeline_tests.support.command_line import stagenorm_here
from stagenorm_pipeline_tests.support.commands_page import PAGE
from stagenorm_pipeline_tests.support.documented_commands import (
    PAGES,
    REPOSITORY,
    Fence,
    Sandbox,
    code_spans,
    fences,
    stagenorm_part,
)
from stagenorm_pipeline_tests.support.review_pages import patch

# Pages that one database sees after each other, and what they take for granted before their first command.
_APPLIED = ("init-db", "run --yes --sleep-ms 0", "verify --output report.json", "decisions --csv ben.csv")
_GIVEN = {
    ("README.md", "database.md", "runbook.md"): ("init-db",),
    ("metrics.md", "report-schema.md", "verify.md", "recover.md", "decide.md"): _APPLIED,
}
_NOT_RUN = {
    "README.md": ["installs packages"] * 2,
    "dagster.md": ["serves until Ctrl-C"],
    "deploy.md": ["needs docker"],
    "performance.md": ["takes minutes"],
    "several-machines.md": ["installs packages"]
    + ["serves until Ctrl-C; stagenorm_pipeline_tests/distributed runs these"] * 2,
}
_ALL = [fence for page in PAGES for fence in fences(page)]
_NO_JQ = shutil.which("jq") is None


@pytest.mark.parametrize("names", list(_GIVEN), ids="+".join)
def test_commands_of_a_page_run_in_order(names: tuple[str, ...], database_url: str, tmp_path: Path) -> None:
    with Sandbox(database_url, tmp_path) as sandbox:
        (tmp_path / "decisions-ana.json").write_text(json.dumps(patch({"Angel": "pre-seed"})))
        for command in _GIVEN[names]:
            ran = stagenorm_here(*command.split(), url=database_url, directory=tmp_path)
            assert ran.code == 0, ran.all
        assert [
            end for name in names for fence in _ALL if fence.page == name for end in _failures(fence, sandbox)
        ] == []


def _failures(fence: Fence, sandbox: Sandbox) -> list[tuple[str, str]]:
    match fence.language, fence.note:
        case "bash", "":
            return [end for end in sandbox.run(fence) if not (_NO_JQ and "jq" in end[0])]
        case "sql", "":
            ran = sandbox.psql(fence.text)
            return [(fence.text, ran.all)] if ran.code else []
        case "console", "":
            command, _, shown = fence.text.partition("\n")
            printed = sandbox.console(command.removeprefix("$ "))
            is_same = doctest.OutputChecker().check_output(shown, printed, doctest.ELLIPSIS)
            return [] if is_same else [(command, printed)]
    return []


def test_every_other_command_says_why_it_is_not_run() -> None:
    not_run = {
        page.name: [_reason(fence) for fence in fences(page) if fence.note.startswith("not-run: ")] for page in PAGES
    }
    assert {page: reasons for page, reasons in not_run.items() if reasons} == _NOT_RUN
    run_by = [fence for fence in _ALL if fence.note.startswith("run-by: ")]
    assert [fence for fence in run_by if fence.page not in (REPOSITORY / _reason(fence)).read_text()] == []
    runnable = {"bash", "sql", "console"}
    assert {fence.page for fence in _ALL if fence.language in runnable and not fence.note} == {
        name for names in _GIVEN for name in names
    }
    plain = [fence for fence in _ALL if not fence.language and fence.page != PAGE.name]
    assert [fence for fence in plain if fence.text.startswith(("$", "stagenorm", "psql", "make"))] == []


def _reason(fence: Fence) -> str:
    return fence.note.partition(": ")[2]


def test_commands_in_sentences_have_only_options_that_exist() -> None:
    """Also the examples of the help, which are on the page of the commands."""
    # What an example is for follows it, after two spaces.
    examples = [line.split("  ")[0] for fence in fences(PAGE) for line in fence.text.splitlines()]
    spans = [span for page in (*PAGES, REPOSITORY / "CONTRIBUTING.md") for span in code_spans(page)]
    wrong = [line for line in spans + examples if re.match("stagenorm [a-z-]", line) and not _parses(line)]
    assert not wrong


def _parses(line: str) -> bool:
    words = stagenorm_part(line)[0].replace('"', " ").split()[1:]
    command: click.Command = main
    context = click.Context(main)
    try:
        while isinstance(command, click.Group):
            _, words, _ = command.make_parser(context).parse_args(words)
            if not words:
                return True
            name, inner, words = command.resolve_command(context, words)
            assert inner is not None
            command, context = inner, click.Context(inner, parent=context, info_name=name)
        command.make_parser(context).parse_args(words)
    except click.UsageError:
        return False
    return True
