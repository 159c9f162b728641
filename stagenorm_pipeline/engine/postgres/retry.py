"""Classify database errors (retry, refuse one row, or stop), and retry what may pass the next time."""

import random
import time
from collections.abc import Callable
from enum import StrEnum
from typing import TypeVar

import psycopg
from sqlalchemy.exc import DBAPIError

from stagenorm_pipeline.engine.postgres.connection import first_line, psycopg_error
from stagenorm_pipeline.errors import ConnectionFailedError

# Waits of about 0.1, 0.2, 0.4, ... 3.2, 5, 5 s: 20 s in all, longer than a server takes to restart.
_ATTEMPTS = 9
_FIRST_WAIT_S = 0.1
_LONGEST_WAIT_S = 5.0

T = TypeVar("T")


class Failure(StrEnum):
    """The kind of a failed attempt."""

    # A lock timeout, a deadlock or a serialization failure: a retry may pass.
    CONTENTION = "contention"
    # The connection or the server is gone. The status of the batch says whether the commit arrived.
    CONNECTION = "connection"
    # The database refused the change of a row: constraint, trigger, conversion.
    REFUSAL = "refusal"
    # No row causes it and a retry does not help: disk full, statement timeout, read-only server.
    OTHER = "other"


CONTENTION = frozenset({"40001", "40P01", "55P03"})
_CONNECTION_STATES = {"57P01", "57P02", "57P03", "25P03"}
# The function of PostgreSQL that refuses a row because of a policy's WITH CHECK. Its code is 42501, like that of a
# missing privilege, which would refuse every row.
_ROW_SECURITY_CHECK = "ExecWithCheckOptions"
# Classes of SQLSTATE that concern the server or our own statement, not a row.
_NOT_A_ROW = frozenset({"25", "53", "54", "55", "57", "58", "XX"})
# Classes of errors that may have another cause than a row, for code in the server: it sees less of an error.
CLASSES_OF_OTHER_CAUSES = _NOT_A_ROW | {"08", "42"}


def classify(error: BaseException) -> Failure:
    """Return the kind of an error that was raised while a batch was applied."""
    if isinstance(error, ConnectionFailedError):
        return Failure.CONNECTION
    cause = psycopg_error(error)
    if cause is None:
        return Failure.OTHER
    if cause.sqlstate is None:
        lost = isinstance(cause, psycopg.OperationalError) or (
            isinstance(error, DBAPIError) and error.connection_invalidated
        )
        return Failure.CONNECTION if lost else Failure.OTHER
    return _classify_by_state(cause, cause.sqlstate)


def _classify_by_state(cause: psycopg.Error, state: str) -> Failure:
    if state in CONTENTION:
        return Failure.CONTENTION
    if _is_raised_by_a_trigger(cause) or cause.diag.source_function == _ROW_SECURITY_CHECK:
        return Failure.REFUSAL
    if state in _CONNECTION_STATES or state.startswith("08"):
        return Failure.CONNECTION
    # Class 42 outside any function is our own statement, after the table was altered: no row causes it.
    is_ours = state[:2] in _NOT_A_ROW or state == "42501" or (state[:2] == "42" and not cause.diag.context)
    return Failure.OTHER if is_ours else Failure.REFUSAL


def is_contention_of_a_row(error: BaseException) -> bool:
    """Return whether a trigger raised the error with a code for contention. After all retries its row is refused."""
    cause = psycopg_error(error)
    return cause is not None and cause.sqlstate in CONTENTION and _is_raised_by_a_trigger(cause)


def _is_raised_by_a_trigger(cause: psycopg.Error) -> bool:
    """Return whether RAISE in PL/pgSQL made the error. It then refuses the row, whatever code the function chose.

    The server translates the context, but RAISE is the last word of its first line in every language.
    """
    lines = (cause.diag.context or "").splitlines()
    return bool(lines) and lines[0].endswith("RAISE")


def _wait_seconds(attempt: int) -> float:
    """Return the seconds to wait after a failed attempt (from 1). Jitter keeps two runners from colliding again."""
    longest: float = min(_FIRST_WAIT_S * 2 ** (attempt - 1), _LONGEST_WAIT_S)
    return longest * (0.5 + random.random() / 2)  # noqa: S311 - jitter, not a secret


def with_retries(attempt: Callable[[], T], announce: Callable[[str, int, float], None]) -> T:
    """Call `attempt` until it succeeds, and return its result. Retry after contention and after a lost connection.

    `announce` gets each failure: the error, the number of the attempt (from 1), and the seconds until the next one.
    Raises the last error after the last attempt, and any other error at once.
    """
    number = 1
    while True:
        try:
            return attempt()
        except (DBAPIError, psycopg.Error, ConnectionFailedError) as error:
            if number == _ATTEMPTS or classify(error) not in (Failure.CONTENTION, Failure.CONNECTION):
                raise
            wait_s = _wait_seconds(number)
            announce(first_line(error), number, wait_s)
        time.sleep(wait_s)
        number += 1
