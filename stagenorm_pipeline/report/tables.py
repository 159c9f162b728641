"""A table of facts, before any form: its cells say what they are, and each form decides how that looks.

Which facts a table holds is said in `verification_tables` and `plan_tables`.
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime

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
    """A count before and now; None: there was, or is, nothing to count. One number where both are the same."""

    before: int | None
    now: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Now less before; None where either is not known. Shown with its sign."""

    count: int | None


# A text is a sentence, a number is a count, None does not apply.
Figure = int | datetime | Change | Difference | None
Cell = str | Spelling | Name | Figure


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Rows under headings. `total` counts what there is, of which `rows` may hold a part; `unit` names it in plural.

    `sums` stands above the rows and is none of them. `first` says which rows stay when not all do.
    """

    title: str
    headings: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    total: int
    unit: str
    sums: tuple[Cell, ...] | None = None
    first: str = ""

    def cut(self, limit: int) -> "Table":
        """The same with at most `limit` rows."""
        return replace(self, rows=self.rows[:limit])

    @property
    def shown(self) -> tuple[tuple[Cell, ...], ...]:
        """The rows as they stand in the table, the sums first."""
        return self.rows if self.sums is None else (self.sums, *self.rows)

    @property
    def rest(self) -> str:
        """What is there and not in the rows, as a remark; empty when everything is."""
        left_out = self.total - len(self.rows)
        if left_out <= 0:
            return ""
        remark = f"… and {number(left_out)} more {self.unit} ({number(self.total)} in all)"
        return f"{remark}. Shown: {self.first}." if self.first else remark

    def is_numeric(self, column: int) -> bool:
        """Whether a column holds nothing but counts, which are aligned to the right."""
        return all(isinstance(row[column], int | Change | Difference | None) for row in self.shown)


def number(count: int) -> str:
    """A count for people."""
    return f"{count:,}"


def moment(when: datetime) -> str:
    """An instant for people, to the second, in UTC."""
    return when.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def duration(milliseconds: int) -> str:
    """A duration for people."""
    if milliseconds < 1_000:
        return f"{milliseconds} ms" if milliseconds else "under 1 ms"
    seconds = milliseconds / 1_000
    return f"{seconds:.1f} s" if seconds < 120 else f"{seconds / 60:.1f} min"


def figure(cell: Figure) -> str:
    """What reads the same in every form; a dash for what is not known or does not apply."""
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
