"""`stagenorm sign-off`."""

from __future__ import annotations

from pathlib import Path

import click

from stagenorm_pipeline.cli.screen import tell
from stagenorm_pipeline.report.escape import for_terminal
from stagenorm_pipeline.report.wording import VERDICTS, scope_name
from stagenorm_pipeline.service import signing
from stagenorm_pipeline.service.context import open_service


@click.command("sign-off")
@click.argument("verification_id", type=click.IntRange(1, 2**63 - 1), metavar="ID")
@click.option(
    "--report",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The archived JSON report: refused unless it is, byte for byte, the one that was recorded.",
)
@click.option(
    "--accept-warnings",
    "accepted_warnings",
    metavar="REASON",
    help="Why the report's warnings are accepted. Needed for a report with warnings; kept with the signature.",
)
@click.option("--by", "signed_off_by", help="Who signs.  [default: the user of this computer]")
def command(
    verification_id: int, report: Path | None, accepted_warnings: str | None, signed_off_by: str | None
) -> None:
    """Sign a verification: you accept what it says, and later verifications compare with the state that you signed.

    Refused for a verification that failed, is signed already, has warnings without --accept-warnings, or after which
    rows were changed. Sign with the reviewer's own database role: the role that runs the migration may not sign.

    \b
    Examples:
      stagenorm verify --output migration-report.json
      stagenorm sign-off 12 --report migration-report.json
      stagenorm sign-off 12 --by "Ada Reviewer"
      stagenorm sign-off 13 --accept-warnings "Fund 3 deleted two deals"
    """
    with open_service(interface="cli") as context:
        signed = signing.sign_off(
            context,
            number=verification_id,
            signed_off_by=signed_off_by,
            report=report,
            accepted_warnings=accepted_warnings,
        )
    tell(
        f"Verification {signed.verification_id} ({VERDICTS[signed.verdict].lower()}, {scope_name(signed.scope)}) "
        f"signed off by {for_terminal(signed.signed_off_by)}."
    )
    if signed.vocabulary_version is not None:
        tell(f"It was judged by the vocabulary of version {for_terminal(signed.vocabulary_version)}.")
    if signed.accepted_warnings is not None:
        tell(f"Its warnings were accepted: {for_terminal(signed.accepted_warnings)}")
    elif accepted_warnings is not None:
        tell("It has no warnings, so no reason was recorded.")
    tell("The next verification compares with the first plan applied after it.")
