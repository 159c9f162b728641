"""A psycopg connection of which every wait for the server ends, whatever the server or a proxy does.

The server's own timeouts bound what it does, but nobody hears of them from a server or a proxy that went silent. TCP
keepalives notice a dead machine, not a proxy that accepts everything and answers nothing.
"""

from dataclasses import dataclass
from typing import Any, Final, TypeVar

import psycopg
from psycopg import waiting
from psycopg.abc import PQGen
from psycopg.errors import QueryCanceled

from stagenorm_pipeline.errors import StagenormError

RV = TypeVar("RV")

# How often psycopg looks for signals while it waits.
_LOOK_S: Final = 0.1

# Two of these, for the cancel request and for its answer, fit into the time that an interrupt may take
# (see `commands/interrupt`).
_CANCEL_S: Final = 0.4


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitBounds:
    """The longest waits for an answer, in seconds.

    `short_s`: the first questions of a connection, COMMIT, and transactions that only look something up. `read_s`: any
    other statement. A scan sends nothing until it ends: planning the undo of 6 million changes in 10 million rows took
    64 s, verifying them 33 s (docs/performance.md), so an hour is enough for tables 50 times as large. `margin_s` is
    added to a statement_timeout, so that the server's own error comes first.
    """

    short_s: float = 75.0
    read_s: float = 3_600.0
    margin_s: float = 15.0


class SilentServerError(psycopg.OperationalError):
    """The server did not answer in time. The connection is closed, as after any other lost connection."""


class UnconfirmedCommitError(StagenormError):
    """A transaction is committed on this server, and no synchronous standby confirmed it in time."""


class BoundedConnection(psycopg.Connection[Any]):
    """Waits at most `bound_s` for a statement and `short_s` for a COMMIT."""

    bounds = WaitBounds()
    bound_s = WaitBounds().short_s
    _is_committing = False

    def commit(self) -> None:
        self._is_committing = True
        try:
            super().commit()
        finally:
            self._is_committing = False

    def wait(self, gen: PQGen[RV], interval: float = _LOOK_S, timeout: float | None = None) -> RV:
        """Raise SilentServerError when the server does not answer in time, UnconfirmedCommitError after a COMMIT."""
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
            # Ctrl-C, or Dagster's interrupt: nobody waits longer for the server than for a cancel request.
            self._cancel(gen, _CANCEL_S)
            raise
        return self._give_up(gen, bound_s)

    def _give_up(self, gen: PQGen[RV], bound_s: float) -> RV:
        warnings: list[str | None] = []

        def note(diagnostic: psycopg.errors.Diagnostic) -> None:
            warnings.append(diagnostic.sqlstate)

        self.add_notice_handler(note)
        try:
            answers = self._cancel(gen, self.bounds.margin_s / 3)
        finally:
            self.remove_notice_handler(note)
        if not answers:
            raise SilentServerError(f"The server did not answer within {bound_s:,.0f} s.")
        # PostgreSQL says by a warning alone that it stopped waiting for a standby: the commit itself took effect.
        if self._is_committing and "01000" in warnings:
            raise UnconfirmedCommitError(
                f"The commit took effect here, but no synchronous standby confirmed it within {bound_s:,.0f} s.",
                remedy="Bring the standby back or change synchronous_standby_names, then run the command again "
                "(an interrupted run: `stagenorm resume`). Nothing is done twice.",
            )
        return answers[0]

    def _cancel(self, gen: PQGen[RV], patience_s: float) -> list[RV]:
        """Ask the server to cancel. Its answer if it still came to one; else nothing, and the connection is closed."""
        try:
            self.cancel_safe(timeout=patience_s)
            return [waiting.wait(gen, self.pgconn.socket, interval=_LOOK_S, timeout=patience_s)]
        except QueryCanceled:
            # A cancelled statement leaves the session usable: the caller's ROLLBACK goes through.
            return []
        except psycopg.Error:
            self.pgconn.finish()
            return []
        except BaseException:
            self.pgconn.finish()
            raise
