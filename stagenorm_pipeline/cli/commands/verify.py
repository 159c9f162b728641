"""`stagenorm verify`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import click

from stagenorm_pipeline.cli import exit_codes
from stagenorm_pipeline.cli.dagster_history import report_to_dagster
from stagenorm_pipeline.cli.global_options import is_quiet
from stagenorm_pipeline.cli.live_display import showing_reading
from stagenorm_pipeline.cli.log_lines import say
from stagenorm_pipeline.cli.options import ScopeOptions, full_option, scope_options
from stagenorm_pipeline.cli.outputs import (
    LONGEST_NAME,
    Output,
    StandardOutput,
    format_option,
    read_output_place,
    read_outputs,
    standard_output,
    tell_outputs,
    write_outputs,
)
from stagenorm_pipeline.cli.screen import is_screen, page, screen, show, tell
from stagenorm_pipeline.cli.sources import show_sources
from stagenorm_pipeline.counts import counted
from stagenorm_pipeline.engine.verify.result import Verdict
from stagenorm_pipeline.errors import ConfigurationError
from stagenorm_pipeline.report.escape import for_terminal
from stagenorm_pipeline.report.report_form import ReportForm
from stagenorm_pipeline.report.terminal_text import verdict_text, verification_summary, verification_text
from stagenorm_pipeline.service import verifying
from stagenorm_pipeline.service.context import ServiceContext, open_service
from stagenorm_pipeline.service.verifying import VerificationReport, VerificationSettings


@click.command("verify")
@scope_options
@click.option("--strict", is_flag=True, help="Count warnings as failures.")
@click.option("--sample-size", type=click.IntRange(0, 100_000), default=100, show_default=True, help="Rows to sample.")
@click.option("--seed", type=click.IntRange(0, 2**31 - 1), default=0, show_default=True, help="Seed of the sample.")
@click.option("--plan", "plan_id", type=int, help="Compare with this plan's baseline.")
@click.option(
    "--against",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Compare the plans with this signed JSON report, which was kept outside the database.",
)
@click.option(
    "--output",
    "outputs",
    metavar="PATH",
    multiple=True,
    help="Write the JSON report (or .html, .md, .txt; - is standard output). Repeatable.",
)
@click.option("--findings", metavar="PATH", help="Write every finding, one JSON object per line.")
@format_option
@click.option("--json", "as_json", is_flag=True, help="The JSON report on standard output, as --format json.")
@full_option
def command(
    chosen: ScopeOptions,
    strict: bool,
    sample_size: int,
    seed: int,
    plan_id: int | None,
    against: Path | None,
    outputs: tuple[str, ...],
    findings: str | None,
    form: str | None,
    as_json: bool,
    full: bool,
) -> None:
    """Run the seven checks in one consistent snapshot. Never writes to the application's tables.

    Prints the checks, what the failed ones found, whether you can sign, and the next command. The report is stored
    with the verification: `stagenorm report` writes it again, in any form.

    \b
    Examples:
      stagenorm verify --strict
      stagenorm verify --output migration-report.json
      stagenorm verify --output report.json --output report.html
      stagenorm verify --json | jq .verdict
      stagenorm verify --findings findings.jsonl
      stagenorm verify --fund-id 123 --sample-size 500
      stagenorm verify --against signed-report.json
    """
    places = read_outputs(outputs, "json" if as_json else form)
    findings_path = None if findings is None else _read_findings_path(findings, places)
    settings = VerificationSettings(
        strict=strict,
        sample_size=sample_size,
        sample_seed=seed,
        plan_id=plan_id,
        against=None if against is None else verifying.load_signed_report(against),
    )
    with (
        standard_output(is_reserved=any(place.is_standard_output for place in places)) as stream,
        open_service(interface="cli", with_vocabulary=True) as context,
    ):
        selection = chosen.select(context)
        with showing_reading(f"Verifying {chosen.target_names(context)} and the audit log"):
            report = verifying.verify(context, selection=selection, settings=settings, findings=findings_path)
        saved = write_outputs(places, report.text, stream)
        if not is_quiet():
            _show_checks(context, report, full=full)
        if findings is not None and report.result.findings_file is not None:
            written = counted(report.result.findings_file.findings, "finding")
            tell(f"{written} written to {for_terminal(findings, limit=LONGEST_NAME)}")
        are_written = tell_outputs(saved, report.number)
        report_to_dagster(context)
        has_failed = report.result.verdict is Verdict.FAILED
        if has_failed:
            say("Verification FAILED: One or more checks failed", "ERROR")
        # The whole report ends with it too, but a pager may have left nothing on the screen.
        if is_quiet() or not full or is_screen(sys.stdout):
            _show_verdict(report, places)
    if has_failed or not are_written:
        sys.exit(exit_codes.FAILED)


def _read_findings_path(name: str, places: Sequence[Output]) -> Path:
    path = read_output_place(name)
    if isinstance(path, StandardOutput) or path in [place.place for place in places]:
        raise ConfigurationError(
            f"--findings {name} cannot be written: the report goes there or may go there.",
            remedy="Name another file, for example findings.jsonl.",
        )
    return path


def _show_checks(context: ServiceContext, report: VerificationReport, *, full: bool) -> None:
    if full:
        page(verification_text(report.result, sha256=report.sha256, verification_id=report.number, screen=screen()))
        return
    show(verification_summary(report.result, screen()))
    click.echo()
    show_sources(context)
    tell(f"Recorded as verification {report.number}. All of it: stagenorm report {report.number} --full")
    tell(f"SHA-256 of the JSON report: {report.sha256}")


def _show_verdict(report: VerificationReport, places: Sequence[Output]) -> None:
    saved_as = next(
        (place.name for place in places if not place.is_standard_output and place.form is ReportForm.JSON), None
    )
    show(verdict_text(report.result, verification_id=report.number, saved_as=saved_as, screen=screen()))
