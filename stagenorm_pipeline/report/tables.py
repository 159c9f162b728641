"""A table of facts without a format: cells have types, and each format decides how to show them.

`verification_tables`, `history_tables` and `plan_tables` fill the tables.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from stagenorm_pipeline.report.number_formats import moment, number

_DASH = "\N{EN DASH}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Spelling:
    """A stage exactly as stored; None is NULL. Always shown in quotes, so that NULL and "NULL" differ."""

    text: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Name:
    """An id or a name, which may come from the data."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A count before and now; None: not known. Shown as one number if both are the same."""

    before: int | None
    now: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Now minus before; None if either is not known. Shown with its sign."""

    count: int | None


# A str is a sentence, an int is a count, and None means that nothing applies.
Figure = int | datetime | Change | Difference | None
Cell = str | Spelling | Name | Figure


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Rows under headings. `rows` may hold a part of the `total`; `unit` is its name in plural.

    `sums` is a line above the rows. `first` says which rows are shown if not all are.
    """

    title: str
    headings: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    total: int
    unit: str
    sums: tuple[Cell, ...] | None = None
    first: str = ""

    def cut(self, limit: int) -> "Table":
        """Return the table with the rows that `shown_of` allows."""
        return replace(self, rows=self.rows[: shown_of(self.total, limit)])

    @property
    def shown(self) -> tuple[tuple[Cell, ...], ...]:
        """The rows to show, the sums first."""
        return self.rows if self.sums is None else (self.sums, *self.rows)

    @property
    def rest(self) -> str:
        """A remark about the rows that are not shown; empty if all are."""
        left_out = self.total - len(self.rows)
        if left_out <= 0:
            return ""
        unit = self.unit.removesuffix("s") if left_out == 1 else self.unit
        remark = f"… and {number(left_out)} more {unit} ({number(self.total)} in all)"
        return f"{remark}. Shown: {self.first}." if self.first else remark

    def is_numeric(self, column: int) -> bool:
        """Whether a column holds only counts. They are aligned to the right."""
        return all(isinstance(row[column], int | Change | Difference | None) for row in self.shown)


def shown_of(total: int, limit: int) -> int:
    """Return how many of `total` rows a list with a limit shows: the last one instead of the remark "1 more"."""
    return limit + 1 if limit and total == limit + 1 else limit


def figure(cell: Figure) -> str:
    """Write a cell that looks the same in every format. A dash means not known or not applicable."""
    match cell:
        case None | Difference(count=None):
            return _DASH
        case int():
            return number(cell)
        case datetime():
            return moment(cell)
        case Change(before=before, now=now):
            return figure(now) if before == now else f"{figure(before)} → {figure(now)}"
        case Difference(count=count):
            return f"{count:+,}" if count else "0"
