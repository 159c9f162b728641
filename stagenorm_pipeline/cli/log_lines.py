"""Write log lines, errors and preflight findings to the terminal.

Plain lines `[INFO] message {fields}`, or one JSON object per line with LOG_FORMAT=json.
"""

import json
import os
import sys
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, TextIO

from stagenorm_pipeline.cli.global_options import is_quiet
from stagenorm_pipeline.cli.screen import is_screen, logs_json, screen
from stagenorm_pipeline.engine.apply.events import Event
from stagenorm_pipeline.engine.preflight import PreflightFinding
from stagenorm_pipeline.errors import StagenormError
from stagenorm_pipeline.report.escape import for_terminal, sentence_for_terminal
from stagenorm_pipeline.report.event_lines import EventLine, event_line
from stagenorm_pipeline.report.terminal_layout import Colour, wrapped


def say(message: str, level: str = "INFO", **fields: Any) -> None:
    """Write one log line to standard output. With `--quiet` only warnings and errors are written."""
    if level == "INFO" and is_quiet():
        return
    print(_laid_out(_line(message, level, fields), level, sys.stdout), flush=True)  # noqa: T201 - this is the terminal


def say_in_handler(message: str, level: str) -> None:
    """Write a log line from a signal handler, which may have interrupted `say` inside the stream's buffer."""
    # Clears the progress bar, which is on the last line of the screen.
    start = "\r\x1b[K" if is_screen(sys.stdout) else ""
    with suppress(OSError):
        os.write(1, f"{start}{_line(message, level, {})}\n".encode())


def _laid_out(line: str, level: str, stream: TextIO) -> str:
    """Break a line between words on a terminal, with its level in colour. Elsewhere a line stays one line."""
    if not is_screen(stream):
        return line
    place = screen(stream)
    indent = len(line) - len(line.lstrip(" "))
    text = "\n".join(wrapped(line, place, indent=indent))
    return text.replace(level, place.coloured(level, _COLOURS[level]), 1) if level in _COLOURS else text


_COLOURS = {"WARN": Colour.YELLOW, "ERROR": Colour.RED, "Error:": Colour.RED}


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
        print("\n".join(_laid_out(line, "Error:", sys.stderr) for line in lines), file=sys.stderr)  # noqa: T201


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
        shown = wrapped(sentence_for_terminal(line, limit=2_000), screen(), indent=4)
        print("\n".join(shown), flush=True)  # noqa: T201 - this is the terminal


def say_event(event: Event, *, with_fields: bool = True) -> None:
    """Write the line of an event, if it has one."""
    if line := event_line(event):
        say_line(line if with_fields else replace(line, fields={}))


def say_line(line: EventLine) -> None:
    """Write a line that the report package worded."""
    say(line.message, line.level, **line.fields)
