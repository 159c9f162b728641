"""`stagenorm init-db`."""

import click

from stagenorm_pipeline.service.context import open_service
from stagenorm_pipeline.service.setting_up import create_tracking_tables


@click.command("init-db")
def command() -> None:
    """Create stagenorm's own tables and views. Safe to run again; touches nothing of the application.

    \b
    Examples:
      stagenorm init-db
    \b
    The same with psql:
      for f in sql/migrations/*.sql; do psql "$DATABASE_URL" -f "$f"; done
    """
    with open_service(interface="cli") as context:
        for name in create_tracking_tables(context):
            click.echo(f"Applied {name}")
