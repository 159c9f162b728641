"""`stagenorm unpause`."""

import click

from stagenorm_pipeline.cli.database import open_database


@click.command("unpause")
def command() -> None:
    """Let the runners go on that `stagenorm pause` stopped.

    \b
    Examples:
      stagenorm unpause
    """
    from stagenorm_pipeline.cli.dagster_history import tell_state
    from stagenorm_pipeline.engine.apply.pause import set_paused
    from stagenorm_pipeline.engine.postgres.identity import user_name

    with open_database() as database:
        set_paused(database, paused=False, reason=None, changed_by=user_name())
        click.echo("Not paused any more.")
        tell_state(database)
