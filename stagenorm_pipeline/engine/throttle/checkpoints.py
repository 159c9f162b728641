"""Throttle while the volume of WAL forces checkpoints in quick succession, as PostgreSQL itself warns about.

Only checkpoints forced by volume count. DROP DATABASE, base backups and administrators request checkpoints too, and
those are no sign of pressure. PostgreSQL forces one when about half of `max_wal_size` was written since the last.
"""

from collections import deque

from stagenorm_pipeline.config.throttle import ThrottlerName, ThrottleSettings
from stagenorm_pipeline.engine.throttle.probe import Reading

# The server's `checkpoint_warning`, 30 s by default: checkpoints closer together than this are too frequent.
_WINDOW_S = 30.0
# The server forces one at 1 / (1 + checkpoint_completion_target), about half. A reading a little later sees less.
_SHARE_OF_MAX_WAL = 0.4


class ForcedCheckpoints:
    """Count the forced checkpoints of the last seconds."""

    name = ThrottlerName.CHECKPOINTS
    is_required = False

    def __init__(self, settings: ThrottleSettings) -> None:
        self._most = settings.max_forced_checkpoints
        self._last: Reading | None = None
        self._forced: deque[float] = deque()

    def reason(self, reading: Reading, table: str) -> str | None:  # noqa: ARG002 - a checkpoint has no table
        if self._last is None or reading.checkpoints_requested > self._last.checkpoints_requested:
            written = reading.written - self._last.written if self._last else 0
            if written > _SHARE_OF_MAX_WAL * reading.max_wal_bytes:
                self._forced.append(reading.at)
            self._last = reading
        while self._forced and self._forced[0] <= reading.at - _WINDOW_S:
            self._forced.popleft()
        if len(self._forced) < self._most:
            return None
        return (
            f"{len(self._forced)} checkpoints within {_WINDOW_S:g} s were forced by the volume of WAL; "
            f"continues when there are fewer than {self._most} (or raise max_wal_size)"
        )

    def close(self) -> None:
        """Nothing to close."""
