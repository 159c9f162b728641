"""One line for each event of an apply: the runbook's lines, and those that it does not know. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from stagenorm_pipeline.counts import counted
from stagenorm_pipeline.engine.apply.events import (
    BatchCompleted,
    BatchFailed,
    BatchStarted,
    BatchTaken,
    CanaryPassed,
    CanaryStarted,
    Event,
    FundsExcluded,
    GroupSplit,
    Paused,
    Retrying,
    SessionsTuned,
    Sleeping,
    Throttled,
    ThrottleEnded,
    Unwatched,
    WorkFound,
)
from stagenorm_pipeline.engine.plan.batch_types import Batch, BatchResult, RefusedRow
from stagenorm_pipeline.report.escape import for_terminal, sentence_for_terminal


class LineLevel(StrEnum):
    """The level of a log line, as it is printed."""

    INFO = "INFO"
    WARN = "WARN"
    ERROR = "ERROR"


@dataclass(frozen=True, slots=True, kw_only=True)
class EventLine:
    """A log line. `message` is escaped for a terminal; `fields` follow it as JSON."""

    message: str
    level: LineLevel = LineLevel.INFO
    fields: Mapping[str, Any] = field(default_factory=dict)


def event_line(event: Event) -> EventLine | None:  # noqa: PLR0911 - one line for each event
    """Return the log line of an event; None for what has no line."""
    match event:
        case WorkFound():
            return None  # The runbook has no line for it.
        case BatchStarted(batch=batch):
            return _started(batch)
        case BatchCompleted(batch=batch, result=result):
            return _completed(batch, result)
        case BatchFailed(batch=batch, error=error):
            return EventLine(
                message=f"Batch {batch.number} failed: {sentence_for_terminal(error)}",
                level=LineLevel.ERROR,
                fields={"batchId": batch.batch_id},
            )
        case BatchTaken(batch=batch, worker=worker):
            return EventLine(
                message=f"Batch {batch.number} is taken by {for_terminal(worker)}",
                level=LineLevel.WARN,
                fields={"batchId": batch.batch_id},
            )
        case Retrying(batch=batch, error=error, attempt=attempt, wait_s=wait_s):
            return retry_line(f"Batch {batch.number}" if batch else "The database", error, attempt, wait_s)
        case Sleeping(milliseconds=milliseconds):
            return EventLine(message=f"Sleeping {milliseconds}ms before next batch...")
        case Paused(reason=reason, changed_by=changed_by):
            return EventLine(
                message=f"Paused by {for_terminal(changed_by)}: {sentence_for_terminal(reason)}. Waiting for "
                "`stagenorm unpause`.",
                level=LineLevel.WARN,
            )
        case (
            ThrottleEnded()
            | Unwatched(is_wrong=False)
            | CanaryStarted()
            | CanaryPassed()
            | FundsExcluded()
            | SessionsTuned()
        ):
            return EventLine(message=sentence_for_terminal(str(event)))
        case Throttled() | Unwatched() | GroupSplit():
            return EventLine(message=sentence_for_terminal(str(event)), level=LineLevel.WARN)


def retry_line(what: str, error: str, attempt: int, wait_s: float) -> EventLine:
    """Return the line of an attempt that failed and is repeated."""
    return EventLine(
        message=f"{what}: {sentence_for_terminal(error)}; trying again in {wait_s:.1f} s",
        level=LineLevel.WARN,
        fields={"attempt": attempt},
    )


def refused_row_line(refused: RefusedRow) -> EventLine:
    """Return the line of a row that the database would refuse, found by a rehearsal."""
    where = f"{for_terminal(refused.batch.target.name)}, row {for_terminal(refused.row_id)}"
    return EventLine(
        message=f"Would be refused: {where}: {sentence_for_terminal(refused.message)}", level=LineLevel.ERROR
    )


def _started(batch: Batch) -> EventLine:
    return EventLine(
        message=f"Processing batch {batch.number}/{batch.total_batches}...",
        fields={
            "table": batch.target.table_name,
            "fund": batch.fund_key,
            "rowsPlanned": batch.rows_planned,
        },
    )


def _completed(batch: Batch, result: BatchResult) -> EventLine:
    fields = {
        "rowsUpdated": result.rows_updated,
        "rowsSkipped": result.rows_skipped,
        "rowsFailed": result.rows_failed,
        "durationMs": result.duration_ms,
    }
    if not result.refusals:
        return EventLine(message=f"Batch {batch.number} completed", fields=fields)
    first = sentence_for_terminal(result.refusals[0].message)
    return EventLine(
        message=f"Batch {batch.number}: {counted(result.rows_failed, 'row')} refused: {first}",
        level=LineLevel.ERROR,
        fields=fields,
    )
