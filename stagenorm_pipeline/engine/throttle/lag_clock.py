"""Measure how many seconds a replica is behind, by our own clock and from WAL positions alone.

PostgreSQL's own figures are not usable for this. `replay_lag` grows only while new WAL arrives: measured on 18, with
replay paused and the primary quiet it stayed at 2.0 s, and after the replica had caught up it still said 4.0 s. A
throttled runner makes a primary quiet. `now() - pg_last_xact_replay_timestamp()` on the replica grows on every idle
primary.
"""

from collections import deque

# One hour at one reading per second. A longer lag is reported too short, but is still above any sensible bound.
_MAX_READINGS = 3_600


class LagClock:
    """Remember when each WAL position of the primary was first seen."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, int]] = deque(maxlen=_MAX_READINGS)

    def note(self, at: float, written: int) -> None:
        """Note that at `at` seconds the primary's WAL ended at `written` bytes."""
        if self._seen and written < self._seen[-1][1]:
            self._seen.clear()  # a different primary, or one that was restored
        if not self._seen or written > self._seen[-1][1]:
            self._seen.append((at, written))

    def behind_s(self, at: float, replayed: int) -> float:
        """Return for how many seconds WAL exists that the replica has not replayed; never more than the real lag."""
        return next((at - seen_at for seen_at, written in self._seen if written > replayed), 0.0)
