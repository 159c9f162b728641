"""`stagenorm decisions`."""

from __future__ import annotations

import click

from stagenorm_pipeline.cli.decision_prompts import ask_about
from stagenorm_pipeline.cli.live_display import showing_reading
from stagenorm_pipeline.cli.options import ScopeOptions, scope_options
from stagenorm_pipeline.service import deciding
from stagenorm_pipeline.service.context import open_service
from stagenorm_pipeline.service.deciding import UndecidedSpellings


@click.command("decisions")
@scope_options
@click.option("--ask", is_flag=True, help="Ask about each undecided spelling here, one after the other.")
@click.option("--by", help="Who decides, for --ask.  [default: you@this-machine]")
def command(chosen: ScopeOptions, ask: bool, by: str | None) -> None:
    """Write every undecided spelling into the decisions file, for a person to fill in.

    What is in the file stays: every decision, every comment. New entries come at the end, most rows first, each with
    where it is and what it may mean.

    \b
    Examples:
      stagenorm decisions                    then fill in stage_decisions.yaml
      stagenorm decisions --ask              answer here instead: Enter takes what is proposed
      stagenorm decisions --fund-id 123
    """
    with open_service(interface="cli", with_vocabulary=True) as context:
        selection = chosen.select(context)
        with showing_reading(f"Reading {chosen.target_names(context)}"):
            written = deciding.write_undecided(context, selection=selection)
        decided_by = by or context.user
    _report(written)
    if ask and written.undecided:
        ask_about(written.path, written.undecided, decided_by)
    elif written.undecided:
        click.echo("Fill in `stage` (deleting a # takes the proposal behind it), or answer: stagenorm decisions --ask")
        click.echo("Then: stagenorm dry-run")


def _report(written: UndecidedSpellings) -> None:
    count = len(written.undecided)
    if not count:
        click.echo("No unknown spelling waits for a decision.")
    else:
        waiting = "1 spelling waits" if count == 1 else f"{count:,} spellings wait"
        click.echo(f"{written.path}: {waiting} for a decision, most rows first.")
    if written.too_long:
        click.echo(f"{written.too_long:,} more are longer than 1,000 characters: no stage. Fix them in the database.")
    if written.left_for_later:
        click.echo(f"{written.left_for_later:,} more, with fewer rows, follow when these are decided.")
