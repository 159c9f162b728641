"""What an error of the database means for a batch: try again, give up on one row, or stop.

Does not belong here: doing the work that is tried again.
"""

import random
import time
from collections.abc import Callable
from enum import StrEnum
from typing import TypeVar

import psycopg
from sqlalchemy.exc import DBAPIError

from stagenorm_pipeline.engine.postgres.connection import first_line, psycopg_error
from stagenorm_pipeline.errors import ConnectionFailedError

# Waits of about 0.1, 0.2, 0.4, ... 3.2, 5, 5 s: twenty seconds in all, longer than a server takes to restart.
_ATTEMPTS = 9
_FIRST_WAIT_S = 0.1
_LONGEST_WAIT_S = 5.0

T = TypeVar("T")


class Failure(StrEnum):
    """What a failed attempt means."""

    # A lock that was not to be had in time, a deadlock, a serialization failure: the same work may pass next time.
    CONTENTION = "contention"
    # The connection or the server is gone; whether a commit arrived is read from the batch.
    CONNECTION = "connection"
    # The database refused the change of a row: constraint, trigger, conversion.
    REFUSAL = "refusal"
    # Neither a row's fault nor passing: disk full, a statement that took too long, a read-only server.
    OTHER = "other"


_CONTENTION = {"40001", "40P01", "55P03"}
_CONNECTION_STATES = {"57P01", "57P02", "57P03", "25P03"}
# The server's function that refuses a row which a policy's WITH CHECK does not allow; its code is 42501 like a missing
# privilege's, which would be every row's.
_ROW_SECURITY_CHECK = "ExecWithCheckOptions"
# Classes of SQLSTATE that are about the server or our own statement rather than about a row.
_NOT_A_ROW = {"25", "53", "54", "55", "57", "58", "XX"}


def classify(error: BaseException) -> Failure:
    """What `error`, raised while a batch was worked on, means."""
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
    return _meaning_of(cause, cause.sqlstate)


def _meaning_of(cause: psycopg.Error, state: str) -> Failure:
    if state in _CONTENTION:
        return Failure.CONTENTION
    if _is_raised_by_a_trigger(cause) or cause.diag.source_function == _ROW_SECURITY_CHECK:
        return Failure.REFUSAL
    if state in _CONNECTION_STATES or state.startswith("08"):
        return Failure.CONNECTION
    # Class 42 outside any function is our own statement, on a table that was altered under us: no row is to blame.
    is_ours = state[:2] in _NOT_A_ROW or state == "42501" or (state[:2] == "42" and not cause.diag.context)
    return Failure.OTHER if is_ours else Failure.REFUSAL


def is_contention_of_a_row(error: BaseException) -> bool:
    """Whether a trigger's own RAISE made `error` with a code for contention: after all retries the row is to blame."""
    cause = psycopg_error(error)
    return cause is not None and cause.sqlstate in _CONTENTION and _is_raised_by_a_trigger(cause)


def _is_raised_by_a_trigger(cause: psycopg.Error) -> bool:
    """Whether a RAISE in PL/pgSQL made the error: the word of a function that means the row, whatever code it chose.

    The context is translated, but the keyword stands last in its first line in every language.
    """
    lines = (cause.diag.context or "").splitlines()
    return bool(lines) and lines[0].endswith("RAISE")


def _wait_seconds(attempt: int) -> float:
    """How long to wait after the `attempt`-th failure (from 1): doubling, with jitter so that two runners part."""
    longest: float = min(_FIRST_WAIT_S * 2 ** (attempt - 1), _LONGEST_WAIT_S)
    return longest * (0.5 + random.random() / 2)  # noqa: S311 - jitter, not a secret


def with_retries(attempt: Callable[[], T], announce: Callable[[str, int, float], None]) -> T:
    """What `attempt` returns, trying again after contention and after a lost connection.

    `announce` hears of each failure: the error, which attempt it was (from 1), and the seconds until the next. Raises
    the last error when the attempts are used up, any other error at once.
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
