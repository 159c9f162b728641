"""Changing a table's definition while others use it, without holding them up.

Whoever comes after a session that waits for a lock waits behind it: so each attempt gives up soon, and is made again
later. Does not belong here: what is changed.
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

# What `with_retries` announces: what was said, which attempt it was, and the seconds until the next.
Announce = Callable[[str, int, float], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class LockBounds:
    """How long a change may wait and hold, in milliseconds.

    Others wait for us `lock_timeout_ms` and the instant of the change. Of a partitioned table each partition's lock is
    waited for by itself: `statement_timeout_ms` bounds them together. Validating a constraint holds up no reader and no
    writer, and has to outwait an autovacuum, which makes room after a second.
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
    """Do `work` in one transaction, again and again for as long as its locks are not to be had.

    Raises StagenormError, naming who holds the table, when the attempts are used up.
    """

    def attempt() -> None:
        with database.transaction() as connection:
            _bound(connection, bounds)
            _work(connection)

    def _work(connection: sa.Connection) -> None:
        try:
            work(connection)
        except DBAPIError as error:
            if not isinstance(psycopg_error(error), psycopg.errors.QueryCanceled):
                raise
            # Many partitions, each waited for a little: as good as one that was waited for too long.
            raise psycopg.errors.LockNotAvailable("its partitions were not to be had in time") from error

    try:
        with_retries(attempt, announce)
    except (DBAPIError, psycopg.Error) as error:
        if not isinstance(psycopg_error(error), psycopg.errors.LockNotAvailable):
            raise
        raise StagenormError(
            f"{target.schema}.{target.table} was in use at every attempt, and nobody was to be held up. "
            f"{_holders(database, target)}",
            remedy="Run the same command again when that is over; it goes on from where it is.",
        ) from error


def _bound(connection: sa.Connection, bounds: LockBounds) -> None:
    bound_waits(connection, bounds.statement_timeout_ms)
    connection.exec_driver_sql(
        statement("apply/bound_transaction"),
        {
            "lock_timeout": f"{bounds.lock_timeout_ms}ms",
            "statement_timeout": f"{bounds.statement_timeout_ms}ms",
            # A client of ours that hangs before its COMMIT holds everybody up.
            "idle_timeout": "2s",
            "synchronous_commit": None,
            "application_name": "stagenorm enforce",
        },
    )


def _holders(database: Database, target: Target) -> str:
    with database.snapshot() as connection:
        rows = connection.exec_driver_sql(statement("enforce/table_holders"), target.identity()).all()
    who = (
        f"process {row.pid} of {row.role or 'somebody'} ({row.application_name or 'no name'}"
        + (f", transaction open for {row.open_s:,} s)" if row.open_s is not None else ")")
        for row in rows
    )
    return f"Who holds it now: {', '.join(who)}." if rows else "Nobody holds it now."
