"""A psycopg connection that never waits for the server without a time limit.

The server's own timeouts do not help when the server or a proxy stops answering: the client never hears of them. TCP
keepalives detect a dead machine, but not a proxy that accepts everything and answers nothing.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, TypeVar

import psycopg
from psycopg import waiting
from psycopg.abc import PQGen
from psycopg.adapt import Transformer
from psycopg.errors import QueryCanceled
from psycopg.rows import namedtuple_row

from stagenorm_pipeline.errors import StagenormError

RV = TypeVar("RV")

_PLACEHOLDER = re.compile(r"%\((\w+)\)s")

# How often psycopg checks for signals while it waits.
_POLL_S: Final = 0.1

# An interrupt waits twice this long: for the cancel request, and for its answer. Both fit into the time that
# `cli.interrupt` allows.
_CANCEL_S: Final = 0.4


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitBounds:
    """How long to wait for an answer, in seconds.

    `connect_s`: a connection attempt; libpq takes whole seconds, at least 2.
    `short_s`: the first statements of a connection, COMMIT, and short transactions.
    `read_s`: any other statement. A scan sends nothing until it ends: planning the rollback of 6 million changes in 10
    million rows took 64 s, verifying them 33 s (docs/performance.md). An hour is enough for tables 50 times as large.
    `margin_s`: added to a statement_timeout, so that the server's own error comes first.
    """

    connect_s: int = 10
    short_s: float = 75.0
    read_s: float = 3_600.0
    margin_s: float = 15.0


class SilentServerError(psycopg.OperationalError):
    """The server did not answer in time. The connection is closed and counts as lost."""


class UnconfirmedCommitError(StagenormError):
    """A transaction is committed on this server, but no synchronous standby confirmed it in time."""


@lru_cache
def _split(text: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Split a statement at its values. Returns the pieces around them, and their names."""
    pieces = _PLACEHOLDER.split(text)
    return tuple(piece.replace("%%", "%") for piece in pieces[::2]), tuple(pieces[1::2])


class BoundedConnection(psycopg.Connection[Any]):
    """A connection that waits at most `bound_s` for a statement and `short_s` for a COMMIT."""

    bounds = WaitBounds()
    bound_s = WaitBounds().short_s
    _is_committing = False
    _is_message = False

    def execute_message(self, text: str, values: Mapping[str, object]) -> list[list[Any]]:
        """Send several statements as one message, which also commits. Returns the rows of each.

        The connection must be in autocommit.
        """
        self._is_message = True
        try:
            with psycopg.ClientCursor(self, row_factory=namedtuple_row) as cursor:
                cursor.execute(self._quoted(text, values))
                rows = [_rows(cursor)]
                while cursor.nextset():
                    rows.append(_rows(cursor))
                return rows
        finally:
            self._is_message = False

    def _quoted(self, text: str, values: Mapping[str, object]) -> bytes:
        """Return the text with each value quoted by psycopg, once.

        psycopg would quote a value again for each of its places, and parse a text of this length again each time.
        """
        pieces, names = _split(text)
        quote = Transformer(self).as_literal
        quoted = {name: quote(values[name]) for name in set(names)}
        encoding = self.info.encoding
        texts = [piece.encode(encoding) for piece in pieces]
        places = [quoted[name] for name in names] + [b""]
        return b"".join(part for pair in zip(texts, places, strict=True) for part in pair)

    def commit(self) -> None:
        self._is_committing = True
        try:
            super().commit()
        finally:
            self._is_committing = False

    def wait(self, gen: PQGen[RV], interval: float = _POLL_S, timeout: float | None = None) -> RV:
        """Wait for the server. Raises SilentServerError or, after a COMMIT, UnconfirmedCommitError at the limit."""
        if timeout is not None:
            return super().wait(gen, interval, timeout)
        bound_s = self.bounds.short_s if self._is_committing else self.bound_s
        try:
            return waiting.wait(gen, self.pgconn.socket, interval=interval, timeout=bound_s)
        except psycopg.errors._WaitTimeout:
            pass
        except Exception:
            raise
        except BaseException:
            # Ctrl-C or Dagster's interrupt: cancel the statement instead of waiting for its end.
            self._cancel(gen, _CANCEL_S)
            raise
        return self._cancel_overdue(gen, bound_s)

    def _cancel_overdue(self, gen: PQGen[RV], bound_s: float) -> RV:
        """Cancel a statement that took too long. Return its result if it ended just before the cancel request."""
        warnings: list[str | None] = []

        def record_state(diagnostic: psycopg.errors.Diagnostic) -> None:
            warnings.append(diagnostic.sqlstate)

        self.add_notice_handler(record_state)
        try:
            answers = self._cancel(gen, self.bounds.margin_s / 3)
        finally:
            self.remove_notice_handler(record_state)
        if not answers:
            raise SilentServerError(f"The server did not answer within {bound_s:,.0f} s.")
        # Only a warning says that PostgreSQL stopped waiting for a standby: the commit itself took effect.
        if (self._is_committing or self._is_message) and "01000" in warnings:
            raise UnconfirmedCommitError(
                f"The commit took effect here, but no synchronous standby confirmed it within {bound_s:,.0f} s.",
                remedy="Bring the standby back or change synchronous_standby_names. Then run the command again, or "
                "`stagenorm resume` after an interrupted run. Rows that are done are not changed again.",
            )
        return answers[0]

    def _cancel(self, gen: PQGen[RV], timeout_s: float) -> list[RV]:
        """Ask the server to cancel. Return the statement's result if it ended anyway; else nothing.

        Closes the connection if the server does not answer.
        """
        try:
            self.cancel_safe(timeout=timeout_s)
            return [waiting.wait(gen, self.pgconn.socket, interval=_POLL_S, timeout=timeout_s)]
        except QueryCanceled:
            # A cancelled statement leaves the session usable for the caller's ROLLBACK.
            return []
        except psycopg.Error:
            self.pgconn.finish()
            return []
        except BaseException:
            self.pgconn.finish()
            raise


def _rows(cursor: psycopg.Cursor[Any]) -> list[Any]:
    return cursor.fetchall() if cursor.description else []
