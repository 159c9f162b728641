"""Connect to PostgreSQL: driver options, kinds of transactions, and connection errors without secrets."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakSet

import psycopg
import sqlalchemy as sa
from psycopg.pq import TransactionStatus
from sqlalchemy.exc import DBAPIError

from stagenorm_pipeline.config.database_url import describe, parse_database_url, without_password
from stagenorm_pipeline.config.parallel import MOST_SESSIONS
from stagenorm_pipeline.engine.postgres.bounded_connection import BoundedConnection, WaitBounds
from stagenorm_pipeline.engine.postgres.server_times import read_times_in_any_style
from stagenorm_pipeline.engine.postgres.tracking_schema import TrackingSchema
from stagenorm_pipeline.errors import (
    ConnectionFailedError,
    ReadOnlyServerError,
    RefusedError,
)

# A vanished server (a failover, a cut cable) is noticed in about 25 s instead of Linux's two hours. A vanished client
# is noticed by the server's own timeouts.
_KEEPALIVES = {"keepalives": 1, "keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3}
# Keepalives do not cover data that was sent and not acknowledged. In milliseconds.
_TCP_USER_TIMEOUT = 25_000

# A snapshot is idle for seconds, while the program works on what it fetched. A hanging client would block ALTER TABLE
# and vacuum for as long as the operating system keeps its connection.
_SNAPSHOT_IDLE = "5min"

# How long an interrupt waits for the answers to its cancel requests. `cli.interrupt` allows it.
_CANCEL_S = 0.4

NAME_THE_PRIMARY = "Name the primary in DATABASE_URL (with several hosts: ?target_session_attrs=read-write)."


@dataclass(frozen=True, slots=True, kw_only=True)
class Database:
    """A PostgreSQL database. The first transaction connects. Any number of threads may use it, up to MOST_SESSIONS."""

    engine: sa.Engine
    _connections: "WeakSet[BoundedConnection]" = field(default_factory=WeakSet, repr=False, compare=False)

    @classmethod
    def at(
        cls,
        url: str | sa.URL,
        *,
        application_name: str = "stagenorm",
        tracking_schema: str | None = None,
        waits: WaitBounds | None = None,
    ) -> "Database":
        """Return the database of a URL. Works through a pooler in transaction mode: no prepared statements.

        `tracking_schema`: the schema of stagenorm's own tables. None: where the search path finds them, else `public`.
        `waits`: how long to wait for the server. None: the defaults.
        """
        parsed = parse_database_url(url) if isinstance(url, str) else url
        waits = waits or WaitBounds()
        engine = sa.create_engine(
            parsed,
            # One for each session of a runner, one for the caller's thread.
            pool_size=MOST_SESSIONS + 1,
            max_overflow=2,
            pool_pre_ping=False,
            # Sent with each BEGIN: the database's default may be stricter, and its snapshots older than our locks.
            isolation_level="READ COMMITTED",
            # Spellings in SQLAlchemy's messages could be long, or hostile to a terminal.
            hide_parameters=True,
            connect_args={
                "prepare_threshold": None,
                # Without it a SQL_ASCII database sends bytes, and SQLAlchemy fails to connect.
                "client_encoding": "utf8",
                "application_name": application_name,
                "connect_timeout": waits.connect_s,
                "tcp_user_timeout": _TCP_USER_TIMEOUT,
                **_KEEPALIVES,
            },
        )
        connections: WeakSet[BoundedConnection] = WeakSet()
        _limit_every_wait(engine, waits, connections)
        sa.event.listen(engine, "connect", lambda connection, _: read_times_in_any_style(connection))
        return cls(engine=TrackingSchema(tracking_schema).install(engine), _connections=connections)

    @property
    def name(self) -> str:
        return describe(self.engine.url)

    @contextmanager
    def transaction(self, *, is_short: bool = False) -> Iterator[sa.Connection]:
        """Open a READ COMMITTED transaction. It commits at the end and rolls back on any exception.

        `is_short`: all its statements are quick, so it waits at most 75 s for the server instead of an hour.
        """
        url = self.engine.url
        with connection_errors(url), _read_only_errors(url), self.engine.connect() as connection, connection.begin():
            if is_short:
                driver = driver_of(connection)
                driver.bound_s = driver.bounds.short_s
            yield connection

    @contextmanager
    def snapshot(self) -> Iterator[sa.Connection]:
        """Open a READ ONLY, REPEATABLE READ transaction: PostgreSQL itself refuses any write."""
        with connection_errors(self.engine.url), self.engine.connect() as connection, connection.begin():
            connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            # Compiling these scans costs more time than it saves: minutes on some servers.
            connection.exec_driver_sql("SET LOCAL jit = off")
            connection.exec_driver_sql(f"SET LOCAL idle_in_transaction_session_timeout = '{_SNAPSHOT_IDLE}'")
            lift_time_limits(connection)
            yield connection

    @contextmanager
    def autocommit(self) -> Iterator[sa.Connection]:
        """Open a connection without a transaction, for scripts that have their own BEGIN and COMMIT."""
        url = self.engine.url
        with connection_errors(url), _read_only_errors(url), self.engine.connect() as connection:
            yield connection.execution_options(isolation_level="AUTOCOMMIT")

    def cancel_statements(self) -> None:
        """Ask the server to cancel every statement that other threads of this process run now. Waits under a second.

        Their transactions are rolled back. A server that does not answer is left alone.
        """
        running = [one for one in self._connections if one.info.transaction_status is TransactionStatus.ACTIVE]
        threads = [threading.Thread(target=_cancel, args=(connection,), daemon=True) for connection in running]
        for thread in threads:
            thread.start()
        end = time.monotonic() + _CANCEL_S
        for thread in threads:
            thread.join(max(0.0, end - time.monotonic()))

    def release_connection(self) -> None:
        """Close one connection that no thread uses now."""
        with connection_errors(self.engine.url), self.engine.connect() as connection:
            connection.detach()

    def close(self) -> None:
        self.engine.dispose()


def _cancel(connection: BoundedConnection) -> None:
    # The statement may have ended, or the connection with it.
    with suppress(psycopg.Error):
        connection.cancel_safe(timeout=_CANCEL_S)


def bound_waits(connection: sa.Connection, statement_timeout_ms: int) -> None:
    """Limit the wait for each statement of this transaction to its statement_timeout plus a margin. 0: no change."""
    if statement_timeout_ms:
        driver = driver_of(connection)
        driver.bound_s = statement_timeout_ms / 1_000 + driver.bounds.margin_s


def driver_of(connection: sa.Connection) -> BoundedConnection:
    driver = connection.connection.driver_connection
    assert isinstance(driver, BoundedConnection)  # noqa: S101 - `Database` makes no other kind
    return driver


def _limit_every_wait(engine: sa.Engine, waits: WaitBounds, connections: "WeakSet[BoundedConnection]") -> None:
    """Make the engine open connections that wait for the server with a time limit, and note them in `connections`."""

    def connect(dialect: Any, record: Any, arguments: list[Any], options: dict[str, Any]) -> BoundedConnection:  # noqa: ARG001
        connection = BoundedConnection.connect(*arguments, **options)
        connection.bounds, connection.bound_s = waits, waits.short_s
        connections.add(connection)
        return connection

    def check_out(connection: BoundedConnection, record: Any, proxy: Any) -> None:  # noqa: ARG001
        connection.bound_s = waits.read_s

    sa.event.listen(engine, "do_connect", connect)
    sa.event.listen(engine, "checkout", check_out)


def lift_time_limits(connection: sa.Connection) -> None:
    """Lift the time limits of the role or the database for this transaction.

    A scan of a large table takes minutes. Only for transactions that update no target. The idle timeout still ends a
    transaction whose client hangs.
    """
    connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
    if (connection.dialect.server_version_info or (0,)) >= (17,):
        connection.exec_driver_sql("SET LOCAL transaction_timeout = 0")


def psycopg_error(error: BaseException) -> psycopg.Error | None:
    """Return the error of psycopg that other errors wrap, or None."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, psycopg.Error):
            return seen
        seen = getattr(seen, "orig", None) or seen.__cause__
    return None


