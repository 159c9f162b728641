"""Throttle while all sessions together write more WAL per second than the budget allows."""

from collections import deque

from stagenorm_pipeline.config.throttle import MEGABYTE, ThrottlerName, ThrottleSettings
from stagenorm_pipeline.engine.throttle.hysteresis import Hysteresis
from stagenorm_pipeline.engine.throttle.probe import Reading

# Long enough for a batch, its sleep and the next batch. A single burst of full-page images is no pressure.
_WINDOW_S = 10.0
# A rate measured over less than this is noise.
_SHORTEST_S = 0.9


class WalRate:
    """The mean WAL rate of the last seconds, ours and that of all other sessions."""

    name = ThrottlerName.WAL_RATE
    is_required = False

    def __init__(self, settings: ThrottleSettings) -> None:
        self._rate = Hysteresis(settings.max_wal_mb_per_second, settings.resume_wal_mb_per_second)
        self._seen: deque[tuple[float, int]] = deque()

    def reason(self, reading: Reading, table: str) -> str | None:  # noqa: ARG002 - WAL has no table
        self._seen.append((reading.at, reading.written))
        # One reading from before the window is kept, because a long batch may lie between two readings.
        while len(self._seen) > 2 and self._seen[1][0] <= reading.at - _WINDOW_S:
            self._seen.popleft()
        seconds = reading.at - self._seen[0][0]
        if seconds < _SHORTEST_S:
            return None
        rate = (reading.written - self._seen[0][1]) / MEGABYTE / seconds
        if not self._rate.update(rate):
            return None
        return (
            f"the server writes {rate:,.0f} MB of WAL per second (budget {self._rate.throttle_above:g}); "
            f"continues below {self._rate.continue_below:g}"
        )

    def close(self) -> None:
        """Nothing to close."""
