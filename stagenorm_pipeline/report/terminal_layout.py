"""Lay out text for a terminal: wrapping between words, tables that fit the width, colours.

Everything that comes here is escaped already: no text is read as markup.
"""

import re
import shlex
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from io import StringIO
from typing import Final, Literal

from rich.cells import cell_len, chop_cells
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from stagenorm_pipeline.report.escape import for_terminal, sentence_for_terminal
from stagenorm_pipeline.report.tables import Cell, Name, Spelling, Table, figure
from stagenorm_pipeline.report.target_names import short_names

_GAP: Final = 2
# A column of texts is never narrower than its longest word, unless that is longer than this.
_LONGEST_WORD: Final = 24
_TARGET: Final = "Target"
# Between the names of several targets in one cell.
_AND: Final = "; "
_PLAIN_NAME: Final = re.compile(r"[\w.]+")
_WIDE: Final = 140
_SQL_WORD: Final = re.compile(r"""(?:'[^']*'|"[^"]*"|[^ ])+""")
_WORD: Final = re.compile(r"(?:`[^`]{1,60}`|[^ ])+")


class Colour(StrEnum):
    """The ANSI codes of the colours in use. Each mark or word is clear without its colour."""

    GREEN = "32"
    YELLOW = "33"
    RED = "31"
    BOLD = "1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Screen:
    """The columns and lines that a text may take, and whether colours are shown."""

    width: int = 80
    height: int = 24
    has_colour: bool = False

    def coloured(self, text: str, colour: Colour) -> str:
        """Return the text in a colour, if colours are shown."""
        return f"\x1b[{colour}m{text}\x1b[0m" if self.has_colour else text


PLAIN: Final = Screen()


def wrapped(text: str, screen: Screen, *, indent: int = 0, hang: int = 2) -> list[str]:
    """Break a text between words. Later lines are indented by `hang` more.

    Neither a long word, such as a path, nor a command in backticks is broken, so that both can be copied.
    """
    return _broken(_WORD.findall(text), screen, indent, hang)


def folded(text: str, screen: Screen, *, indent: int = 0, hang: int = 2) -> list[str]:
    """Break a text between words, and words that are too long anywhere: for texts with values from the data."""
    room = screen.width - indent - hang
    pieces = (piece for word in _WORD.findall(text) for piece in chop_cells(word, room))
    return _broken(list(pieces), screen, indent, hang)


def statement_lines(sql: str, screen: Screen, *, indent: int) -> list[str]:
    """Break an SQL statement between words, but inside neither a literal nor a quoted name."""
    return _broken(_SQL_WORD.findall(sql), screen, indent, 2)


def _broken(words: Sequence[str], screen: Screen, indent: int, hang: int) -> list[str]:
    lines: list[str] = []
    line = start = " " * indent
    for word in words:
        if line != start and cell_len(f"{line} {word}") > screen.width:
            lines.append(line)
            line = start = " " * (indent + hang)
        line = f"{line}{'' if line == start else ' '}{word}"
    return [*lines, line]


def next_line(command: str, screen: Screen) -> list[str]:
    """Write the last line of most outputs: what to run next, as one command or as a sentence with commands."""
    text = f"Next: {sentence_for_terminal(command)}"
    label, colon, words = text.partition(": stagenorm ")
    is_command = bool(colon) and _is_one_command(words)
    lines = command_lines(f"{label}:", f"stagenorm {words}", screen) if is_command else wrapped(text, screen, hang=6)
    return [screen.coloured("Next:", Colour.BOLD) + lines[0].removeprefix("Next:"), *lines[1:]]


def command_lines(label: str, command: str, screen: Screen, *, indent: int = 0) -> list[str]:
    """Write a command behind its label or, if it does not fit there, below it.

    The command is never broken, so that it can be copied, also from a terminal that breaks the long line itself.
    """
    line = f"{' ' * indent}{label} {command}"
    if cell_len(line) <= screen.width:
        return [line]
    return [*wrapped(label, screen, indent=indent), f"{' ' * (indent + 2)}{command}"]


def _is_one_command(words: str) -> bool:
    """Whether words are those of one command, not of a sentence: "plans 3, then stagenorm approve 3"."""
    try:
        return not any(word.endswith(",") or word.startswith("(") for word in shlex.split(words))
    except ValueError:
        return False


def fitting(lines: Callable[[int], Iterable[str]], most: int, screen: Screen) -> str:
    """Write a summary with as many rows in its lists as fit the height, at most `most`.

    One line stays free for the shell's prompt.
    """
    for rows in range(most, -1, -1):
        text = list(lines(rows))
        if len(text) < screen.height:
            break
    return text_of(text)


def facts(listed: Sequence[tuple[str, Cell]], screen: Screen, *, indent: int = 2) -> Iterator[str]:
    """Write facts with their labels, the values below each other."""
    width = max(cell_len(label) for label, _ in listed) + 2
    for label, cell in listed:
        text = shown(cell)
        if indent + width + max(map(cell_len, text.split(" "))) > screen.width:
            yield f"{' ' * indent}{label}:"
            yield from wrapped(text, screen, indent=indent + 2, hang=0)
        else:
            first, *others = wrapped(text, screen, indent=indent + width, hang=0)
            yield f"{' ' * indent}{label + ':':<{width}}{first.lstrip(' ')}"
            yield from others


def table_lines(table: Table, screen: Screen) -> Iterator[str]:
    """Write a table under its title, grouped by target if it has several. A table without rows is left out."""
    if not table.rows:
        return
    yield from ("", f"{table.title.upper()}:")
    yield from rows_lines(table, screen)


