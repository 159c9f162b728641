"""Holds while a replica that is asked in person (its URL was given) is too far behind, or does not answer.

For replicas that the primary does not know, or does not show to this role: cascaded ones, those fed from an archive.
"""

import threading
from concurrent.futures import Future
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

# A replica that vanished behind a cut cable, or hangs, is given up after this; the run stands still meanwhile.
_PATIENCE_S = 2.0

_LET_GO = "bring it back, or take it out of the replica URLs, or say --no-lag-check, and go on with `stagenorm resume`"


class ReplicaUrl:
    """Asks one replica how far it has replayed, over a connection of its own that it keeps."""

    name = ThrottlerName.REPLICA_URL
    is_asked_for = True

    def __init__(self, url: str, settings: ThrottleSettings) -> None:
        """Raises ConfigurationError, which never repeats the URL, when it is none of PostgreSQL's."""
        self._url = parse_database_url(url)
        self._timeout_ms = settings.probe_timeout_ms
        self._bounds = LagBounds(settings)
        self._clock = LagClock()
        self._connection: psycopg.Connection[Any] | None = None

    def look(self, reading: Reading, table: str) -> str | None:  # noqa: ARG002 - lag has no table
        self._clock.note(reading.at, reading.written)
        replayed = self._replayed()
        behind = max(0, reading.written - replayed)
        return self._bounds.take(describe(self._url), self._clock.behind_s(reading.at, replayed), behind)

    def _replayed(self) -> int:
        try:
            with connection_errors(self._url):
                is_replica, replayed = self._answer()
        except TimeoutError as error:
            raise CannotSeeError(f"replica {describe(self._url)} does not answer", _LET_GO) from error
        except (psycopg.Error, StagenormError) as error:
            message = error.message if isinstance(error, StagenormError) else first_line(error)
            raise CannotSeeError(f"replica {describe(self._url)} does not answer: {message}", _LET_GO) from error
        if not is_replica or replayed is None:
            raise CannotSeeError(f"{describe(self._url)} is not a replica (any more)", _LET_GO)
        return int(replayed)

    def _answer(self) -> tuple[bool, int | None]:
        """The replica's answer; the connection is kept for the next question only after a good one.

        Asked in a thread: against a server that hangs the driver has no timeout of its own, nor has looking up a name.
        """
        connection, self._connection = self._connection, None
        future: Future[tuple[psycopg.Connection[Any], bool, int | None]] = Future()

        def ask() -> None:
            try:
                future.set_result(_ask(connection or _connect(self._url), self._timeout_ms))
            except Exception as error:
                future.set_exception(error)

        threading.Thread(target=ask, daemon=True).start()
        self._connection, is_replica, replayed = future.result(timeout=_PATIENCE_S)
        return is_replica, replayed

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _ask(connection: psycopg.Connection[Any], timeout_ms: int) -> tuple[psycopg.Connection[Any], bool, int | None]:
    try:
        with connection.transaction():
            connection.execute("SELECT set_config('statement_timeout', %s, true)", [f"{timeout_ms}ms"], prepare=False)
            row = connection.execute(statement("throttle/replica").encode(), prepare=False).fetchone()
    except BaseException:
        connection.close()
        raise
    assert row is not None  # noqa: S101 - a SELECT without FROM
    return connection, row[0], row[1]


def _connect(url: sa.URL) -> psycopg.Connection[Any]:
    # Not the URL as text: libpq reads some characters of a password otherwise, and then repeats them in its error.
    _, options = url.get_dialect()().create_connect_args(url)
    options.update(
        autocommit=True,
        connect_timeout=max(2, int(_PATIENCE_S)),
        tcp_user_timeout=int(_PATIENCE_S * 1_000),
        application_name="stagenorm throttle",
    )
    return psycopg.connect(**options)
