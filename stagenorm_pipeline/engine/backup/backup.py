"""Back up keys, funds and stages of the targets from one snapshot into one file, and tell how old the newest one is.

`backup_file` has the format of the file.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, BinaryIO

import psycopg
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from stagenorm_pipeline import __version__
from stagenorm_pipeline.config.settings import TargetSetting
from stagenorm_pipeline.engine.backup.backup_file import BackupError, BackupWriter, Manifest, SavedTarget
from stagenorm_pipeline.engine.postgres.connection import Database, first_line
from stagenorm_pipeline.engine.postgres.migrations import require_migrations
from stagenorm_pipeline.engine.postgres.sql_files import statement
from stagenorm_pipeline.engine.targets.target import Target
from stagenorm_pipeline.engine.targets.visibility import visible_targets
from stagenorm_pipeline.errors import StagenormError

# `stagenorm run` reminds you of older backups: they miss what users have written since.
RECENT = timedelta(hours=24)


@dataclass(frozen=True, slots=True, kw_only=True)
class Backup:
    """A finished backup: the file, its manifest, the checksum of its content, its size in bytes."""

    path: Path
    manifest: Manifest
    sha256: str
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupAge:
    """The age of a target's newest backup. `made_at` None: there is none. `now` is the database's clock."""

    target: str
    made_at: datetime | None
    now: datetime

    @property
    def is_recent(self) -> bool:
        return self.made_at is not None and self.now - self.made_at <= RECENT


def make_backup(
    database: Database,
    settings: tuple[TargetSetting, ...],
    path: Path,
    *,
    made_by: str,
    stream: BinaryIO | None = None,
) -> Backup:
    """Save the targets to `path` and record the backup. Memory holds one row at a time.

    With `stream`, write there instead and close it; `path` is then only its name.

    Raises ConfigurationError if the file exists already, BackupError if it cannot be written, and RefusedError if
    row-level security would hide rows.
    """
    with BackupWriter(path, stream) as writer:
        with database.snapshot() as connection:
            require_migrations(connection)
            targets = visible_targets(connection, settings)
            manifest = _begin(connection, made_by)
            for target in targets:
                with _copying(connection, target) as chunks:
                    writer.add(_saved(target), chunks)
        manifest, sha256, size = writer.finish(manifest)
    backup = Backup(path=path, manifest=manifest, sha256=sha256, size=size)
    _record(database, backup)
    return backup


def read_backup_ages(connection: sa.Connection, targets: tuple[Target, ...]) -> tuple[BackupAge, ...]:
    """Read how old the newest backup of each target is."""
    values = {"targets": [target.name for target in targets]}
    rows = connection.exec_driver_sql(statement("backup/age"), values)
    return tuple(BackupAge(target=row.target, made_at=row.newest, now=row.now) for row in rows)


def _begin(connection: sa.Connection, made_by: str) -> Manifest:
    facts = connection.exec_driver_sql(statement("backup/facts")).one()
    return Manifest(
        database=facts.database,
        made_at=facts.made_at,
        made_by=made_by,
        server_version=facts.server_version,
        wal_position=facts.wal_position,
        code_version=__version__,
    )


def _saved(target: Target) -> SavedTarget:
    return SavedTarget(
        schema=target.schema,
        table=target.table,
        column=target.column,
        key_column=target.key_column,
        fund_column=target.fund_column,
    )


@contextmanager
def _copying(connection: sa.Connection, target: Target) -> Iterator[Iterator[bytes]]:
    """Stream the rows as the server's COPY writes them. The COPY has ended when the block is left."""
    parts = target.sql_parts()
    query = statement("backup/rows", **{name: parts[name] for name in ("key", "fund", "stage", "table")})
    driver: Any = connection.connection.driver_connection
    assert isinstance(driver, psycopg.Connection)  # noqa: S101 - for the type checker
    try:
        # No values are bound, so the driver does not halve the percent signs that `statement` doubled.
        with driver.cursor() as cursor, cursor.copy(query.replace("%%", "%").encode()) as copy:
            yield (bytes(data) for data in copy)
    except BaseException:
        # After a full disk or Ctrl-C in the middle of a COPY, a ROLLBACK would fail or wait for the COPY, and mask the
        # original error. So the session is dropped.
        connection.invalidate()
        raise


def _record(database: Database, backup: Backup) -> None:
    values = {
        "created_at": backup.manifest.made_at,
        "created_by": backup.manifest.made_by,
        "targets": [target.name for target in backup.manifest.targets],
        "rows_saved": backup.manifest.rows,
        "file_name": backup.path.name,
        "file_bytes": backup.size,
        "sha256": backup.sha256,
    }
    try:
        with database.transaction() as connection:
            connection.exec_driver_sql(statement("backup/record"), values)
    except (StagenormError, DBAPIError, psycopg.Error) as error:
        raise BackupError(
            f"{backup.path} is complete, but it could not be recorded in the database: {first_line(error)}",
            remedy="You can use the file. `stagenorm run` will still remind you to make a backup.",
        ) from error
