"""End a run early: after a number of rows, at a time, or after failures in a row. No batch is cut."""

from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from enum import StrEnum
from typing import Final

# A full disk or a read-only server fails every batch: without a limit the same error would be written a thousand times.
MAX_FAILURES_IN_A_ROW: Final = 3


class BudgetEnd(StrEnum):
    """Which part of the budget is used up."""

    NONE = "none"
    ROWS = "rows"
    TIME = "time"


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """Start no batch once the batches so far have `max_rows` rows, or after `ends_at`. None: no bound."""

    max_rows: int | None = None
    ends_at: datetime | None = None

    def end(self, rows: int, now: datetime) -> BudgetEnd:
        """Tell which part is used up after `rows` rows, at `now`."""
        if self.max_rows is not None and rows >= self.max_rows:
            return BudgetEnd.ROWS
        if self.ends_at is not None and now >= self.ends_at:
            return BudgetEnd.TIME
        return BudgetEnd.NONE

    def most_rows(self, wanted: int, rows: int) -> int:
        """Return how many of `wanted` rows a group of batches may have after `rows` rows."""
        return wanted if self.max_rows is None else min(wanted, max(0, self.max_rows - rows))

    def after(self, rows: int) -> "Budget":
        """Return what is left after `rows` rows."""
        return self if self.max_rows is None else replace(self, max_rows=max(0, self.max_rows - rows))


def next_time(until: time, now: datetime) -> datetime:
    """Return the next moment after `now` at which a clock in its zone shows `until`."""
    today = now.replace(hour=until.hour, minute=until.minute, second=0, microsecond=0)
    return today if today > now else today + timedelta(days=1)
