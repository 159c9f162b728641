"""What a run says in a terminal or a log: one line an event, in the runbook's words; and errors with their remedy.

Plain lines `[INFO] message {fields}`, or one JSON object a line with LOG_FORMAT=json.
"""

import json
import os
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from stagenorm_pipeline.engine.errors import StagenormError
from stagenorm_pipeline.engine.events import (
    BatchCompleted,
    BatchFailed,
    BatchHeld,
    BatchStarted,
    Event,
    Paused,
    Retrying,
    Sleeping,
)
from stagenorm_pipeline.engine.preflight import PreflightFinding
from stagenorm_pipeline.report.escape import for_terminal, sentence_for_terminal


def say(message: str, level: str = "INFO", **fields: Any) -> None:
    """Write one log line to standard output."""
    if os.environ.get("LOG_FORMAT") == "json":
        line = json.dumps({"time": datetime.now(UTC).isoformat(), "level": level, "message": message, **fields})
    else:
        line = f"[{level}] {message}" + (f" {json.dumps(fields, separators=(',', ':'))}" if fields else "")
    print(line, flush=True)  # noqa: T201 - this is the terminal


def show_error(error: StagenormError) -> None:
    """What is wrong, and what to do, on standard error."""
    first, *others = [*error.message.splitlines(), *(error.remedy or "").splitlines()]
    for line in (f"Error: {first}", *(f"  {line}" for line in others)):
        print(sentence_for_terminal(line, limit=2_000), file=sys.stderr)  # noqa: T201


def show_finding(finding: PreflightFinding) -> None:
    """A pre-flight finding with its remedy; the SQL of a remedy keeps its lines."""
    where = f"{for_terminal(finding.target)}: " if finding.target else ""
    level = "WARN" if finding.level == "warning" else finding.level.upper()
    say(f"{where}{sentence_for_terminal(finding.message, limit=2_000)}", level, check=finding.check)
    for line in finding.remedy.splitlines():
        print(f"    {sentence_for_terminal(line, limit=2_000)}", flush=True)  # noqa: T201 - this is the terminal


def watcher() -> Callable[[Event], None]:
    """A listener that says each event in a line."""
    return _say_event


def replace_file(path: Path, text: str) -> None:
    """Write a file whole or not at all: a full disk must not eat the decisions that were there.

    Raises StagenormError naming the file when it cannot be written.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        beside.write_text(text, encoding="utf-8", errors="surrogatepass", newline="")
        beside.replace(path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise StagenormError(f"{path} cannot be written: {error.strerror}.", remedy="Choose another place.") from error


def _say_event(event: Event) -> None:
    match event:
        case BatchStarted(batch):
            say(
                f"Processing batch {batch.number}/{batch.total_batches}...",
                table=f"{batch.schema}.{batch.table}",
                fund=batch.fund_key,
                rowsPlanned=batch.rows_planned,
            )
        case BatchCompleted(batch, result):
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
        case BatchFailed(batch, error):
            say(f"Batch {batch.number} failed: {sentence_for_terminal(error)}", "ERROR", batchId=batch.batch_id)
        case BatchHeld(batch, worker):
            say(f"Batch {batch.number} is held by {for_terminal(worker)}", "WARN", batchId=batch.batch_id)
        case Retrying(batch, error, attempt, wait_s):
            what = f"Batch {batch.number}" if batch else "The database"
            say(f"{what}: {sentence_for_terminal(error)}; trying again in {wait_s:.1f} s", "WARN", attempt=attempt)
        case Sleeping(milliseconds):
            say(f"Sleeping {milliseconds}ms before next batch...")
        case Paused(reason, changed_by):
            by = for_terminal(changed_by)
            say(f"Paused by {by}: {sentence_for_terminal(reason)}. Waiting for `stagenorm unpause`.", "WARN")