def rows_lines(table: Table, screen: Screen) -> Iterator[str]:
    """Write the rows of a table in columns; one fact a line if they do not fit."""
    for target, part in _by_target(table, screen):
        if target is not None:
            yield f"  {target}"
        match _widths(part, screen):
            case _TooWide():
                yield from _records(part, screen)
            case widths:
                yield from _columns(part, widths, screen)
    if table.rest:
        yield from wrapped(table.rest, screen, indent=2)


def shown(cell: Cell, *, spelling_limit: int = 80) -> str:
    """Write a cell, escaped for a terminal."""
    match cell:
        case Spelling(text=text):
            return "NULL" if text is None else for_terminal(text, quote=True, limit=spelling_limit)
        case Name(text=text):
            return for_terminal(text)
        case str():
            return sentence_for_terminal(cell)
        case _:
            return figure(cell)


def _by_target(table: Table, screen: Screen) -> Iterator[tuple[str | None, Table]]:
    """Split a table by its column of targets, and leave that column out. None: the part needs no target above it."""
    if table.headings[-1] != _TARGET or not all(isinstance(row[-1], Name) for row in table.rows):
        yield None, table
        return
    if _has_joined_targets(table):
        yield None, _with_joined_targets(table, screen)
        return
    by_target: dict[str, list[tuple[Cell, ...]]] = {}
    for row in table.rows:
        by_target.setdefault(_name(row[-1]), []).append(row[:-1])
    names = short_names(by_target)
    headings = table.headings[:-1]
    if not headings or len(by_target) == len(table.rows):
        # One row for each target: the name fits in its row.
        rows = tuple((Name(text=names[target]), *row) for target, rows in by_target.items() for row in rows)
        sums = None if table.sums is None else (table.sums[-1], *table.sums[:-1])
        yield None, replace(table, headings=(_TARGET, *headings), rows=rows, sums=sums)
        return
    if table.sums is not None:
        yield None, replace(table, headings=headings, rows=(table.sums[:-1],), sums=None)
    for target, found in by_target.items():
        yield for_terminal(names[target]), replace(table, headings=headings, rows=tuple(found), sums=None)


def _has_joined_targets(table: Table) -> bool:
    """Whether some rows are about several targets. A name with other signs is one target."""
    parts = (_name(row[-1]).split(_AND) for row in table.rows)
    return any(len(names) > 1 and all(map(_PLAIN_NAME.fullmatch, names)) for names in parts)


def _with_joined_targets(table: Table, screen: Screen) -> Table:
    """Shorten the targets, or leave them out: where a spelling is matters less, and `inventory --full` has it."""
    if screen.width < _WIDE:
        rows = tuple(row[:-1] for row in table.rows)
        return replace(table, headings=table.headings[:-1], rows=rows, sums=None)
    joined = [_name(row[-1]).split(_AND) for row in table.rows]
    names = short_names(name for found in joined for name in found)
    cells = (for_terminal(_AND.join(names[name] for name in found)) for found in joined)
    return replace(table, rows=tuple((*row[:-1], cell) for row, cell in zip(table.rows, cells, strict=True)))


def _name(cell: Cell) -> str:
    match cell:
        case Name(text=text):
            return text
        case _:
            return ""


def _cells(table: Table, screen: Screen) -> Iterator[tuple[str, ...]]:
    limit = max(screen.width // 3, 24)
    yield from (tuple(shown(cell, spelling_limit=limit) for cell in row) for row in table.shown)


def _is_text(table: Table, column: int) -> bool:
    """Whether a column holds texts, which may be wrapped."""
    return any(isinstance(row[column], str | Spelling) for row in table.shown)


@dataclass(frozen=True, slots=True, kw_only=True)
class _TooWide:
    """The columns of a table do not fit the screen."""


def _widths(table: Table, screen: Screen) -> list[int] | _TooWide:
    """Return the widths of the columns, with those of texts as narrow as needed."""
    rows = [table.headings, *_cells(table, screen)]
    widest, least = [], []
    for column in range(len(table.headings)):
        texts = [row[column] for row in rows]
        widest.append(max(map(cell_len, texts)))
        words = max(cell_len(word) for text in texts for word in text.split(" "))
        least.append(min(words, _LONGEST_WORD) if _is_text(table, column) else widest[-1])
    room = screen.width - _GAP * len(widest)
    if sum(least) > room:
        return _TooWide()
    while sum(widest) > room:
        column = max(range(len(widest)), key=lambda number: widest[number] - least[number])
        widest[column] -= 1
    return widest


def _columns(table: Table, widths: Sequence[int], screen: Screen) -> Iterator[str]:
    drawn = RichTable(
        box=None, padding=(0, _GAP, 0, 0), pad_edge=False, header_style="", show_header=any(table.headings)
    )
    for column, (heading, width) in enumerate(zip(table.headings, widths, strict=True)):
        justify: Literal["right", "left"] = "right" if table.is_numeric(column) else "left"
        drawn.add_column(Text(heading), justify=justify, width=width, overflow="fold")
    for row in _cells(table, screen):
        drawn.add_row(*map(Text, row))
    console = Console(file=StringIO(), width=screen.width, color_system=None, legacy_windows=False, _environ={})
    for line in console.render_lines(drawn, pad=False):
        yield f"  {''.join(segment.text for segment in line)}".rstrip()


def _records(table: Table, screen: Screen) -> Iterator[str]:
    for row in table.shown:
        filled = [pair for pair in zip(table.headings, row, strict=True) if pair[1] is not None]
        (label, first), *others = filled
        yield from folded(f"- {label.lower()} {shown(first)}", screen, indent=2)
        if others:
            rest = ", ".join(f"{heading.lower()} {shown(cell)}" for heading, cell in others)
            yield from folded(rest, screen, indent=4, hang=0)


def text_of(lines: Iterable[str]) -> str:
    """Join lines into a text without a line break at its end."""
    return "\n".join(lines)
