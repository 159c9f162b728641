"""Holds while sessions wait for locks behind a stagenorm batch, or for the lock of the table itself.

Between two batches this runner holds no lock; so the sessions behind its own batch are counted just before that batch
commits and told by `note`. What a look sees are those behind other runners, and those who want the table (an ALTER
TABLE, say): a batch that started now would only queue up behind them and keep others waiting longer.
"""

from collections.abc import Sequence

from stagenorm_pipeline.config.throttle import ThrottlerName, ThrottleSettings
from stagenorm_pipeline.engine.throttle.probe import Reading, Waiter


class LockQueue:
    """Goes on when nobody waits any more; after a batch of ours that made others wait, not before the next look."""

    name = ThrottlerName.LOCK_QUEUE
    is_asked_for = False

    def __init__(self, settings: ThrottleSettings) -> None:
        self._settings = settings
        self._holds = False
        self._noted: tuple[Waiter, ...] = ()

    def note(self, waiters: Sequence[Waiter]) -> bool:
        """Hear who waited behind a batch of this runner's own; whether that was too long."""
        self._noted = tuple(waiters) if self._is_too_long(waiters) else ()
        return bool(self._noted)

    def look(self, reading: Reading, table: str) -> str | None:
        waiters = [waiter for waiter in reading.waiters if waiter.is_behind_us or waiter.table == table]
        noted, self._noted = self._noted, ()
        self._holds = bool(noted) or self._is_too_long(waiters) or (self._holds and bool(waiters))
        if not self._holds:
            return None
        waiting = waiters or noted
        longest_s = max((waiter.waited_ms for waiter in waiting), default=0) / 1_000
        behind = "behind a batch" if any(waiter.is_behind_us for waiter in waiting) else f"for a lock on {table}"
        return f"{len(waiting)} session(s) waited {behind}, the longest for {longest_s:.1f} s; goes on when none waits"

    def _is_too_long(self, waiters: Sequence[Waiter]) -> bool:
        bounds = self._settings
        longest_ms = max((waiter.waited_ms for waiter in waiters), default=0)
        return longest_ms > bounds.max_lock_wait_ms or len(waiters) > bounds.max_lock_waiters

    def close(self) -> None:
        """Holds nothing open."""
