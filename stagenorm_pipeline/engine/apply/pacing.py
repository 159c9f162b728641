"""Choose how many rows a transaction takes, so that it lasts about as long as asked for: `--batch-size auto`.

A plan for it has small batches, and a transaction takes as many consecutive batches as the pacer allows. The plan stays
exact; only how much of it commits at once changes.
"""

import math
from collections import deque
from dataclasses import dataclass

from stagenorm_pipeline.errors import ConfigurationError

# The batch size of a plan for auto pacing: the smallest transaction, and the smallest step of its growth.
AUTO_BATCH_ROWS = 500
# Each batch takes an advisory lock, and a session's share of the lock table is 64 (max_locks_per_transaction).
MAX_GROUP_SIZE = 40
_MAX_ROWS = AUTO_BATCH_ROWS * MAX_GROUP_SIZE

# Between 0.90 and 1 of the target nothing changes. A new size aims at the middle of that range.
_LOW, _AIM = 0.90, 0.95
_STEP = 1.2
# Below a quarter of the target a step may double the size: the result is still below half.
_FAR_BELOW, _LARGE_STEP = 0.25, 2.0
# Like Spirit: the 90th percentile of the last ten, so that a single slow transaction does not count.
_REMEMBERED, _PERCENTILE = 10, 0.9


@dataclass(frozen=True, slots=True, kw_only=True)
class Pacing:
    """The target of auto pacing. `target_ms`: milliseconds per transaction. Raises ConfigurationError out of bounds."""

    target_ms: int = 500
    max_rows: int = _MAX_ROWS

    def __post_init__(self) -> None:
        if not 10 <= self.target_ms <= 60_000:
            raise ConfigurationError(
                f"A target of {self.target_ms:,} ms per transaction is out of bounds.",
                remedy="Choose 10 to 60,000 ms; 500 is the default.",
            )
        if not AUTO_BATCH_ROWS <= self.max_rows <= _MAX_ROWS:
            raise ConfigurationError(
                f"A limit of {self.max_rows:,} rows per transaction is out of bounds.",
                remedy=f"Choose {AUTO_BATCH_ROWS} to {_MAX_ROWS:,} rows; {_MAX_ROWS:,} is the default.",
            )


class Pacer:
    """Adapt the size of transactions: grow slowly, shrink at once.

    Read `rows`, run at least one batch, and call `note` with how long it took.
    """

    def __init__(self, pacing: Pacing) -> None:
        self._target_ms = pacing.target_ms
        self._most = pacing.max_rows
        self._rows = float(AUTO_BATCH_ROWS)
        self._costs: deque[float] = deque(maxlen=_REMEMBERED)

    @property
    def rows(self) -> int:
        """How many rows the next transaction may take: at least one batch, at most the limit."""
        return int(self._rows)

    def note(self, rows: int, milliseconds: float) -> None:
        """Note how long a transaction of `rows` rows took, and adapt the size."""
        share = max(milliseconds, 0.1) / self._target_ms
        is_full = 2 * rows >= self._rows
        if is_full or share > 1:
            self._costs.append(share / max(rows, 1))
        if share > 1:
            self._set(min(self._rows, _AIM * rows / share))
        elif is_full and share < _LOW:
            # Only full groups: the last group of a fund is small, and most of its time is overhead.
            step = _LARGE_STEP if share < _FAR_BELOW else _STEP
            self._set(max(self._rows, min(self._rows * step, _AIM / self._cost())))

    def slow_down(self) -> None:
        """Halve the size, because another session waited for the last transaction."""
        self._set(self._rows / 2)

    def _cost(self) -> float:
        """Return the share of the target that a row costs: the 90th percentile of the last ten transactions."""
        ordered = sorted(self._costs)
        return ordered[math.ceil(_PERCENTILE * len(ordered)) - 1]

    def _set(self, rows: float) -> None:
        self._rows = max(float(AUTO_BATCH_ROWS), min(rows, float(self._most)))
