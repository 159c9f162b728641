"""Holds while the server writes more WAL a second than the budget allows, whoever writes it."""

from collections import deque

from stagenorm_pipeline.config.throttle import MEGABYTE, ThrottlerName, ThrottleSettings
from stagenorm_pipeline.engine.throttle.hysteresis import Hysteresis
from stagenorm_pipeline.engine.throttle.probe import Reading

# Long enough to hold a batch, its pause and the next; a single burst of full-page images is no pressure.
_WINDOW_S = 10.0
# Two looks that are nearer than this say little about a rate.
_SHORTEST_S = 0.9


class WalRate:
    """The mean over the last seconds, ours and everybody else's together."""

    name = ThrottlerName.WAL_RATE
    is_asked_for = False

    def __init__(self, settings: ThrottleSettings) -> None:
        self._rate = Hysteresis(settings.max_wal_mb_per_second, settings.resume_wal_mb_per_second)
        self._seen: deque[tuple[float, int]] = deque()

    def look(self, reading: Reading, table: str) -> str | None:  # noqa: ARG002 - the log has no table
        self._seen.append((reading.at, reading.written))
        # One reading from before the window stays: a long batch lies between two looks.
        while len(self._seen) > 2 and self._seen[1][0] <= reading.at - _WINDOW_S:
            self._seen.popleft()
        seconds = reading.at - self._seen[0][0]
        if seconds < _SHORTEST_S:
            return None
        rate = (reading.written - self._seen[0][1]) / MEGABYTE / seconds
        if not self._rate.take(rate):
            return None
        return (
            f"the server writes {rate:,.0f} MB of WAL a second (budget {self._rate.hold_above:g}); "
            f"goes on below {self._rate.go_below:g}"
        )

    def close(self) -> None:
        """Holds nothing open."""
