"""`stagenorm backup`, and under it `verify` and `restore`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from stagenorm_pipeline.commands.applying import Pace, apply_and_report, pace_options
from stagenorm_pipeline.commands.database import open_database
from stagenorm_pipeline.commands.planning import BatchSize, batch_size_option, rows_in_a_batch
from stagenorm_pipeline.commands.scope import Work, read_work, table_option

if TYPE_CHECKING:
    from stagenorm_pipeline.engine.backup_file import Manifest
    from stagenorm_pipeline.engine.connection import Database

_FILE = click.argument("file", type=click.Path(path_type=Path))


@click.group("backup", invoke_without_command=True)
@table_option
@click.option("--output", type=click.Path(path_type=Path), help="The file.  [default: stagenorm-backup-<time>.sql.gz]")
@click.pass_context
def command(context: click.Context, table: str | None, output: Path | None) -> None:
    """Save keys, funds and stages of the targets to a file, all from one snapshot, with checksums.

    The file is readable by you alone and never replaces another one. It is a gzip'ed script for psql: it can be used
    without stagenorm too.

    \b
    Examples:
      stagenorm backup
      stagenorm backup --output /backups/stages.sql.gz
      stagenorm backup verify /backups/stages.sql.gz     is it whole and undamaged?
      stagenorm backup restore /backups/stages.sql.gz    show what differs and would be restored
    """
    if context.invoked_subcommand is not None:
        return
    from stagenorm_pipeline.commands.screen import showing_reading
    from stagenorm_pipeline.engine.backup import make_backup
    from stagenorm_pipeline.engine.workers import user_name
    from stagenorm_pipeline.report.backup_text import manifest_text
    from stagenorm_pipeline.report.escape import for_terminal

    work = read_work(table=table)
    path = output or Path(_default_name())
    with open_database(to_record=True) as database, showing_reading("Saving"):
        backup = make_backup(database, work.targets, path, made_by=user_name())
    click.echo(manifest_text(backup.manifest, backup.sha256))
    click.echo(f"Written to {for_terminal(str(path))} ({backup.size:,} bytes)")
    click.echo(f"Next: stagenorm backup verify {for_terminal(str(path))}, on the machine that keeps it")


@command.command("verify")
@_FILE
def verify(file: Path) -> None:
    """Read a backup from its first to its last byte and hold it against its checksums. Needs no database."""
    from stagenorm_pipeline.commands.screen import showing_reading
    from stagenorm_pipeline.engine.backup_file import check_backup
    from stagenorm_pipeline.report.backup_text import manifest_text

    with showing_reading("Checking"):
        reader = check_backup(file)
    click.echo(manifest_text(reader.manifest, reader.sha256))
    click.echo("Whole and undamaged.")


@command.command("restore")
@_FILE
@batch_size_option
@pace_options
@click.option("--yes", is_flag=True, help="Do it; without this only what would be restored is shown.")
def restore(file: Path, batch_size: BatchSize, pace: Pace, yes: bool) -> None:
    """Go back to a backup. For the day on which the audit log is lost: while it is there, `rollback` knows more.

    A row is restored where its stage now is what normalizing its stage of then gives. Any other difference is somebody
    else's work: listed and left. The restore runs in batches, is audited and resumable like a rollback.

    \b
    Examples:
      stagenorm backup restore stages.sql.gz             show what would be restored; changes nothing
      stagenorm backup restore stages.sql.gz --yes       do it
    """
    from stagenorm_pipeline.commands.screen import showing_reading
    from stagenorm_pipeline.engine.backup_restore import RestoreRequest, preview_restore, record_restore
    from stagenorm_pipeline.engine.workers import user_name
    from stagenorm_pipeline.report.backup_text import restore_text

    work = read_work()
    request = RestoreRequest(file, work.vocabulary(), rows_in_a_batch(batch_size))
    with open_database(to_record=yes) as database:
        with showing_reading("Comparing"):
            preview = preview_restore(database, request)
        click.echo(restore_text(preview))
        if not yes or not preview.restorable:
            click.echo("Nothing was changed." + (" Add --yes to restore them." if preview.restorable else ""))
            return
        with showing_reading("Recording the restore"):
            plan_id = record_restore(database, request, created_by=user_name())
        scope = _of_the_file(work, preview.manifest)
        apply_and_report(database, scope, plan_id, pace, batch_size=batch_size, name="Restore")


def remind_of_backup(database: Database, work: Work) -> None:
    """Say it where no recent backup of the targets is recorded. A reminder, never a refusal."""
    from stagenorm_pipeline.engine.backup import read_backup_ages
    from stagenorm_pipeline.engine.targets import resolve_targets
    from stagenorm_pipeline.report.backup_text import reminder
    from stagenorm_pipeline.terminal import say

    with database.snapshot() as connection:
        words = reminder(read_backup_ages(connection, resolve_targets(connection, work.targets)))
    if words:
        say(words, "WARN")


def _of_the_file(work: Work, manifest: Manifest) -> Work:
    """The targets are those of the file, whatever is configured today."""
    from stagenorm_pipeline.engine.configuration import TargetSetting

    settings = tuple(
        TargetSetting(target.table, target.column, target.schema, target.key_column) for target in manifest.targets
    )
    return Work(work.configuration, settings, work.scope)


def _default_name() -> str:
    from datetime import UTC, datetime

    return f"stagenorm-backup-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.sql.gz"
