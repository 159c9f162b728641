"""One look at the primary: everything that the throttlers judge by, from one cheap statement.

And who waits behind a batch, just before it commits. Does not belong here: what the figures mean (each throttler has a
file), or asking a replica (see `replica_url`).
"""

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from psycopg import sql
from sqlalchemy.exc import DBAPIError

from stagenorm_pipeline.engine.postgres.locks import BATCH_LOCK_CLASS
from stagenorm_pipeline.engine.postgres.sql_files import statement

# The counter moved with PostgreSQL 17.
_CHECKPOINTER_SINCE = (17,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Replica:
    """A replica as `pg_stat_replication` shows it; `replayed` in bytes of the log, None where we may not see it.

    `lag_s` is PostgreSQL's own figure, None when it has none.
    """

    name: str
    replayed: int | None
    lag_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Vacuum:
    """A vacuum at work on a table (of a partition: on its partitioned table)."""

    table: str
    pid: int
    is_auto: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiter:
    """A session that waits for a lock: behind a stagenorm batch, or for the lock of `table` itself."""

    pid: int
    waited_ms: int
    is_behind_us: bool
    table: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What was seen `at` (seconds of the monotonic clock). `written` is the end of the log in bytes.

    `timeline` is the log's; a standby that becomes the primary begins a new one. None where it is not told.
    """

    at: float
    written: int
    replicas: tuple[Replica, ...] = ()
    vacuums: tuple[Vacuum, ...] = ()
    waiters: tuple[Waiter, ...] = ()
    checkpoints_requested: int = 0
    max_wal_bytes: int = 0
    backend_pid: int = 0
    timeline: int | None = None


def read(connection: sa.Connection, at: float, timeout_ms: int) -> Reading:
    """Look once, in the caller's transaction, giving up after `timeout_ms`."""
    connection.exec_driver_sql(
        "SELECT set_config('statement_timeout', %(timeout)s, true), set_config('jit', 'off', true)",
        {"timeout": f"{timeout_ms}ms"},
    )
    version = connection.dialect.server_version_info or ()
    counter = (
        "(SELECT num_requested FROM pg_stat_checkpointer)"
        if version >= _CHECKPOINTER_SINCE
        else "(SELECT checkpoints_req FROM pg_stat_bgwriter)"
    )
    row = connection.exec_driver_sql(
        statement("throttle/probe", checkpoints_requested=sql.SQL(counter)), {"lock_class": BATCH_LOCK_CLASS}
    ).one()
    return _reading(row, at, _timeline(connection))


def _timeline(connection: sa.Connection) -> int | None:
    """Of the log that is written now; None on a server that does not tell. The control file is late by a checkpoint."""
    try:
        with connection.begin_nested():  # a fork of PostgreSQL may lack the function, and is looked at all the same
            query = "SELECT ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::bigint"
            return int(connection.exec_driver_sql(query).scalar_one())
    except DBAPIError as error:
        if error.connection_invalidated:
            raise
        return None


def waiters_behind(connection: sa.Connection) -> tuple[Waiter, ...]:
    """Who waits behind the transaction that `connection` is in; nobody, where this role may not look."""
    try:
        with connection.begin_nested():  # so that a look that fails does not fail the batch
            rows = connection.exec_driver_sql(statement("throttle/waiters")).all()
    except DBAPIError as error:
        if error.connection_invalidated:
            raise
        return ()
    return tuple(Waiter(pid=row.pid, waited_ms=row.waited_ms, is_behind_us=True, table=None) for row in rows)


def _reading(row: Any, at: float, timeline: int | None) -> Reading:
    return Reading(
        at=at,
        written=row.written,
        replicas=tuple(Replica(**replica) for replica in row.replicas),
        vacuums=tuple(Vacuum(**vacuum) for vacuum in row.vacuums),
        waiters=tuple(Waiter(**waiter) for waiter in row.waiters),
        checkpoints_requested=row.checkpoints_requested,
        max_wal_bytes=row.max_wal_bytes,
        backend_pid=row.backend_pid,
        timeline=timeline,
    )
