"""Alter a table that other sessions use, without blocking them for long.

Sessions queue behind an ALTER TABLE that waits for its lock. So each attempt gives up soon and is repeated later.
"""

from collections.abc import Callable
from dataclasses import dataclass

import psycopg
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from stagenorm_pipeline.engine.postgres.connection import Database, bound_waits, psycopg_error
from stagenorm_pipeline.engine.postgres.retry import with_retries
from stagenorm_pipeline.engine.postgres.sql_files import statement
from stagenorm_pipeline.engine.targets.target import Target
from stagenorm_pipeline.errors import StagenormError

# What `with_retries` announces: the error, the number of the attempt, and the seconds until the next one.
Announce = Callable[[str, int, float], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class LockBounds:
    """How long a change may wait for locks and hold them, in milliseconds.

    Other sessions wait for us at most `lock_timeout_ms` and the instant of the change. A partitioned table needs one
    lock per partition: `lock_timeout_ms` bounds each, `statement_timeout_ms` all of them together. Validating a
    constraint blocks no reader and no writer. It waits longer, because an autovacuum gives way only after a second.
    """

    lock_timeout_ms: int = 500
    statement_timeout_ms: int = 5_000
    validate_lock_timeout_ms: int = 5_000


def alter_table(
    database: Database,
    target: Target,
    work: Callable[[sa.Connection], None],
    *,
    announce: Announce,
    bounds: LockBounds,
) -> None:
    """Run `work` in one transaction, and retry while its locks are not free.

    Raises StagenormError after the last attempt, and names the sessions that hold the table.
    """

    def attempt() -> None:
        with database.transaction() as connection:
            _set_timeouts(connection, bounds)
            run_work(connection)

    def run_work(connection: sa.Connection) -> None:
        try:
            work(connection)
        except DBAPIError as error:
            if not isinstance(psycopg_error(error), psycopg.errors.QueryCanceled):
                raise
            # The statement timeout was hit: many partitions, each with a short wait. Treat it as a lock timeout.
            raise psycopg.errors.LockNotAvailable("the locks of its partitions were not free in time") from error

    try:
        with_retries(attempt, announce)
    except (DBAPIError, psycopg.Error) as error:
        if not isinstance(psycopg_error(error), psycopg.errors.LockNotAvailable):
            raise
        raise StagenormError(
            f"{target.schema}.{target.table} was in use at every attempt. {_holders(database, target)}",
            remedy="Run the same command again when the table is free; it continues where it stopped.",
        ) from error


def _set_timeouts(connection: sa.Connection, bounds: LockBounds) -> None:
    bound_waits(connection, bounds.statement_timeout_ms)
    connection.exec_driver_sql(
        statement("apply/bound_transaction"),
        {
            "lock_timeout": f"{bounds.lock_timeout_ms}ms",
            "statement_timeout": f"{bounds.statement_timeout_ms}ms",
            # A client of ours that hangs before its COMMIT would block every other session.
            "idle_timeout": "2s",
            "synchronous_commit": None,
            "application_name": "stagenorm enforce",
        },
    )


def _holders(database: Database, target: Target) -> str:
    with database.snapshot() as connection:
        rows = connection.exec_driver_sql(statement("enforce/table_holders"), target.identity()).all()
    holders = (
        f"process {row.pid} of {row.role or 'an unknown role'} ({row.application_name or 'no name'}"
        + (f", transaction open for {row.open_s:,} s)" if row.open_s is not None else ")")
        for row in rows
    )
    return f"Locked now by {', '.join(holders)}." if rows else "No session has it locked now."
