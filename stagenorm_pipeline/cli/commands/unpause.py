"""`stagenorm unpause`."""

import click

from stagenorm_pipeline.cli.dagster_history import report_to_dagster
from stagenorm_pipeline.service import monitoring
from stagenorm_pipeline.service.context import open_service


@click.command("unpause")
def command() -> None:
    """Let the runners continue that `stagenorm pause` paused.

    \b
    Examples:
      stagenorm unpause
    """
    with open_service(interface="cli") as context:
        monitoring.unpause(context)
        click.echo("Not paused any more.")
        report_to_dagster(context)
