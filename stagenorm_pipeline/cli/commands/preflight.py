"""`stagenorm preflight`."""

import click

from stagenorm_pipeline.cli.options import ScopeOptions, table_option
from stagenorm_pipeline.cli.preflight_output import show_findings, show_findings_json
from stagenorm_pipeline.service.context import open_service


@click.command("preflight")
@table_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for a script.")
def command(table: str | None, as_json: bool) -> None:
    """Check what would stop a run, and say how to fix each problem. Reads only. Use the role that will do the work.

    \b
    Examples:
      stagenorm preflight
      stagenorm preflight --table portfoliocompanies
      stagenorm preflight --json | jq '.findings[].message'
    """
    with open_service(interface="cli") as context:
        if as_json:
            show_findings_json(context, ScopeOptions(table=table).targets(context))
            return
        if not show_findings(context, ScopeOptions(table=table).targets(context)):
            click.echo("No problem found.")
