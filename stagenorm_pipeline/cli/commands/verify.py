"""`stagenorm verify`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from stagenorm_pipeline.cli import exit_codes
from stagenorm_pipeline.cli.dagster_history import report_to_dagster
from stagenorm_pipeline.cli.live_display import showing_reading
from stagenorm_pipeline.cli.log_lines import say
from stagenorm_pipeline.cli.options import ScopeOptions, scope_options
from stagenorm_pipeline.cli.outputs import format_option, read_outputs, standard_output, write_outputs
from stagenorm_pipeline.engine.verify.result import Verdict
from stagenorm_pipeline.report.formats import ReportForm
from stagenorm_pipeline.service import verifying
from stagenorm_pipeline.service.context import open_service
from stagenorm_pipeline.service.verifying import VerificationSettings


@click.command("verify")
@scope_options
@click.option("--strict", is_flag=True, help="Count warnings as failures.")
@click.option("--sample-size", type=click.IntRange(0, 100_000), default=100, show_default=True, help="Rows to sample.")
@click.option("--seed", type=click.IntRange(0, 2**31 - 1), default=0, show_default=True, help="Which sample.")
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
    help="Write the JSON report (or .html, .md, .txt; - is standard output); may be given several times.",
)
@format_option
def command(
    chosen: ScopeOptions,
    strict: bool,
    sample_size: int,
    seed: int,
    plan_id: int | None,
    against: Path | None,
    outputs: tuple[str, ...],
    form: str | None,
) -> None:
    """Run the seven checks in one consistent snapshot. Never writes to the application's tables.

    The report is stored with the verification: `stagenorm report` writes it again, in any form.

    \b
    Examples:
      stagenorm verify --strict
      stagenorm verify --output migration-report.json
      stagenorm verify --output migration-report.json --output migration-report.html
      stagenorm verify --output - | jq .verdict
      stagenorm verify --fund-id 123 --sample-size 500
      stagenorm verify --against signed-report.json
    """
    places = read_outputs(outputs, form)
    settings = VerificationSettings(
        strict=strict,
        sample_size=sample_size,
        sample_seed=seed,
        plan_id=plan_id,
        against=None if against is None else verifying.load_signed_report(against),
    )
    with (
        standard_output(is_reserved=any(place.path is None for place in places)) as stream,
        open_service(interface="cli", with_vocabulary=True) as context,
    ):
        selection = chosen.select(context)
        with showing_reading(f"Verifying {chosen.target_names(context)} and the audit log"):
            report = verifying.verify(context, selection=selection, settings=settings)
        click.echo(report.text(ReportForm.TEXT), nl=False)
        are_written = write_outputs(places, report.text, report.number, stream)
        report_to_dagster(context)
        has_failed = report.result.verdict is Verdict.FAILED
        if has_failed:
            say("Verification FAILED: One or more checks failed", "ERROR")
    if has_failed or not are_written:
        sys.exit(exit_codes.FAILED)
