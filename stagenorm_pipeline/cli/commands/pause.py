"""`stagenorm pause`; its counterpart is in `unpause.py`."""

import click

from stagenorm_pipeline.cli.dagster_history import report_to_dagster
from stagenorm_pipeline.cli.screen import tell
from stagenorm_pipeline.service import monitoring
from stagenorm_pipeline.service.context import open_service


@click.command("pause")
@click.option("--reason", default="no reason given", help="Why. Everyone who meets the pause sees it.")
def command(reason: str) -> None:
    """Pause all runners after their current batch, on any machine and in Dagster, until `stagenorm unpause`.

    \b
    Examples:
      stagenorm pause --reason "release at 14:00, ask Ana"
      stagenorm unpause
    """
    with open_service(interface="cli") as context:
        monitoring.pause(context, reason=reason)
        tell("Paused: every runner stops before its next batch. To continue: stagenorm unpause")
        report_to_dagster(context)
