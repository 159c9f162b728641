"""`stagenorm decisions`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from stagenorm_pipeline.cli.database import open_database
from stagenorm_pipeline.cli.scope_options import read_work, scope_options

if TYPE_CHECKING:
    from stagenorm_pipeline.engine.inventory.inventory import TargetInventory

# A file of some 5 MB, and a few hundred MB of memory at the worst. Those with fewer rows follow in the next round.
_ASKED_AT_ONCE = 20_000


@click.command("decisions")
@scope_options
@click.option("--ask", is_flag=True, help="Ask about each undecided spelling here, one after the other.")
@click.option("--by", help="Who decides, for --ask.  [default: you@this-machine]")
def command(fund_id: str | None, no_fund: bool, table: str | None, ask: bool, by: str | None) -> None:
    """Write every undecided spelling into the decisions file, for a person to fill in.

    What is in the file stays: every decision, every comment. New entries come at the end, most rows first, each with
    where it is and what it may mean.

    \b
    Examples:
      stagenorm decisions                    then fill in stage_decisions.yaml
      stagenorm decisions --ask              answer here instead: Enter takes what is proposed
      stagenorm decisions --fund-id 123
    """
    from stagenorm_pipeline.cli.live_display import showing_reading
    from stagenorm_pipeline.engine.inventory.inventory import read_inventory, undecided_spellings
    from stagenorm_pipeline.engine.targets.visibility import visible_targets
    from stagenorm_pipeline.service.output_files import replace_file
    from stagenorm_pipeline.vocabulary import read_decisions_text, with_undecided

    work = read_work(fund_id, no_fund, table)
    path = work.configuration.decisions
    vocabulary = work.vocabulary()
    before = read_decisions_text(path) if path.exists() else ""
    with open_database() as database:
        work = work.with_known_fund(database)
        with database.snapshot() as connection:
            targets = visible_targets(connection, work.targets)
            with showing_reading(f"Reading {work.names}"):
                inventories = read_inventory(
                    connection, targets, work.scope, vocabulary, with_places=True, unknown_kept=_ASKED_AT_ONCE
                )
    undecided = undecided_spellings(inventories)
    text = with_undecided(before, str(path), undecided)
    if text != before:
        replace_file(path, text)
    _report(path, len(undecided), inventories)
    if ask and undecided:
        from stagenorm_pipeline.cli.decision_prompts import ask_about
        from stagenorm_pipeline.engine.postgres.identity import user_name

        ask_about(path, undecided, by or user_name())
    elif undecided:
        click.echo("Fill in `stage` (deleting a # takes the proposal behind it), or answer: stagenorm decisions --ask")
        click.echo("Then: stagenorm dry-run")


def _report(path: Path, undecided: int, inventories: tuple[TargetInventory, ...]) -> None:
    from stagenorm_pipeline.engine.inventory.inventory import count_unknown_spellings

    if not undecided:
        click.echo("No unknown spelling waits for a decision.")
    else:
        click.echo(f"{path}: {undecided:,} spelling(s) wait for a decision, most rows first.")
    too_long = sum(total.is_cut for inventory in inventories for total in inventory.unknown)
    if too_long:
        click.echo(f"{too_long:,} more are longer than 1,000 characters: no stage, to be mended in the database.")
    others = count_unknown_spellings(inventories) - undecided - too_long
    if others > 0:
        click.echo(f"{others:,} more, with fewer rows, follow when these are decided.")
