"""Read everything that the throttlers need from the primary in one cheap statement.

Also read which sessions wait behind a batch, just before it commits.
"""

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from psycopg import sql
from sqlalchemy.exc import DBAPIError

from stagenorm_pipeline.engine.postgres.locks import BATCH_LOCK_CLASS
from stagenorm_pipeline.engine.postgres.sql_files import statement

# PostgreSQL 17 moved the counter to pg_stat_checkpointer.
_CHECKPOINTER_SINCE = (17,)

# A shorter transaction is too short to have blocked another session, so the lock table is not read after it.
SHORTEST_BLOCKING_MS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Replica:
    """A replica in `pg_stat_replication`. `replayed`: its WAL position in bytes; None if this role may not see it.

    `lag_s` is PostgreSQL's own figure; None if it has none.
    """

    name: str
    replayed: int | None
    lag_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Vacuum:
    """A running vacuum of a table. For a partition, `table` is the partitioned table."""

    table: str
    pid: int
    is_auto: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """A replication slot, and the bytes of WAL that the server keeps for it."""

    name: str
    is_active: bool
    wal_status: str | None
    retained: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveOff:
    """The server does not archive its WAL."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveHidden:
    """The server archives its WAL, and this role may not see the backlog."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveWaiting:
    """So many files of WAL wait to be archived."""

    files: int


Archive = ArchiveOff | ArchiveHidden | ArchiveWaiting


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiter:
    """A session that waits for a lock: behind a stagenorm batch, or for a lock on `table` itself."""

    pid: int
    waited_ms: int
    is_behind_us: bool
    table: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What was read `at` (seconds of the monotonic clock). `written` is the end of the WAL in bytes.

    `timeline` is that of the WAL: a standby that becomes the primary starts a new one. None if it cannot be read.
    """

    at: float
    written: int
    replicas: tuple[Replica, ...] = ()
    vacuums: tuple[Vacuum, ...] = ()
    waiters: tuple[Waiter, ...] = ()
    slots: tuple[Slot, ...] = ()
    archive: Archive = ArchiveOff()
    checkpoints_requested: int = 0
    max_wal_bytes: int = 0
    backend_pid: int = 0
    timeline: int | None = None


def read_primary(connection: sa.Connection, at: float, timeout_ms: int) -> Reading:
    """Read the primary in the caller's transaction, and give up after `timeout_ms`."""
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
    return _reading(row, at, _timeline(connection), _archive(connection, row))


def _timeline(connection: sa.Connection) -> int | None:
    """Read the timeline of the current WAL; None if the server cannot tell. The control file lags by a checkpoint."""
    try:
        with connection.begin_nested():  # a fork of PostgreSQL may lack the function: the other figures still count
            query = "SELECT ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::bigint"
            return int(connection.exec_driver_sql(query).scalar_one())
    except DBAPIError as error:
        if error.connection_invalidated:
            raise
        return None


def _archive(connection: sa.Connection, row: Any) -> Archive:
    """Count the WAL files that wait for the archiver. A statement of its own: without the privilege it fails."""
    if not row.archives:
        return ArchiveOff()
    if not row.may_see_archive:
        return ArchiveHidden()
    try:
        with connection.begin_nested():  # a fork of PostgreSQL may refuse it in spite of the privilege
            query = "SELECT count(*) FROM pg_ls_archive_statusdir() WHERE name LIKE '%%.ready'"
            return ArchiveWaiting(files=connection.exec_driver_sql(query, {}).scalar_one())
    except DBAPIError as error:
        if error.connection_invalidated:
            raise
        return ArchiveHidden()


def waiters_behind(connection: sa.Connection) -> tuple[Waiter, ...]:
    """Read which sessions wait behind the current transaction; none if this role may not see them."""
    try:
        with connection.begin_nested():  # an error here must not fail the batch
            values = {"shortest_ms": SHORTEST_BLOCKING_MS}
            rows = connection.exec_driver_sql(statement("throttle/waiters"), values).all()
    except DBAPIError as error:
        if error.connection_invalidated:
            raise
        return ()
    return tuple(map(waiter_behind_us, rows))


def waiter_behind_us(row: Any) -> Waiter:
    """Return the session in a row of `throttle/waiters`."""
    return Waiter(pid=row.pid, waited_ms=row.waited_ms, is_behind_us=True, table=None)


def _reading(row: Any, at: float, timeline: int | None, archive: Archive) -> Reading:
    return Reading(
        at=at,
        written=row.written,
        replicas=tuple(Replica(**replica) for replica in row.replicas),
        vacuums=tuple(Vacuum(**vacuum) for vacuum in row.vacuums),
        waiters=tuple(Waiter(**waiter) for waiter in row.waiters),
        slots=tuple(Slot(**slot) for slot in row.slots),
        archive=archive,
        checkpoints_requested=row.checkpoints_requested,
        max_wal_bytes=row.max_wal_bytes,
        backend_pid=row.backend_pid,
        timeline=timeline,
    )
