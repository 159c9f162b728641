"""`stagenorm preflight`."""

import click

from stagenorm_pipeline.cli.database import open_database
from stagenorm_pipeline.cli.preflight_output import show_findings
from stagenorm_pipeline.cli.scope_options import read_work, table_option


@click.command("preflight")
@table_option
def command(table: str | None) -> None:
    """Look for what would stand in the way, each with its remedy. Reads only; run it as the role that will work.

    \b
    Examples:
      stagenorm preflight
      stagenorm preflight --table portfoliocompanies
    """
    work = read_work(table=table)
    with open_database() as database:
        if not show_findings(database, work):
            click.echo("Nothing stands in the way.")