def first_line(error: BaseException) -> str:
    """Return the first line of the database's error message."""
    text = str(psycopg_error(error) or error).strip()
    return text.splitlines()[0].strip() if text else type(error).__name__


@contextmanager
def connection_errors(url: sa.URL) -> Iterator[None]:
    """Turn a failed connection or a missing privilege into an error that says what to do. Other errors pass."""
    try:
        yield
    except (DBAPIError, psycopg.Error) as error:
        cause = psycopg_error(error)
        state = getattr(cause, "sqlstate", None)
        if isinstance(cause, psycopg.errors.InsufficientPrivilege):
            raise RefusedError(
                f"The database refused: {first_line(cause)}.",
                remedy="Connect as a role with the privileges of sql/roles.sql, or grant what is missing.",
            ) from error
        # 57014 is a cancelled statement, not a lost connection.
        gone = state is None or (state[:2] in ("08", "28", "3D", "57") and state != "57014")
        lost = isinstance(cause, psycopg.OperationalError) and gone
        if lost or isinstance(cause, psycopg.errors.IdleInTransactionSessionTimeout):
            raise ConnectionFailedError(
                f"No connection to {describe(url)}: {without_password(first_line(error), url)}",
                remedy="Check that the server is up and that DATABASE_URL names it; "
                "nothing is lost, run the same command again.",
            ) from error
        raise


@contextmanager
def _read_only_errors(url: sa.URL) -> Iterator[None]:
    """Turn the error of a read-only server into one that says what to do. Not for snapshots, which are read-only."""
    try:
        yield
    except (DBAPIError, psycopg.Error) as error:
        cause = psycopg_error(error)
        # An error with a context comes from a function, such as a trigger that writes to another server.
        if isinstance(cause, psycopg.errors.ReadOnlySqlTransaction) and not cause.diag.context:
            raise ReadOnlyServerError(
                f"{describe(url)} takes no writes: {first_line(cause)}.",
                remedy=f"{NAME_THE_PRIMARY} If it is the primary, run `stagenorm preflight`. Every batch is either "
                "complete or untouched.",
            ) from error
        raise
