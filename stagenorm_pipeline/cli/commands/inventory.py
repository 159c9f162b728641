"""`stagenorm inventory`."""

import click

from stagenorm_pipeline.cli.live_display import showing_reading
from stagenorm_pipeline.cli.options import ScopeOptions, full_option, scope_options
from stagenorm_pipeline.cli.preflight_output import show_missing_migration
from stagenorm_pipeline.cli.screen import page, screen, show
from stagenorm_pipeline.cli.sources import show_sources, sources_document
from stagenorm_pipeline.report.inventory_and_plan_text import inventory_summary, inventory_text
from stagenorm_pipeline.report.json_document import document_json, inventory_document
from stagenorm_pipeline.service.context import open_service
from stagenorm_pipeline.service.inventory import read_inventory


@click.command("inventory")
@scope_options
@full_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for a script.")
def command(chosen: ScopeOptions, full: bool, as_json: bool) -> None:
    """List the spellings in the data. For the unknown ones, show funds, ids and what they may mean.

    Reads only.

    \b
    Examples:
      stagenorm inventory
      stagenorm inventory --full
      stagenorm inventory --fund-id 123
      stagenorm inventory --json | jq '.inventories[].unknown[].spelling'
    """
    with open_service(interface="cli", with_vocabulary=True) as context:
        selection = chosen.select(context)
        show_missing_migration(context)
        with showing_reading(f"Reading {chosen.target_names(context)}"):
            found = read_inventory(context, selection=selection).targets
    if as_json:
        click.echo(document_json({**inventory_document(found), **sources_document(context)}), nl=False)
    elif full:
        show_sources(context)
        page(inventory_text(found, screen()))
    else:
        show(inventory_summary(found, show_sources(context)))
