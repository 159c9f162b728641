"""`stagenorm preflight`."""

import click

from stagenorm_pipeline.cli.options import ScopeOptions, table_option
from stagenorm_pipeline.cli.preflight_output import show_findings
from stagenorm_pipeline.service.context import open_service


@click.command("preflight")
@table_option
def command(table: str | None) -> None:
    """Check what would stop a run, and say how to fix each problem. Reads only; run it as the role that will work.

    \b
    Examples:
      stagenorm preflight
      stagenorm preflight --table portfoliocompanies
    """
    with open_service(interface="cli") as context:
        if not show_findings(context, ScopeOptions(table=table).targets(context)):
            click.echo("No problem found.")
