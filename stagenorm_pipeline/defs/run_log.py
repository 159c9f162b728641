"""Write batch events to Dagster's run log: one line per batch as in the runbook, and the progress every 10 seconds.

The lines also reach the terminal in which Dagster runs, so text from the database is escaped for terminals.
"""

import json
import logging
import time
from collections.abc import Callable

from stagenorm_pipeline.defs.ui_hints import with_ui_steps
from stagenorm_pipeline.engine.apply.events import (
    BatchCompleted,
    BatchFailed,
    BatchTaken,
    Event,
    GroupSplit,
    Paused,
    Retrying,
    Throttled,
    ThrottleEnded,
    Unwatched,
)
from stagenorm_pipeline.engine.apply.progress import ProgressMeter
from stagenorm_pipeline.engine.plan.batch import Batch, BatchResult
from stagenorm_pipeline.report.escape import sentence_for_terminal

_PROGRESS_EVERY_S = 10.0


class BatchLog:
    """Logs the events of `apply_batches` for one fund. `first_error`: the database's first error message.

    Share `logged_once` between the funds of a run: its messages are logged for the first fund only.
    """

    def __init__(
        self,
        log: logging.Logger,
        fund: str,
        *,
        progress_every_s: float = _PROGRESS_EVERY_S,
        clock: Callable[[], float] = time.monotonic,
        logged_once: set[str] | None = None,
    ) -> None:
        self._log = log
        self._fund = fund
        self._meter = ProgressMeter()
        self._progress_every_s = progress_every_s
        self._clock = clock
        self._last_progress = clock()
        self._logged_once = set() if logged_once is None else logged_once
        self.first_error: str | None = None

    def __call__(self, event: Event) -> None:
        now = self._clock()
        self._meter.hear(event, now)
        match event:
            case BatchCompleted(batch=batch, result=result):
                self._completed(batch, result)
                self._progress(now)
            case BatchFailed(batch=batch, error=error):
                self._error(f"Batch {batch.number} failed", error)
            case BatchTaken(batch=batch, worker=worker):
                self._log.info(f"Batch {batch.number} is taken by {sentence_for_terminal(worker)}")
            case Retrying(batch=batch, error=error, attempt=attempt, wait_s=wait_s):
                source = f"Batch {batch.number}" if batch else "The database"
                self._warn(f"{source}: {error} Attempt {attempt + 1} in {wait_s:.1f} s.")
            case Paused(reason=reason, changed_by=changed_by):
                self._warn(f"Paused by {changed_by}: {reason}. To continue, run unpause_job or `stagenorm unpause`.")
            case Throttled() | ThrottleEnded() | GroupSplit():
                self._warn(with_ui_steps(str(event)))
            case Unwatched(is_wrong=is_wrong):
                self._log_once(with_ui_steps(str(event)), logging.WARNING if is_wrong else logging.INFO)

    def _completed(self, batch: Batch, result: BatchResult) -> None:
        counts = {
            "rowsUpdated": result.rows_updated,
            "rowsSkipped": result.rows_skipped,
            "rowsFailed": result.rows_failed,
            "durationMs": result.duration_ms,
        }
        self._log.info(f"Batch {batch.number} completed {json.dumps(counts, separators=(',', ':'))}")
        if result.refusals:
            self._error(f"Batch {batch.number}: the database refused a row", result.refusals[0].message)

    def _warn(self, text: str) -> None:
        self._log.warning(sentence_for_terminal(text))

    def _log_once(self, text: str, level: int) -> None:
        if text not in self._logged_once:
            self._logged_once.add(text)
            self._log.log(level, sentence_for_terminal(text))

    def _error(self, what: str, error: str) -> None:
        self.first_error = self.first_error or error
        self._log.error(f"{what}: {sentence_for_terminal(error)}")

    def _progress(self, now: float) -> None:
        if now - self._last_progress >= self._progress_every_s:
            self._last_progress = now
            self._log.info(f"{self._fund}: {sentence_for_terminal(self._meter.progress.sentence)}")
