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
    BatchStarted,
    BatchTaken,
    Event,
    FundsExcluded,
    Sleeping,
    Unwatched,
    WorkFound,
)
from stagenorm_pipeline.engine.apply.progress import ProgressMeter
from stagenorm_pipeline.engine.plan.batch_types import BatchResult
from stagenorm_pipeline.report.escape import for_terminal, sentence_for_terminal
from stagenorm_pipeline.report.event_lines import LineLevel, event_line

_PROGRESS_EVERY_S = 10.0
_LEVELS = {LineLevel.INFO: logging.INFO, LineLevel.WARN: logging.WARNING, LineLevel.ERROR: logging.ERROR}


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
            case WorkFound() | BatchStarted() | Sleeping():
                return
            case BatchFailed(error=error):
                self.first_error = self.first_error or error
            case BatchCompleted(result=BatchResult(refusals=(first, *_))):
                self.first_error = self.first_error or first.message
            case Unwatched() | FundsExcluded() if str(event) in self._logged_once:
                return
            case Unwatched() | FundsExcluded():
                self._logged_once.add(str(event))
            case _:
                pass
        if line := event_line(event):
            fields = f" {json.dumps(dict(line.fields), separators=(',', ':'))}" if line.fields else ""
            self._log.log(_LEVELS[line.level], f"{self._where(event)}{with_ui_steps(line.message)}{fields}")
        if isinstance(event, BatchCompleted):
            self._log_progress(now)

    def _where(self, event: Event) -> str:
        """Name the fund and the table: the funds of a run share its log, and it may apply several at once."""
        match event:
            case BatchCompleted(batch=batch) | BatchFailed(batch=batch) | BatchTaken(batch=batch):
                return f"{batch.fund_key}, {for_terminal(batch.target.table_name)}: "
            case Unwatched() | FundsExcluded():
                return ""
            case _:
                return f"{self._fund}: "

    def _log_progress(self, now: float) -> None:
        if now - self._last_progress >= self._progress_every_s:
            self._last_progress = now
            self._log.info(f"{self._fund}: {sentence_for_terminal(self._meter.progress.sentence)}")
