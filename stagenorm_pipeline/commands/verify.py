"""`stagenorm verify`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from stagenorm_pipeline.commands import exit_codes
from stagenorm_pipeline.commands.database import open_database
from stagenorm_pipeline.commands.scope import read_work, scope_options
from stagenorm_pipeline.engine.errors import ConfigurationError

if TYPE_CHECKING:
    from stagenorm_pipeline.engine.verification.result import VerificationResult


@click.command("verify")
@scope_options
@click.option("--strict", is_flag=True, help="Count warnings as failures.")
@click.option("--sample-size", type=click.IntRange(0, 100_000), default=100, show_default=True, help="Rows to sample.")
@click.option("--seed", type=click.IntRange(0, 2**31 - 1), default=0, show_default=True, help="Which sample.")
@click.option("--plan", "plan_id", type=int, help="Compare with this plan's baseline.")
@click.option(
    "--output",
    "outputs",
    type=click.Path(dir_okay=False, path_type=Path),
    multiple=True,
    help="Write the JSON report (or .html, .md, .txt); may be given several times, for forms of one verification.",
)
def command(
    fund_id: str | None,
    no_fund: bool,
    table: str | None,
    strict: bool,
    sample_size: int,
    seed: int,
    plan_id: int | None,
    outputs: tuple[Path, ...],
) -> None:
    """Run the seven checks in one consistent snapshot. Never writes to the application's tables.

    \b
    Examples:
      stagenorm verify --strict
      stagenorm verify --output migration-report.json
      stagenorm verify --output migration-report.json --output migration-report.html
      stagenorm verify --fund-id 123 --sample-size 500
    """
    from stagenorm_pipeline.commands.history import tell_verified
    from stagenorm_pipeline.commands.screen import showing_reading
    from stagenorm_pipeline.engine.verification.result import Verdict
    from stagenorm_pipeline.engine.verification.verify import VerifyRequest, record_verification, verify
    from stagenorm_pipeline.engine.workers import user_name
    from stagenorm_pipeline.report.document import document_json, document_sha256, verification_document
    from stagenorm_pipeline.report.text import verification_text
    from stagenorm_pipeline.terminal import say

    for output in outputs:
        _require_its_directory(output)
    work = read_work(fund_id, no_fund, table)
    request = VerifyRequest(
        work.vocabulary(),
        user_name(),
        work.targets,
        work.scope,
        strict,
        sample_size,
        seed,
        plan_id,
        work.configuration.verify,
    )
    with open_database(to_record=True) as database:
        with showing_reading(f"Verifying {work.names} and the audit log"):
            result = verify(database, request)
        document = verification_document(result)
        number = record_verification(database, result, report=document_json(document))
    sha256 = document_sha256(document)
    click.echo(verification_text(result, sha256=sha256, verification_id=number))
    for output in outputs:
        _write_report(output, result, sha256, number)
        click.echo(f"Report written to {output}")
    whole = work.scope.all_funds and table is None and plan_id is None
    tell_verified(result, number, sha256, is_whole=whole)
    if result.verdict is Verdict.FAILED:
        say("Verification FAILED: One or more checks failed", "ERROR")
        sys.exit(exit_codes.FAILED)


def _require_its_directory(output: Path) -> None:
    if not output.absolute().parent.is_dir():
        raise ConfigurationError(f"The directory of {output} does not exist.", remedy="Create it first.")


def _write_report(output: Path, result: VerificationResult, sha256: str, number: int) -> None:
    from stagenorm_pipeline.report.document import document_json, verification_document
    from stagenorm_pipeline.report.html import verification_html
    from stagenorm_pipeline.report.markdown import verification_markdown
    from stagenorm_pipeline.report.text import verification_text
    from stagenorm_pipeline.whole_file import replace_file

    match output.suffix.lower():
        case ".html":
            text = verification_html(result, sha256, number)
        case ".md":
            text = verification_markdown(result, sha256, number)
        case ".txt":
            text = verification_text(result, sha256=sha256, verification_id=number) + "\n"
        case _:
            text = document_json(verification_document(result))
    replace_file(output, text)
