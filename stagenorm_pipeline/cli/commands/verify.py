"""`stagenorm verify`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from stagenorm_pipeline.cli import exit_codes
from stagenorm_pipeline.cli.database import open_database
from stagenorm_pipeline.cli.outputs import format_option, read_outputs, standard_output, write_outputs
from stagenorm_pipeline.cli.scope_options import read_work, scope_options
from stagenorm_pipeline.errors import ConfigurationError

if TYPE_CHECKING:
    from stagenorm_pipeline.engine.verify.signed_report_file import SignedReport


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
    fund_id: str | None,
    no_fund: bool,
    table: str | None,
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
    from stagenorm_pipeline.cli.dagster_history import tell_verified
    from stagenorm_pipeline.cli.live_display import showing_reading
    from stagenorm_pipeline.cli.log_lines import say
    from stagenorm_pipeline.engine.postgres.identity import user_name
    from stagenorm_pipeline.engine.verify.recorded_verifications import record_verification
    from stagenorm_pipeline.engine.verify.result import Verdict
    from stagenorm_pipeline.engine.verify.verification import VerifyRequest, verify
    from stagenorm_pipeline.report.formats import ReportForm, report_in
    from stagenorm_pipeline.report.json_document import document_json, document_sha256, verification_document

    places = read_outputs(outputs, form)
    work = read_work(fund_id, no_fund, table)
    vocabulary = work.vocabulary()
    signed_report = _read_against(against)
    with standard_output(is_reserved=any(place.path is None for place in places)) as stream:
        with open_database(to_record=True) as database:
            work = work.with_known_fund(database)
            request = VerifyRequest(
                vocabulary=vocabulary,
                created_by=user_name(),
                targets=work.targets,
                scope=work.scope,
                strict=strict,
                sample_size=sample_size,
                sample_seed=seed,
                plan_id=plan_id,
                settings=work.configuration.verify,
                against=signed_report,
            )
            with showing_reading(f"Verifying {work.names} and the audit log"):
                result = verify(database, request)
            document = verification_document(result)
            report, sha256 = document_json(document), document_sha256(document)
            number = record_verification(database, result, report=report)

        def text_in(form: ReportForm) -> str:
            return report_in(form, result, report=report, sha256=sha256, number=number)

        click.echo(text_in(ReportForm.TEXT), nl=False)
        are_written = write_outputs(places, text_in, number, stream)
        whole = work.scope.all_funds and table is None and plan_id is None
        tell_verified(result, number, sha256, is_whole=whole)
        if result.verdict is Verdict.FAILED:
            say("Verification FAILED: One or more checks failed", "ERROR")
    if result.verdict is Verdict.FAILED or not are_written:
        sys.exit(exit_codes.FAILED)


def _read_against(path: Path | None) -> SignedReport | None:
    if path is None:
        return None
    from stagenorm_pipeline.engine.verify.signed_report_file import read_signed_report

    try:
        content = path.read_bytes()
    except OSError as error:
        raise ConfigurationError(
            f"{path} cannot be read: {error.strerror}.", remedy="Name the JSON report that was signed."
        ) from error
    return read_signed_report(content, str(path))
