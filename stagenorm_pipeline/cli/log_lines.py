"""What a run says in a terminal or a log: one line an event, in the runbook's words; and errors with their remedy.

Plain lines `[INFO] message {fields}`, or one JSON object a line with LOG_FORMAT=json. What is drawn and redrawn on a
person's screen does not belong here (see `commands/screen`).
"""

import json
import os
import sys
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, TextIO

from stagenorm_pipeline.engine.apply.events import (
    BatchCompleted,
    BatchFailed,
    BatchStarted,
    BatchTaken,
    Event,
    GroupSplit,
    Paused,
    Retrying,
    Sleeping,
    Throttled,
    ThrottleEnded,
    Unwatched,
    WorkFound,
)
from stagenorm_pipeline.engine.preflight import PreflightFinding
from stagenorm_pipeline.errors import StagenormError
from stagenorm_pipeline.report.escape import for_terminal, sentence_for_terminal


def say(message: str, level: str = "INFO", **fields: Any) -> None:
    """Write one log line to standard output."""
    print(_line(message, level, fields), flush=True)  # noqa: T201 - this is the terminal


def say_in_handler(message: str, level: str) -> None:
    """The same from a signal handler, which may have interrupted `say` inside the stream's own buffer."""
    # Over a progress bar, which is on the last line of the screen.
    start = "\r\x1b[K" if is_screen(sys.stdout) else ""
    with suppress(OSError):
        os.write(1, f"{start}{_line(message, level, {})}\n".encode())


def is_screen(stream: TextIO) -> bool:
    """Whether a person looks at it, on a terminal that can be drawn on."""
    return stream.isatty() and os.environ.get("TERM") != "dumb" and not logs_json()


def logs_json() -> bool:
    """Whether a machine reads the log: one JSON object a line, and nothing else among them."""
    return os.environ.get("LOG_FORMAT") == "json"


def _line(message: str, level: str, fields: dict[str, Any]) -> str:
    if logs_json():
        return json.dumps({"time": datetime.now(UTC).isoformat(), "level": level, "message": message, **fields})
    return f"[{level}] {message}" + (f" {json.dumps(fields, separators=(',', ':'))}" if fields else "")


def show_error(error: StagenormError) -> None:
    """What is wrong, and what to do, on standard error."""
    if logs_json():
        lines = [_line(error.message, "ERROR", {"remedy": error.remedy})]
    else:
        first, *others = [*error.message.splitlines(), *(error.remedy or "").splitlines()]
        lines = [sentence_for_terminal(line, limit=2_000) for line in (f"Error: {first}", *(f"  {o}" for o in others))]
    # The exit code must not depend on whether anybody can read this.
    with suppress(OSError):
        print("\n".join(lines), file=sys.stderr)  # noqa: T201


def show_finding(finding: PreflightFinding) -> None:
    """A pre-flight finding with its remedy; the SQL of a remedy keeps its lines."""
    where = f"{for_terminal(finding.target)}: " if finding.target else ""
    level = "WARN" if finding.level == "warning" else finding.level.upper()
    message = f"{where}{sentence_for_terminal(finding.message, limit=2_000)}"
    if logs_json():
        say(message, level, check=finding.check, remedy=finding.remedy)
        return
    say(message, level, check=finding.check)
    for line in finding.remedy.splitlines():
        print(f"    {sentence_for_terminal(line, limit=2_000)}", flush=True)  # noqa: T201 - this is the terminal


def say_event(event: Event) -> None:
    """Say what happened to a batch, or between two, in a line."""
    match event:
        case WorkFound():
            pass  # The runbook has no line for it.
        case BatchStarted(batch=batch):
            say(
                f"Processing batch {batch.number}/{batch.total_batches}...",
                table=batch.target.table_name,
                fund=batch.fund_key,
                rowsPlanned=batch.rows_planned,
            )
        case BatchCompleted(batch=batch, result=result):
            fields: dict[str, Any] = {
                "rowsUpdated": result.rows_updated,
                "rowsSkipped": result.rows_skipped,
                "rowsFailed": result.rows_failed,
                "durationMs": result.duration_ms,
            }
            if result.refusals:
                first = sentence_for_terminal(result.refusals[0].message)
                say(f"Batch {batch.number}: {result.rows_failed} row(s) refused: {first}", "ERROR", **fields)
            else:
                say(f"Batch {batch.number} completed", **fields)
        case BatchFailed(batch=batch, error=error):
            say(f"Batch {batch.number} failed: {sentence_for_terminal(error)}", "ERROR", batchId=batch.batch_id)
        case BatchTaken(batch=batch, worker=worker):
            say(f"Batch {batch.number} is held by {for_terminal(worker)}", "WARN", batchId=batch.batch_id)
        case Retrying(batch=batch, error=error, attempt=attempt, wait_s=wait_s):
            what = f"Batch {batch.number}" if batch else "The database"
            say(f"{what}: {sentence_for_terminal(error)}; trying again in {wait_s:.1f} s", "WARN", attempt=attempt)
        case Sleeping(milliseconds=milliseconds):
            say(f"Sleeping {milliseconds}ms before next batch...")
        case Paused(reason=reason, changed_by=changed_by):
            by = for_terminal(changed_by)
            say(f"Paused by {by}: {sentence_for_terminal(reason)}. Waiting for `stagenorm unpause`.", "WARN")
        case ThrottleEnded() | Unwatched(is_wrong=False):
            say(sentence_for_terminal(str(event)))
        case Throttled() | Unwatched() | GroupSplit():
            say(sentence_for_terminal(str(event)), "WARN")
