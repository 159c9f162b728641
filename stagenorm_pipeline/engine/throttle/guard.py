"""Throttle or stop while a query of the user's is beyond its bounds: `[[guard]]` in stagenorm.toml."""

from collections.abc import Callable
from decimal import Decimal
from math import isfinite

import psycopg
from sqlalchemy.exc import DBAPIError

from stagenorm_pipeline.config.guards import GuardSettings
from stagenorm_pipeline.config.throttle import ThrottlerName
from stagenorm_pipeline.engine.postgres.connection import Database, bound_waits, driver_of, first_line, psycopg_error
from stagenorm_pipeline.engine.postgres.retry import Failure, classify
from stagenorm_pipeline.engine.throttle.probe import Reading
from stagenorm_pipeline.engine.throttle.throttler import CannotSeeError
from stagenorm_pipeline.errors import StagenormError


class GuardStopError(StagenormError):
    """A guard stopped the run. Every batch is either complete or untouched."""


class Guard:
    """Compare the number of a guard's query with its bounds. `read` returns the number, or raises CannotSeeError."""

    name = ThrottlerName.GUARD
    is_required = True

    def __init__(self, settings: GuardSettings, read: Callable[[], float]) -> None:
        self._settings = settings
        self._read = read

    def reason(self, reading: Reading, table: str) -> str | None:  # noqa: ARG002 - a guard has a query of its own
        """Return why to wait. Raises GuardStopError to stop the run, CannotSeeError."""
        guard, value = self._settings, self._read()
        if guard.stop_if and guard.stop_if.is_met_by(value):
            raise GuardStopError(
                f"Stopped by the guard {guard.name}: it is {value:,g}, and stop_if is {guard.stop_if}. Every batch is "
                "either complete or untouched.",
                remedy="Find out why, then run `stagenorm resume`, or undo what was applied with `stagenorm rollback`.",
            )
        if guard.throttle_if and guard.throttle_if.is_met_by(value):
            return f"the guard {guard.name} is {value:,g}; continues when it is no longer {guard.throttle_if}"
        return None

    def close(self) -> None:
        """Nothing to close."""


def read_guard(database: Database, guard: GuardSettings) -> float:
    """Run the guard's query in a READ ONLY transaction. Raises CannotSeeError unless it returns one number in time."""
    try:
        with database.snapshot() as connection:
            connection.exec_driver_sql(
                "SELECT set_config('statement_timeout', %(timeout)s, true)", {"timeout": f"{guard.timeout_ms}ms"}
            )
            bound_waits(connection, guard.timeout_ms)
            # Binary results need the extended protocol, which takes a single statement: a COMMIT hidden behind a
            # semicolon would end the READ ONLY transaction.
            cursor = driver_of(connection).execute(guard.query.encode(), binary=True)
            rows = cursor.fetchmany(2) if cursor.description else []
    except (DBAPIError, psycopg.Error) as error:
        if classify(error) is Failure.CONNECTION:
            raise
        is_late = isinstance(psycopg_error(error), psycopg.errors.QueryCanceled)
        raise _cannot_see(guard, first_line(error), is_late=is_late) from error
    return _one_number(guard, rows)


def _one_number(guard: GuardSettings, rows: list[tuple[object, ...]]) -> float:
    if len(rows) != 1 or len(rows[0]) != 1:
        raise _cannot_see(guard, "its query does not return exactly one row with one column")
    (value,) = rows[0]
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal) or not isfinite(value):
        raise _cannot_see(guard, "its query does not return a number")
    return float(value)


def _cannot_see(guard: GuardSettings, why: str, *, is_late: bool = False) -> CannotSeeError:
    return CannotSeeError(
        f"the guard {guard.name} cannot be read: {why}",
        "raise its timeout_ms or make its query cheaper"
        if is_late
        else "correct its query in stagenorm.toml or grant this role what it reads, then start again with "
        "`stagenorm resume`",
        is_passing=is_late,
    )
