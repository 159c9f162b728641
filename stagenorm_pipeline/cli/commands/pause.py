"""`stagenorm pause`; its counterpart is in `unpause.py`."""

import click

from stagenorm_pipeline.cli.database import open_database


@click.command("pause")
@click.option("--reason", default="no reason given", help="Why, for the others.")
def command(reason: str) -> None:
    """Let no runner start another batch until `stagenorm unpause`: on any machine, in Dagster too.

    \b
    Examples:
      stagenorm pause --reason "release at 14:00, ask Ana"
      stagenorm unpause
    """
    from stagenorm_pipeline.cli.dagster_history import tell_state
    from stagenorm_pipeline.engine.apply.pause import set_paused
    from stagenorm_pipeline.engine.postgres.identity import user_name

    with open_database() as database:
        set_paused(database, paused=True, reason=reason, changed_by=user_name())
        click.echo("Paused: every runner stops before its next batch. `stagenorm unpause` lets them go on.")
        tell_state(database)
