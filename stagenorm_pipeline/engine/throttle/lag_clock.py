"""How long a replica is behind, told by our own clock from positions in the log alone. Pure.

PostgreSQL's `replay_lag` grows only while new WAL arrives: measured on 18, with replay paused and the primary quiet
it stood still at 2.0 s, and after the replica had caught up it went on saying 4.0 s. A held runner makes a primary
quiet. `now() - pg_last_xact_replay_timestamp()` on the replica is worse: it grows on every idle primary.
"""

from collections import deque

# An hour at one look a second. Beyond it a lag is told too short, and is above any sensible bound all the same.
_REMEMBERED = 3_600


class LagClock:
    """Remembers when the primary's log was first seen at each position."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, int]] = deque(maxlen=_REMEMBERED)

    def note(self, at: float, written: int) -> None:
        """At `at` seconds the primary's log ended at `written` bytes."""
        if self._seen and written < self._seen[-1][1]:
            self._seen.clear()  # another primary, or one that was restored
        if not self._seen or written > self._seen[-1][1]:
            self._seen.append((at, written))

    def behind_s(self, at: float, replayed: int) -> float:
        """Seconds for which something that the replica has not replayed has been there; never more than the truth."""
        return next((at - seen_at for seen_at, written in self._seen if written > replayed), 0.0)
