"""`stagenorm sign-off`."""

from __future__ import annotations

from pathlib import Path

import click

from stagenorm_pipeline.cli.database import open_database


@click.command("sign-off")
@click.argument("verification_id", type=click.IntRange(1, 2**63 - 1), metavar="ID")
@click.option(
    "--report",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The archived JSON report: refused unless it is, byte for byte, the one that was made then.",
)
@click.option(
    "--accept-warnings",
    "accepted_warnings",
    metavar="REASON",
    help="Why the report's warnings are accepted. Needed for a report with warnings; kept with the signature.",
)
@click.option("--by", "signed_off_by", help="Who signs; otherwise the user of this computer.")
def command(
    verification_id: int, report: Path | None, accepted_warnings: str | None, signed_off_by: str | None
) -> None:
    """Sign a verification: what it tells is accepted, and the next one compares with what follows.

    Refused for one that failed, that is signed already, after which rows were changed, or that has warnings which
    nobody accepted. The reviewer's own database
    role signs; the role that runs the migration may not.

    \b
    Examples:
      stagenorm verify --output migration-report.json
      stagenorm sign-off 12 --report migration-report.json
      stagenorm sign-off 12 --by "Ada Reviewer"
      stagenorm sign-off 13 --accept-warnings "Fund 3 deleted two deals by request"
    """
    import hashlib

    from stagenorm_pipeline.engine.postgres.identity import user_name
    from stagenorm_pipeline.engine.verify.sign_off import sign_off
    from stagenorm_pipeline.report.escape import for_terminal
    from stagenorm_pipeline.report.wording import VERDICTS, scope_name

    digest = hashlib.sha256(report.read_bytes()).hexdigest() if report else None
    with open_database() as database:
        signed = sign_off(
            database,
            verification_id,
            signed_off_by or user_name(),
            report_sha256=digest,
            accepted_warnings=accepted_warnings,
        )
    click.echo(
        f"Verification {signed.verification_id} ({VERDICTS[signed.verdict].lower()}, {scope_name(signed.scope)}) "
        f"signed off by {for_terminal(signed.signed_off_by)}."
    )
    if signed.accepted_warnings is not None:
        click.echo(f"Its warnings were accepted: {for_terminal(signed.accepted_warnings)}")
    elif accepted_warnings is not None:
        click.echo("It has no warnings, so no reason was recorded.")
    click.echo("The next verification compares with the first plan applied after it.")
