"""`stagenorm approval`."""

from __future__ import annotations

from typing import Literal

import click

from stagenorm_pipeline.cli.screen import screen, show, tell
from stagenorm_pipeline.report.approval_text import approval_text
from stagenorm_pipeline.service import approving
from stagenorm_pipeline.service.context import open_service


@click.command("approval")
@click.argument("change", type=click.Choice(["require", "lift"]), required=False)
def command(change: Literal["require", "lift"] | None) -> None:
    """Require an approval before any plan is applied, or lift that. Without an argument, show which plans wait.

    The requirement is in the database: it holds for runs, schedules and the Dagster UI alike. Only the owner of
    stagenorm's tables can change it. A rollback needs no approval.

    \b
    Examples:
      stagenorm approval              is it required, and which plans wait?
      stagenorm approval require
      stagenorm approval lift
    """
    with open_service(interface="cli") as context:
        match change:
            case "require":
                is_new = approving.require_approvals(context)
                tell("Plans need an approval from now on." if is_new else "Plans need an approval already.")
            case "lift":
                is_new = approving.lift_approvals(context)
                tell("Plans need no approval any more." if is_new else "Plans need no approval anyway.")
            case None:
                show(approval_text(approving.read_approval_state(context), screen()))
