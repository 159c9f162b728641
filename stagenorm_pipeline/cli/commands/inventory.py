"""`stagenorm inventory`."""

import click

from stagenorm_pipeline.cli.database import open_database
from stagenorm_pipeline.cli.preflight_output import say_what_is_missing
from stagenorm_pipeline.cli.scope_options import read_work, scope_options


@click.command("inventory")
@scope_options
@click.option("--json", "as_json", is_flag=True, help="For a script.")
def command(fund_id: str | None, no_fund: bool, table: str | None, as_json: bool) -> None:
    """List the spellings in the data. Of the unknown ones: in which funds, between which ids, what they may mean.

    Reads only.

    \b
    Examples:
      stagenorm inventory
      stagenorm inventory --fund-id 123
      stagenorm inventory --json | jq '.inventories[].unknown[] | [.rows, .spelling, .first_id]'
    """
    from stagenorm_pipeline.cli.live_display import showing_reading
    from stagenorm_pipeline.engine.inventory.inventory import read_inventory
    from stagenorm_pipeline.engine.targets.visibility import visible_targets
    from stagenorm_pipeline.report.json_document import document_json, inventory_document
    from stagenorm_pipeline.report.terminal_text import inventory_text

    work = read_work(fund_id, no_fund, table)
    vocabulary = work.vocabulary()
    with open_database() as database:
        work = work.with_known_fund(database)
        with database.snapshot() as connection:
            say_what_is_missing(connection)
            targets = visible_targets(connection, work.targets)
            with showing_reading(f"Reading {work.names}"):
                inventories = read_inventory(connection, targets, work.scope, vocabulary, with_places=True)
    text = document_json(inventory_document(inventories)).rstrip("\n") if as_json else inventory_text(inventories)
    click.echo(text)
