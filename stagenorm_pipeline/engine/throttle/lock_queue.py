"""Throttle while sessions wait for locks behind a stagenorm batch, or for a lock on the next table itself.

Between two batches this runner holds no lock. So the sessions that waited behind its own batch are read just before
the batch commits, and passed to `note`. A reading between batches shows the sessions that wait behind other runners,
and those that want the table (an ALTER TABLE, for example): a batch that started now would queue up behind them and
make other sessions wait longer.
"""

from collections import deque
from collections.abc import Sequence

from stagenorm_pipeline.config.throttle import ThrottlerName, ThrottleSettings
from stagenorm_pipeline.engine.throttle.probe import Reading, Waiter


class LockQueue:
    """Wait until no session waits any more.

    After a batch of this runner that blocked sessions for too long, wait at least until the next reading.
    """

    name = ThrottlerName.LOCK_QUEUE
    is_required = False

    def __init__(self, settings: ThrottleSettings) -> None:
        self._settings = settings
        self._is_throttled = False
        # Appended to by every session, and emptied by the one that reads.
        self._noted: deque[Waiter] = deque()

    def note(self, waiters: Sequence[Waiter]) -> bool:
        """Note the sessions that waited behind this runner's own batch. Return whether they waited too long."""
        if not self._is_too_long(waiters):
            return False
        self._noted.extend(waiters)
        return True

    def reason(self, reading: Reading, table: str) -> str | None:
        waiters = [waiter for waiter in reading.waiters if waiter.is_behind_us or waiter.table == table]
        noted = [self._noted.popleft() for _ in range(len(self._noted))]
        self._is_throttled = bool(noted) or self._is_too_long(waiters) or (self._is_throttled and bool(waiters))
        if not self._is_throttled:
            return None
        waiting = waiters or noted
        longest_s = max((waiter.waited_ms for waiter in waiting), default=0) / 1_000
        behind = "behind a batch" if any(waiter.is_behind_us for waiter in waiting) else f"for a lock on {table}"
        sessions = "1 session" if len(waiting) == 1 else f"{len(waiting):,} sessions"
        return f"{sessions} waited {behind}, the longest for {longest_s:.1f} s; continues when none waits"

    def _is_too_long(self, waiters: Sequence[Waiter]) -> bool:
        bounds = self._settings
        longest_ms = max((waiter.waited_ms for waiter in waiters), default=0)
        return longest_ms > bounds.max_lock_wait_ms or len(waiters) > bounds.max_lock_waiters

    def close(self) -> None:
        """Nothing to close."""
