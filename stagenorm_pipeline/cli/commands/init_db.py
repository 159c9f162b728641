"""`stagenorm init-db`."""

import click

from stagenorm_pipeline.cli.database import open_database


@click.command("init-db")
def command() -> None:
    """Create stagenorm's own tables and views. Safe to run again; touches nothing of the application.

    \b
    Examples:
      stagenorm init-db
      for f in sql/migrations/*.sql; do psql "$DATABASE_URL" -f "$f"; done    the same with psql
    """
    from stagenorm_pipeline.engine.postgres.migrations import apply_migrations

    with open_database() as database:
        for file in apply_migrations(database):
            click.echo(f"Applied {file.name}")
