"""`stagenorm backup`, and under it `verify`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from stagenorm_pipeline.cli.database import open_database
from stagenorm_pipeline.cli.outputs import LONGEST_NAME, STDOUT, read_output_path, standard_output
from stagenorm_pipeline.cli.scope_options import Work, read_work, table_option

if TYPE_CHECKING:
    from stagenorm_pipeline.engine.postgres.connection import Database

_FILE = click.argument("file", type=click.Path(path_type=Path))


@click.group("backup", invoke_without_command=True)
@table_option
@click.option(
    "--output", metavar="PATH", help="The file; - is standard output.  [default: stagenorm-backup-<time>.sql.gz]"
)
@click.pass_context
def command(context: click.Context, table: str | None, output: str | None) -> None:
    """Save keys, funds and stages of the targets to a file, all from one snapshot, with checksums.

    The file is readable by you alone and never replaces another one. It is a gzip'ed script for psql, which loads it
    without stagenorm.

    \b
    Examples:
      stagenorm backup
      stagenorm backup --output /backups/stages.sql.gz
      stagenorm backup verify /backups/stages.sql.gz     is it whole and undamaged?
      stagenorm backup --output - | ssh vault 'cat > stages.sql.gz'
    """
    if context.invoked_subcommand is not None:
        return
    from stagenorm_pipeline.cli.live_display import showing_reading
    from stagenorm_pipeline.engine.backup.backup import make_backup
    from stagenorm_pipeline.engine.postgres.identity import user_name
    from stagenorm_pipeline.report.backup_text import manifest_text
    from stagenorm_pipeline.report.escape import for_terminal

    work = read_work(table=table)
    path = read_output_path(_default_name() if output is None else output)
    with standard_output(is_reserved=path is None) as stream:
        with open_database(to_record=True) as database, showing_reading("Saving"):
            raw = None if path else os.fdopen(os.dup(stream.fileno()), "wb")
            backup = make_backup(database, work.targets, path or Path(STDOUT), made_by=user_name(), stream=raw)
        click.echo(manifest_text(backup.manifest, backup.sha256))
        shown = "FILE" if path is None else for_terminal(str(path), limit=LONGEST_NAME)
        click.echo(f"Written to {'standard output' if path is None else shown} ({backup.size:,} bytes)")
        click.echo(f"Next: stagenorm backup verify {shown}, on the machine that keeps it")


@command.command("verify")
@_FILE
def verify(file: Path) -> None:
    """Read a backup from its first to its last byte and hold it against its checksums. Needs no database."""
    from stagenorm_pipeline.cli.live_display import showing_reading
    from stagenorm_pipeline.engine.backup.backup_file import check_backup
    from stagenorm_pipeline.report.backup_text import manifest_text

    with showing_reading("Checking"):
        reader = check_backup(file)
    click.echo(manifest_text(reader.manifest, reader.sha256))
    click.echo("Whole and undamaged.")


def remind_of_backup(database: Database, work: Work) -> None:
    """Say it where no recent backup of the targets is recorded. A reminder, never a refusal."""
    from stagenorm_pipeline.cli.log_lines import say
    from stagenorm_pipeline.engine.backup.backup import read_backup_ages
    from stagenorm_pipeline.engine.targets.target import resolve_targets
    from stagenorm_pipeline.report.backup_text import reminder

    with database.snapshot() as connection:
        words = reminder(read_backup_ages(connection, resolve_targets(connection, work.targets)))
    if words:
        say(words, "WARN")


def _default_name() -> str:
    from datetime import UTC, datetime

    return f"stagenorm-backup-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.sql.gz"
