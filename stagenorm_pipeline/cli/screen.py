"""Find out how wide the output may be and whether it may have colours, and write text to it."""

from __future__ import annotations

import os
import shutil
import sys
from typing import TextIO

import click

from stagenorm_pipeline.cli.global_options import Color, color_choice, is_verbose
from stagenorm_pipeline.report.terminal_layout import Screen, command_lines, wrapped

# A narrower screen cannot be read. A summary never takes more lines, even on a taller terminal.
_LEAST_COLUMNS, _MOST_LINES = 40, 24
_COLUMNS_OF_A_PIPE = 80


def is_screen(stream: TextIO) -> bool:
    """Return whether a stream is a terminal that can be drawn on."""
    return stream.isatty() and os.environ.get("TERM") != "dumb" and not logs_json()


def has_live_display() -> bool:
    """Return whether progress is drawn and results are summed up, instead of one log line for each batch."""
    return is_screen(sys.stderr) and is_screen(sys.stdout) and not is_verbose()


def logs_json() -> bool:
    """Return whether the log is JSON: one object per line, and nothing else among them."""
    return os.environ.get("LOG_FORMAT") == "json"


def has_colour(stream: TextIO) -> bool:
    """Return whether colours are shown: on a terminal without NO_COLOR, or as `--color` says."""
    match color_choice():
        case Color.ALWAYS:
            return True
        case Color.NEVER:
            return False
        case Color.AUTO:
            return is_screen(stream) and not os.environ.get("NO_COLOR")


def screen(stream: TextIO | None = None) -> Screen:
    """Return the size and colours of a stream, by default of standard output.

    The columns are those of COLUMNS or of the terminal. Elsewhere there are 80, so that the output is always the same.
    """
    stream = stream or sys.stdout
    columns, lines = shutil.get_terminal_size((_COLUMNS_OF_A_PIPE, _MOST_LINES))
    if not stream.isatty():
        named = os.environ.get("COLUMNS", "")
        columns = int(named) if named.isdecimal() and int(named) else _COLUMNS_OF_A_PIPE
        lines = _MOST_LINES
    return Screen(
        width=max(columns, _LEAST_COLUMNS), height=min(max(lines, 10), _MOST_LINES), has_colour=has_colour(stream)
    )


def show(text: str) -> None:
    """Write a text that is laid out for `screen()`."""
    click.echo(text, color=has_colour(sys.stdout))


def tell(sentence: str, *, err: bool = False) -> None:
    """Write a sentence that is already escaped, broken between words.

    `err`: to standard error, where it is broken on a terminal only, so that a log keeps it in one line.
    """
    stream = sys.stderr if err else sys.stdout
    is_broken = not err or is_screen(stream)
    indent = len(sentence) - len(sentence.lstrip(" "))
    lines = wrapped(sentence, screen(stream), indent=indent) if is_broken else [sentence]
    click.echo("\n".join(lines), err=err)


def tell_command(label: str, command: str) -> None:
    """Write a label and a command that is already escaped. The command is never broken, so that it can be copied."""
    click.echo("\n".join(command_lines(label, command, screen())))


def page(text: str) -> None:
    """Write a long text: through the user's pager on a terminal, straight elsewhere."""
    if not (is_screen(sys.stdout) and sys.stdin.isatty()):
        show(text)
        return
    # As git does it: colours, no page for a text that fits, the text stays on the screen.
    os.environ.setdefault("LESS", "FRX")
    click.echo_via_pager(f"{text}\n", color=has_colour(sys.stdout))
