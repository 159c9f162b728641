"""Choose how many rows a transaction takes, so that it lasts about as long as asked for: `--batch-size auto`.

A plan for it has small batches, and a transaction takes as many consecutive batches as the pacer allows. The plan stays
exact; only how much of it commits at once changes.
"""

import math
from collections import deque

from stagenorm_pipeline.config.auto_batch_size import AUTO_BATCH_ROWS, Pacing

# Between 0.90 and 1 of the target nothing changes. A new size aims at the middle of that range.
_LOW, _AIM = 0.90, 0.95
_STEP = 1.2
# Below a quarter of the target a step may double the size: the result is still below half.
_FAR_BELOW, _LARGE_STEP = 0.25, 2.0
# Like Spirit: the 90th percentile of the last ten, so that a single slow transaction does not count.
_REMEMBERED, _PERCENTILE = 10, 0.9


class Pacer:
    """Adapt the size of transactions: grow slowly, shrink at once.

    Read `rows`, run at least one batch, and call `note` with how long it took.
    """

    def __init__(self, pacing: Pacing) -> None:
        self._told_ms = self._target_ms = pacing.target_ms
        self._most = pacing.max_rows
        self._rows = float(AUTO_BATCH_ROWS)
        self._costs: deque[float] = deque(maxlen=_REMEMBERED)

    @property
    def rows(self) -> int:
        """How many rows the next transaction may take: at least one batch, at most the limit."""
        return int(self._rows)

    def aim_at(self, target_ms: int | None) -> None:
        """Aim at another duration from now on. None: the one that the run was told."""
        new = self._told_ms if target_ms is None else target_ms
        if new != self._target_ms:
            # What rows cost is kept as a share of the target.
            self._costs = deque((cost * self._target_ms / new for cost in self._costs), maxlen=_REMEMBERED)
            self._target_ms = new

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
