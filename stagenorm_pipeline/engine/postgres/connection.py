"""How this program connects: the driver, the transactions' settings, and errors without secrets.

Does not belong here: what is done over the connection.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from stagenorm_pipeline.config.database_url import describe, parse_database_url, without_password
from stagenorm_pipeline.engine.postgres.bounded_connection import BoundedConnection, WaitBounds
from stagenorm_pipeline.engine.postgres.server_times import read_times_in_any_style
from stagenorm_pipeline.engine.postgres.tracking_schema import TrackingSchema
from stagenorm_pipeline.errors import (
    ConnectionFailedError,
    ReadOnlyServerError,
    RefusedError,
)

# A server that vanished (a failover, a cut cable) is noticed in about 25 s instead of the two hours of Linux. The other
# way round, that a client of ours vanished, is for the server's own timeouts to notice.
_KEEPALIVES = {"keepalives": 1, "keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3}
# The same for what we send and nobody acknowledges, which keepalives do not cover: milliseconds.
_TCP_USER_TIMEOUT = 25_000

# A reader pauses for as long as we work on what it fetched: seconds. One that hangs would keep its tables from being
# altered, and the server from cleaning up behind it, for as long as the operating system keeps its connection.
_SNAPSHOT_IDLE = "5min"

NAME_THE_PRIMARY = "Name the primary in DATABASE_URL (with several hosts: ?target_session_attrs=read-write)."


@dataclass(frozen=True, slots=True, kw_only=True)
class Database:
    """A database to work on. Opening is lazy: the first transaction connects."""

    engine: sa.Engine

    @classmethod
    def at(
        cls,
        url: str | sa.URL,
        *,
        application_name: str = "stagenorm",
        tracking_schema: str | None = None,
        waits: WaitBounds | None = None,
    ) -> "Database":
        """Prepared for poolers in transaction mode: no server-side prepared statements, no session state.

        `tracking_schema`: where our own tables are; None: where the search path finds them, else `public`.
        `waits`: the longest waits for the server; None: the defaults.
        """
        parsed = parse_database_url(url) if isinstance(url, str) else url
        engine = sa.create_engine(
            parsed,
            pool_size=2,
            max_overflow=2,
            pool_pre_ping=False,
            # Said with each BEGIN: a database's default may be stricter, its snapshots older than our locks.
            isolation_level="READ COMMITTED",
            # Hides bound values in SQLAlchemy's own messages: stage values are hostile, and long.
            hide_parameters=True,
            connect_args={
                "prepare_threshold": None,
                # Without it a SQL_ASCII database sends bytes, which SQLAlchemy cannot start with.
                "client_encoding": "utf8",
                "application_name": application_name,
                "connect_timeout": 10,
                "tcp_user_timeout": _TCP_USER_TIMEOUT,
                **_KEEPALIVES,
            },
        )
        _bound_every_wait(engine, waits or WaitBounds())
        sa.event.listen(engine, "connect", lambda connection, _: read_times_in_any_style(connection))
        return cls(engine=TrackingSchema(tracking_schema).install(engine))

    @property
    def name(self) -> str:
        return describe(self.engine.url)

    @contextmanager
    def transaction(self, *, is_short: bool = False) -> Iterator[sa.Connection]:
        """One READ COMMITTED transaction, committed at the end, rolled back on any exception.

        `is_short`: it only looks something up, so that a server which does not answer within 75 s is given up.
        """
        url = self.engine.url
        with connection_errors(url), _read_only_errors(url), self.engine.connect() as connection, connection.begin():
            if is_short:
                driver = _driver(connection)
                driver.bound_s = driver.bounds.short_s
            yield connection

    @contextmanager
    def snapshot(self) -> Iterator[sa.Connection]:
        """One READ ONLY, REPEATABLE READ transaction: PostgreSQL itself vouches that nothing is written."""
        with connection_errors(self.engine.url), self.engine.connect() as connection, connection.begin():
            connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            # Compiling these scans costs more than it saves, and minutes on some servers.
            connection.exec_driver_sql("SET LOCAL jit = off")
            connection.exec_driver_sql(f"SET LOCAL idle_in_transaction_session_timeout = '{_SNAPSHOT_IDLE}'")
            lift_time_limits(connection)
            yield connection

    @contextmanager
    def autocommit(self) -> Iterator[sa.Connection]:
        """A connection outside any transaction of ours, for scripts that bring their own."""
        url = self.engine.url
        with connection_errors(url), _read_only_errors(url), self.engine.connect() as connection:
            yield connection.execution_options(isolation_level="AUTOCOMMIT")

    def close(self) -> None:
        self.engine.dispose()


def bound_waits(connection: sa.Connection, statement_timeout_ms: int) -> None:
    """Wait for each statement of this transaction a little longer than its statement_timeout allows. 0: no change."""
    if statement_timeout_ms:
        driver = _driver(connection)
        driver.bound_s = statement_timeout_ms / 1_000 + driver.bounds.margin_s


def _driver(connection: sa.Connection) -> BoundedConnection:
    driver = connection.connection.driver_connection
    assert isinstance(driver, BoundedConnection)  # noqa: S101 - `Database` makes no other
    return driver


def _bound_every_wait(engine: sa.Engine, waits: WaitBounds) -> None:
    """Have the engine make connections of which every wait ends."""

    def connect(dialect: Any, record: Any, arguments: list[Any], options: dict[str, Any]) -> BoundedConnection:  # noqa: ARG001
        connection = BoundedConnection.connect(*arguments, **options)
        connection.bounds, connection.bound_s = waits, waits.short_s
        return connection

    def check_out(connection: BoundedConnection, record: Any, proxy: Any) -> None:  # noqa: ARG001
        connection.bound_s = waits.read_s

    sa.event.listen(engine, "do_connect", connect)
    sa.event.listen(engine, "checkout", check_out)


def lift_time_limits(connection: sa.Connection) -> None:
    """Lift the role's or the database's time limits for this transaction: a scan of a large table takes minutes.

    Only for transactions that update no target. The idle timeout still ends one whose client hangs.
    """
    connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
    if (connection.dialect.server_version_info or (0,)) >= (17,):
        connection.exec_driver_sql("SET LOCAL transaction_timeout = 0")


def psycopg_error(error: BaseException) -> psycopg.Error | None:
    """The driver's own error behind whatever wraps it."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, psycopg.Error):
            return seen
        seen = getattr(seen, "orig", None) or seen.__cause__
    return None


def first_line(error: BaseException) -> str:
    """What the database said, in one line."""
    text = str(psycopg_error(error) or error).strip()
    return text.splitlines()[0].strip() if text else type(error).__name__


@contextmanager
def connection_errors(url: sa.URL) -> Iterator[None]:
    """Turns a failed connection and a missing privilege into errors that say what to do; passes all others on."""
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
    """Turns the error of a server that takes no writes into one that names the primary. Not for a snapshot's own."""
    try:
        yield
    except (DBAPIError, psycopg.Error) as error:
        cause = psycopg_error(error)
        # With a context it is a function's: a trigger that writes to another server, about which this one says nothing.
        if isinstance(cause, psycopg.errors.ReadOnlySqlTransaction) and not cause.diag.context:
            raise ReadOnlyServerError(
                f"{describe(url)} takes no writes: {first_line(cause)}.",
                remedy=f"{NAME_THE_PRIMARY} Where it is the primary: `stagenorm preflight`. Nothing is half done.",
            ) from error
        raise
