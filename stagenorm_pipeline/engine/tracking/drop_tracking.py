"""Drop stagenorm's own tables after an export. The audit log stays unless it is named."""

import gzip
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psycopg
import sqlalchemy as sa
from psycopg import sql
from sqlalchemy.exc import DBAPIError

from stagenorm_pipeline.engine.postgres.connection import Database, driver_of, first_line, psycopg_error
from stagenorm_pipeline.engine.postgres.locks import planning_transaction
from stagenorm_pipeline.engine.postgres.migrations import require_migrations
from stagenorm_pipeline.engine.postgres.sql_files import statement
from stagenorm_pipeline.engine.postgres.tracking_schema import own_prefix, qualified
from stagenorm_pipeline.errors import ConfigurationError, PlanError, StagenormError
from stagenorm_pipeline.output_files import written_file

AUDIT_LOG = "stage_normalization_log"
# Only these names, and no pattern: it could match a user's table. Views first, then tables in an order in which an
# export can be loaded.
_VIEWS = (
    "stage_migration_failures",
    "stage_migration_progress_by_fund",
    "stage_migration_progress",
    "stage_migration_current_plans",
    "stage_migration_current_runners",
)
_TABLES = (
    "stage_migration_plans",
    "stage_migration_plan_targets",
    "stage_migration_spellings",
    "stage_migration_plan_spellings",
    "stage_migration_baseline",
    "stage_migration_batches",
    "stage_migration_batch_members",
    "stage_migration_rollback_batches",
    "stage_migration_quarantine",
    "stage_migration_runners",
    "stage_migration_vocabularies",
    "stage_migration_backups",
    "stage_migration_enforcements",
    "stage_migration_receipts",
    "stage_migration_plan_digests",
    "stage_migration_plan_authors",
    "stage_migration_approvals",
    "stage_migration_approval_rules",
    "stage_migration_rehearsals",
    "stage_verifications",
    "stage_migration_control",
    "stage_migration_versions",
    AUDIT_LOG,
)
# `init-db` writes the rows of these two itself.
_NOT_EXPORTED = frozenset({"stage_migration_control", "stage_migration_versions"})
_LOCK_WAIT = "5s"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackingTable:
    """A table of stagenorm's, and the bytes that it takes with its indexes.

    `columns`: quoted, for COPY. `numbered`: its identity column.
    """

    name: str
    bytes: int
    columns: str
    numbered: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackingTables:
    """What dropping would remove and keep. `open_plans`: while there are any, it is refused."""

    removed: tuple[TrackingTable, ...]
    kept: tuple[TrackingTable, ...]
    views: tuple[str, ...]
    open_plans: tuple[int, ...]


def read_tracking_tables(database: Database, *, with_log: bool) -> TrackingTables:
    """Read what `drop_tracking` would remove and keep. Reads only."""
    with database.snapshot() as connection:
        require_migrations(connection)
        return _read_tables(connection, with_log=with_log)


def drop_tracking(database: Database, export: Path, *, with_log: bool) -> TrackingTables:
    """Export stagenorm's tables to a new file and drop them, in one transaction. Touches no target.

    Raises PlanError while a plan is open, ConfigurationError if the file exists, and StagenormError if other sessions
    or objects of the user's need a table.
    """
    if export.exists():
        raise ConfigurationError(f"{export} exists already.", remedy="Name another file: --output FILE.")
    try:
        with planning_transaction(database) as connection:
            require_migrations(connection)
            tables = _read_tables(connection, with_log=with_log)
            _require_no_open_plan(tables)
            names = ", ".join(table.name for table in tables.removed)
            connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{_LOCK_WAIT}'")
            # Nobody may write between the export and the drop.
            connection.exec_driver_sql(f"LOCK TABLE {names} IN ACCESS EXCLUSIVE MODE")
            _export(connection, tables.removed, export)
            connection.exec_driver_sql(f"DROP VIEW {', '.join(tables.views)}")
            connection.exec_driver_sql(f"DROP TABLE {names}")
    except DBAPIError as error:
        if isinstance(cause := psycopg_error(error), psycopg.errors.LockNotAvailable):
            raise StagenormError(
                "Another session uses stagenorm's tables. Nothing was dropped.",
                remedy="Stop all runners, the Dagster processes included, and run the command again.",
            ) from error
        if isinstance(cause, psycopg.errors.DependentObjectsStillExist):
            raise StagenormError(
                f"{first_line(cause)}. Nothing was dropped.",
                remedy="Views or foreign keys of yours use stagenorm's tables. Drop them first.",
            ) from error
        raise
    return tables


def _read_tables(connection: sa.Connection, *, with_log: bool) -> TrackingTables:
    rows = connection.exec_driver_sql(statement("tracking/sizes"), {"names": [*_VIEWS, *_TABLES]}).all()
    tables = [
        TrackingTable(name=row.name, bytes=row.bytes, columns=row.columns, numbered=row.numbered)
        for row in rows
        if not row.is_view
    ]
    open_plans = connection.exec_driver_sql(
        "SELECT plan_id FROM stage_migration_plans WHERE status = 'open' ORDER BY plan_id"
    ).scalars()
    return TrackingTables(
        removed=tuple(table for table in tables if with_log or table.name != AUDIT_LOG),
        kept=tuple(table for table in tables if not with_log and table.name == AUDIT_LOG),
        views=tuple(row.name for row in rows if row.is_view),
        open_plans=tuple(open_plans),
    )


def _require_no_open_plan(tables: TrackingTables) -> None:
    if tables.open_plans:
        plan_id = tables.open_plans[0]
        raise PlanError(
            f"Plan {plan_id} is open. Nothing was dropped.",
            remedy=f"Finish it with `stagenorm resume`, or cancel it: stagenorm cancel --plan {plan_id}",
        )


def _export(connection: sa.Connection, tables: Sequence[TrackingTable], path: Path) -> None:
    """Write the rows of the tables as a gzip'ed script that psql loads after `stagenorm init-db`."""
    prefix = own_prefix(connection)
    with written_file(path) as file, gzip.GzipFile(fileobj=file, mode="wb") as packed:
        packed.write(b"BEGIN;\nSET client_encoding = 'UTF8';\n")
        for table in tables:
            if table.name in _NOT_EXPORTED:
                continue
            name = qualified(table.name, prefix).replace("%%", "%")
            packed.write(f"COPY {name} ({table.columns}) FROM stdin;\n".encode())
            with driver_of(connection).cursor().copy(f"COPY {name} ({table.columns}) TO STDOUT".encode()) as rows:
                for chunk in rows:
                    packed.write(chunk)
            packed.write(b"\\.\n")
            if table.numbered is not None:
                packed.write(_continue_numbers(name, table.numbered).encode())
        packed.write(b"COMMIT;\n")


def _continue_numbers(name: str, column: str) -> str:
    """Return the statement that lets an identity column continue after the loaded rows."""
    sequence = f"pg_get_serial_sequence({sql.Literal(name).as_string(None)}, {sql.Literal(column).as_string(None)})"
    return f"SELECT setval({sequence}, max({column})) FROM {name} HAVING max({column}) IS NOT NULL;\n"  # noqa: S608 - our names
