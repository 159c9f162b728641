"""Compute the progress and the remaining time of an apply from its events.

Uses no SQL and no clock: the caller passes `now`.
"""

from collections import deque
from dataclasses import dataclass, replace

from stagenorm_pipeline.engine.apply.events import (
    BatchCompleted,
    BatchFailed,
    BatchStarted,
    BatchTaken,
    Event,
    Paused,
    Retrying,
    Sleeping,
    Throttled,
    ThrottleEnded,
    WorkFound,
)

# Enough batches to average out occasional throttling, few enough to show a change of pace soon. The views of
# sql/migrations use as many.
_LATELY = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """The progress of one apply, as of the last event.

    `rows_done` and `batches_done` count what ended, in any way, and what another runner has taken. The totals are None
    until the waiting batches were counted. `rows_per_second` and `eta_s` (seconds) include sleeping and throttling, and
    are None until they can be computed; `eta_s` is also None while all work is paused or throttled. `waiting_for` says
    why no batch runs now. It may quote the database or a user, so escape it before you show it.
    """

    rows_done: int = 0
    rows_total: int | None = None
    batches_done: int = 0
    batches_total: int | None = None
    batches_failed: int = 0
    rows_per_second: float | None = None
    eta_s: float | None = None
    waiting_for: str | None = None

    @property
    def sentence(self) -> str:
        """The progress in words, for a log line or beside a progress bar. Escape it: see `waiting_for`."""
        if self.rows_total is None:
            return "counting the waiting batches"
        parts = [f"{self.rows_done:,} of {self.rows_total:,} rows ({percent(self.rows_done, self.rows_total)}%)"]
        if self.batches_failed:
            parts.append(f"{self.batches_failed:,} batches failed")
        if self.rows_per_second is not None:
            parts.append(f"{self.rows_per_second:,.0f} rows/s")
        if self.eta_s is not None:
            parts.append(f"about {time_span(max(self.eta_s, 1))} left")
        if self.waiting_for is not None:
            parts.append(self.waiting_for)
        return ", ".join(parts)


def percent(done: int, total: int) -> int:
    """Return the percentage, rounded down: 100 means all."""
    return 100 * done // total if total else 100


