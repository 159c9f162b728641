"""Write log lines, errors and preflight findings to the terminal.

Plain lines `[INFO] message {fields}`, or one JSON object per line with LOG_FORMAT=json.
"""

import json
import os
import sys
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, TextIO

from stagenorm_pipeline.engine.apply.events import Event
from stagenorm_pipeline.engine.preflight import PreflightFinding
from stagenorm_pipeline.errors import StagenormError
from stagenorm_pipeline.report.escape import for_terminal, sentence_for_terminal
from stagenorm_pipeline.report.event_lines import EventLine, event_line


def say(message: str, level: str = "INFO", **fields: Any) -> None:
    """Write one log line to standard output."""
    print(_line(message, level, fields), flush=True)  # noqa: T201 - this is the terminal


def say_in_handler(message: str, level: str) -> None:
    """Write a log line from a signal handler, which may have interrupted `say` inside the stream's buffer."""
    # Clears the progress bar, which is on the last line of the screen.
    start = "\r\x1b[K" if is_screen(sys.stdout) else ""
    with suppress(OSError):
        os.write(1, f"{start}{_line(message, level, {})}\n".encode())


def is_screen(stream: TextIO) -> bool:
    """Return whether a stream is a terminal that can be drawn on."""
    return stream.isatty() and os.environ.get("TERM") != "dumb" and not logs_json()


def logs_json() -> bool:
    """Return whether the log is JSON: one object per line, and nothing else among them."""
    return os.environ.get("LOG_FORMAT") == "json"


def _line(message: str, level: str, fields: dict[str, Any]) -> str:
    if logs_json():
        return json.dumps({"time": datetime.now(UTC).isoformat(), "level": level, "message": message, **fields})
    return f"[{level}] {message}" + (f" {json.dumps(fields, separators=(',', ':'))}" if fields else "")


def show_error(error: StagenormError) -> None:
    """Write what is wrong, and what to do, to standard error."""
    if logs_json():
        lines = [_line(error.message, "ERROR", {"remedy": error.remedy})]
    else:
        first, *others = [*error.message.splitlines(), *(error.remedy or "").splitlines()]
        lines = [sentence_for_terminal(line, limit=2_000) for line in (f"Error: {first}", *(f"  {o}" for o in others))]
    # Best effort: the exit code must not depend on whether standard error can be written.
    with suppress(OSError):
        print("\n".join(lines), file=sys.stderr)  # noqa: T201


def show_finding(finding: PreflightFinding) -> None:
    """Write a preflight finding with its remedy. The SQL of a remedy keeps its lines."""
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
    """Write the line of an event, if it has one."""
    if line := event_line(event):
        say_line(line)


def say_line(line: EventLine) -> None:
    """Write a line that the report package worded."""
    say(line.message, line.level, **line.fields)
