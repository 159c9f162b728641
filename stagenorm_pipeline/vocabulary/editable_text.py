"""Change a text at the places where its parser found something, and nowhere else."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from stagenorm_pipeline.vocabulary.decisions_file import BYTE_ORDER_MARK, Spot

# The line breaks of YAML.
_LINE_BREAK: Final = re.compile("\r\n|[\n\r\x85\u2028\u2029]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """Replace the text from `start` to `end` by `new`."""

    start: int
    end: int
    new: str


class EditableText:
    """A text with the parser's lines and columns, both from 0. Each edit refers to the text before all edits."""

    def __init__(self, text: str) -> None:
        self.text = text
        breaks = list(_LINE_BREAK.finditer(text))
        # The parser does not count a byte order mark as a column.
        self._starts = [len(BYTE_ORDER_MARK) if text.startswith(BYTE_ORDER_MARK) else 0]
        self._starts += [found.end() for found in breaks]
        self._ends = [found.start() for found in breaks] + [len(text)]
        self.line_break = "\r\n" if "\r\n" in text else "\n"

    @property
    def lines(self) -> int:
        return len(self._starts)

    def at(self, spot: Spot) -> int:
        """Return the position of a line and column."""
        line, column = spot
        return self._starts[line] + column

    def line(self, number: int) -> str:
        """Return a line without its break; empty beyond the end."""
        return self.text[self._starts[number] : self._ends[number]] if number < len(self._starts) else ""

    def has_line(self, number: int) -> bool:
        return 0 <= number < len(self._starts) and self._starts[number] < len(self.text)

    def end_of_line(self, number: int) -> int:
        return self._ends[number]

    def before_line(self, number: int) -> int:
        """Return the position where a line begins; the end of the text beyond the last one."""
        return self._starts[number] if number < len(self._starts) else len(self.text)

    def insert(self, before_line: int, lines: Iterable[str]) -> Edit:
        """Return the edit that inserts whole lines before a line."""
        at = self.before_line(before_line)
        return Edit(start=at, end=at, new="".join(line + self.line_break for line in lines))

    def delete(self, line: int) -> Edit:
        """Return the edit that deletes a line with its break."""
        return Edit(start=self.before_line(line), end=self.before_line(line + 1), new="")

    def edited(self, edits: Iterable[Edit]) -> str:
        """Return the text after all edits. Edits at one place keep their order; none may overlap."""
        parts, at = [], 0
        for edit in sorted(edits, key=lambda edit: (edit.start, edit.end)):
            parts += [self.text[at : edit.start], edit.new]
            at = edit.end
        return "".join([*parts, self.text[at:]])
