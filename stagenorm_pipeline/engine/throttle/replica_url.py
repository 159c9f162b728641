"""Throttle while a replica that was given by URL is too far behind, or does not answer.

For replicas that the primary does not list or does not show to this role: cascaded ones, and those fed from an archive.
"""

import threading
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

import psycopg
import sqlalchemy as sa

from stagenorm_pipeline.config.database_url import describe, parse_database_url
from stagenorm_pipeline.config.throttle import ThrottlerName, ThrottleSettings
from stagenorm_pipeline.engine.postgres.connection import connection_errors, first_line
from stagenorm_pipeline.engine.postgres.sql_files import statement
from stagenorm_pipeline.engine.throttle.lag_bounds import LagBounds
from stagenorm_pipeline.engine.throttle.lag_clock import LagClock
from stagenorm_pipeline.engine.throttle.probe import Reading
from stagenorm_pipeline.engine.throttle.throttler import CannotSeeError
from stagenorm_pipeline.errors import StagenormError

# The runner waits this long for an answer. A replica that hangs, or is unreachable, takes all of it.
_ANSWER_TIMEOUT_S = 2.0

_REMEDY = "reconnect it, or remove it from the replica URLs or use --no-lag-check, and continue with `stagenorm resume`"


@dataclass(frozen=True, slots=True, kw_only=True)
class _NoReplica:
    """The server answers, but does not replay WAL."""


_Answer = tuple[psycopg.Connection[Any], int | _NoReplica]


class ReplicaUrl:
    """Ask one replica how far it has replayed, over a connection that is kept open."""

    name = ThrottlerName.REPLICA_URL
    is_required = True

    def __init__(self, url: str, settings: ThrottleSettings) -> None:
        """Parse the URL. Raises ConfigurationError, which never repeats the URL, if it is not a PostgreSQL URL."""
        self._url = parse_database_url(url)
        self._timeout_ms = settings.probe_timeout_ms
        self._bounds = LagBounds(settings)
        self._clock = LagClock()
        self._connection: psycopg.Connection[Any] | None = None

    def reason(self, reading: Reading, table: str) -> str | None:  # noqa: ARG002 - lag has no table
        self._clock.note(reading.at, reading.written)
        replayed = self._replayed()
        behind = max(0, reading.written - replayed)
        return self._bounds.reason(describe(self._url), self._clock.behind_s(reading.at, replayed), behind)

    def _replayed(self) -> int:
        try:
            with connection_errors(self._url):
                replayed = self._answer()
        except TimeoutError as error:
            raise CannotSeeError(f"replica {describe(self._url)} does not answer", _REMEDY) from error
        except (psycopg.Error, StagenormError) as error:
            message = error.message if isinstance(error, StagenormError) else first_line(error)
            raise CannotSeeError(f"replica {describe(self._url)} does not answer: {message}", _REMEDY) from error
        if isinstance(replayed, _NoReplica):
            raise CannotSeeError(f"{describe(self._url)} is not a replica (or no longer one)", _REMEDY)
        return replayed

    def _answer(self) -> int | _NoReplica:
        """Ask how far the replica has replayed. Keep the connection only after a good answer.

        In a thread: the driver has no timeout for a server that hangs, and none for a slow name look-up.
        """
        connection, self._connection = self._connection, None
        future: Future[_Answer] = Future()

        def ask() -> None:
            try:
                future.set_result(_ask(connection or _connect(self._url), self._timeout_ms))
            except Exception as error:
                future.set_exception(error)

        threading.Thread(target=ask, daemon=True).start()
        self._connection, replayed = future.result(timeout=_ANSWER_TIMEOUT_S)
        return replayed

    def close(self) -> None:
        """Close the connection to the replica."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _ask(connection: psycopg.Connection[Any], timeout_ms: int) -> _Answer:
    """Ask the server which WAL position it has replayed. Returns the connection with the answer, or closes it."""
    try:
        with connection.transaction():
            connection.execute("SELECT set_config('statement_timeout', %s, true)", [f"{timeout_ms}ms"], prepare=False)
            row = connection.execute(statement("throttle/replica").encode(), prepare=False).fetchone()
    except BaseException:
        connection.close()
        raise
    assert row is not None  # noqa: S101 - a SELECT without FROM
    is_replica, replayed = row
    return connection, int(replayed) if is_replica and replayed is not None else _NoReplica()


def _connect(url: sa.URL) -> psycopg.Connection[Any]:
    # Not the URL as text: libpq parses some characters of a password differently, and repeats them in its error.
    _, options = url.get_dialect()().create_connect_args(url)
    options.update(
        autocommit=True,
        connect_timeout=max(2, int(_ANSWER_TIMEOUT_S)),
        tcp_user_timeout=int(_ANSWER_TIMEOUT_S * 1_000),
        application_name="stagenorm throttle",
    )
    return psycopg.connect(**options)
