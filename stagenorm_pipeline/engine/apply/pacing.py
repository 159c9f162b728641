"""How many rows the next transaction may take, so that each takes about as long as asked: `--batch-size auto`. Pure.

A plan made for it has small batches, and a transaction takes as many consecutive ones as the pacer allows. The plan
stays exact: only how much of it commits at once changes. Does not belong here: taking them (see `apply`).
"""

import math
from collections import deque

from stagenorm_pipeline.config.pacing import AUTO_BATCH_ROWS, Pacing

# Between these shares of the target nothing changes; an estimate aims at the middle of what is left above.
_LOW, _AIM = 0.90, 0.95
_STEP = 1.2
# Far below the target a step may be larger: double of less than a quarter is less than half.
_FAR_BELOW, _LARGE_STEP = 0.25, 2.0
# Spirit's measure: the 90th percentile of the last ten, so that one hiccup is no verdict on the table.
_REMEMBERED, _PERCENTILE = 10, 0.9


class Pacer:
    """Grows gently, shrinks at once. Ask `rows`, take at least one batch, tell `note` how long it took."""

    def __init__(self, pacing: Pacing) -> None:
        self._target_ms = pacing.target_ms
        self._most = pacing.max_rows
        self._rows = float(AUTO_BATCH_ROWS)
        self._costs: deque[float] = deque(maxlen=_REMEMBERED)

    @property
    def rows(self) -> int:
        """How many rows the next transaction may take, between one batch and the limit."""
        return int(self._rows)

    def note(self, rows: int, milliseconds: float) -> None:
        """Learn that a transaction of so many rows took so long."""
        share = max(milliseconds, 0.1) / self._target_ms
        is_full = 2 * rows >= self._rows
        if is_full or share > 1:
            self._costs.append(share / max(rows, 1))
        if share > 1:
            self._set(min(self._rows, _AIM * rows / share))
        elif is_full and share < _LOW:
            # The last group of a fund is small, and most of its time is overhead: it says nothing about a large one.
            step = _LARGE_STEP if share < _FAR_BELOW else _STEP
            self._set(max(self._rows, min(self._rows * step, _AIM / self._cost())))

    def slow_down(self) -> None:
        """Halve: somebody waited for us."""
        self._set(self._rows / 2)

    def _cost(self) -> float:
        """The share of the target that a row costs, in nine of the last ten transactions at most."""
        ordered = sorted(self._costs)
        return ordered[math.ceil(_PERCENTILE * len(ordered)) - 1]

    def _set(self, rows: float) -> None:
        self._rows = max(float(AUTO_BATCH_ROWS), min(rows, float(self._most)))