def time_span(seconds: float) -> str:
    """Format a duration in at most two units: 45 s, 3 min 20 s, 2 h 05 min."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3_600:
        return f"{whole // 60} min {whole % 60:02} s"
    return f"{whole // 3_600} h {whole % 3_600 // 60:02} min"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cycle:
    """The time from the start of a transaction to the first start after it or another one ended.

    Several batches may share it. With several sessions, other transactions run on in the next cycle.

    `work_s` of its `seconds` were inside the transaction.
    """

    batches: int = 0
    rows: int = 0
    work_s: float = 0.0
    seconds: float = 0.0


class ProgressMeter:
    """Listen to the events of one apply. `now` is in seconds of a monotonic clock.

    The remaining rows cost time per row (inside transactions) and per batch (sleeping, throttling, claiming). The two
    are measured separately, because the last funds of a plan may be many and small, and each costs a sleep.
    """

    def __init__(self) -> None:
        self.progress = Progress()
        self._cycles: deque[_Cycle] = deque(maxlen=_LATELY)
        self._ended: _Cycle | None = None
        self._cycle_began: float | None = None
        self._sleep_s = 0.0
        self._paused_at: float | None = None
        self._is_throttled = False
        self._ends_at: float | None = None

    def hear(self, event: Event, now: float) -> None:
        """Update `progress` with an event that happened at `now`."""
        match event:
            case WorkFound(batches=batches, rows=rows):
                self._found(batches, rows)
            case BatchStarted():
                self._start(now)
            case BatchCompleted(batch=batch, result=result):
                self._end(now, batch.rows_planned, work_s=result.duration_ms / 1000)
            case BatchFailed(batch=batch):
                self._end(now, batch.rows_planned, failed=1)
            case BatchTaken(batch=batch):
                self._count(batch.rows_planned)
            case Sleeping(milliseconds=milliseconds):
                self._sleep_s = milliseconds / 1000
                self._look_ahead(now)
            case Paused(reason=reason, changed_by=changed_by):
                self._paused_at = now
                self._wait_for(f"paused by {changed_by}: {reason}")
            case Retrying(batch=_, error=error, attempt=_, wait_s=wait_s):
                self._wait_for(f"retrying in {wait_s:.1f} s: {error}")
            case Throttled(reason=reason):
                self._is_throttled = True
                self._wait_for(f"throttled: {reason}")
            case ThrottleEnded():
                self._is_throttled = False
                self._wait_for(None)
        self.progress = self.at(now)

    def at(self, now: float) -> Progress:
        """Return the progress with its estimate counted down to `now`, to show it between two events."""
        is_waiting = self._paused_at is not None or self._is_throttled
        eta_s = None if self._ends_at is None or is_waiting else max(self._ends_at - now, 0.0)
        return replace(self.progress, eta_s=eta_s)

    def _found(self, batches: int, rows: int) -> None:
        so_far = self.progress
        self.progress = replace(so_far, rows_total=so_far.rows_done + rows, batches_total=so_far.batches_done + batches)

    def _start(self, now: float) -> None:
        if self._ended is not None and self._cycle_began is not None:
            # A pause must not change the measured pace.
            paused_s = now - self._paused_at if self._paused_at is not None else 0.0
            self._cycles.append(replace(self._ended, seconds=now - self._cycle_began - paused_s))
            self._ended = self._cycle_began = None
        # Otherwise other sessions are at work: all that ends until the next start counts for the time since the first.
        self._cycle_began = now if self._cycle_began is None else self._cycle_began
        self._paused_at = None
        self.progress = replace(self.progress, waiting_for=None)
        self._estimate(now, list(self._cycles))

    def _look_ahead(self, now: float) -> None:
        """Estimate already when the batch has ended, assuming that the sleep is as long as the last one."""
        if self._ended is not None and self._cycle_began is not None:
            wakes_at = now + self._sleep_s
            cycle = replace(self._ended, seconds=wakes_at - self._cycle_began)
            self._estimate(wakes_at, [*self._cycles, cycle])

    def _end(self, now: float, rows: int, *, work_s: float = 0.0, failed: int = 0) -> None:
        so_far = self._ended or _Cycle()
        self._ended = _Cycle(batches=so_far.batches + 1, rows=so_far.rows + rows, work_s=so_far.work_s + work_s)
        self._count(rows)
        self.progress = replace(self.progress, batches_failed=self.progress.batches_failed + failed)
        self._look_ahead(now)

    def _count(self, rows: int) -> None:
        """Count rows as done, but never more than the total: of a retried batch only the refused rows were waiting."""
        so_far = self.progress
        done = so_far.rows_done + rows
        self.progress = replace(
            so_far,
            rows_done=done if so_far.rows_total is None else min(done, so_far.rows_total),
            batches_done=so_far.batches_done + 1,
        )

    def _wait_for(self, reason: str | None) -> None:
        self.progress = replace(self.progress, waiting_for=reason)

    def _estimate(self, as_of: float, cycles: list[_Cycle]) -> None:
        so_far = self.progress
        if so_far.rows_total is None or so_far.batches_total is None:
            return
        rows = sum(cycle.rows for cycle in cycles)
        seconds = sum(cycle.seconds for cycle in cycles)
        # The first transaction warms caches. Alone it counts only if it was a tenth of all rows.
        if seconds <= 0 or (len(cycles) < 2 and so_far.rows_done * 10 < so_far.rows_total):
            return
        work_s = min(sum(cycle.work_s for cycle in cycles), seconds)
        by_row = work_s / rows
        by_batch = (seconds - work_s) / sum(cycle.batches for cycle in cycles)
        rows_left = so_far.rows_total - so_far.rows_done
        batches_left = max(so_far.batches_total - so_far.batches_done, 0)
        self._ends_at = as_of + rows_left * by_row + batches_left * by_batch
        self.progress = replace(so_far, rows_per_second=rows / seconds)
