"""Write what a rehearsal costs, what it measured, and whether a plan was rehearsed."""

from collections.abc import Iterator
from typing import assert_never

from stagenorm_pipeline.counts import counted
from stagenorm_pipeline.engine.apply.rehearsal import RehearsalPrice
from stagenorm_pipeline.engine.apply.rehearsal_on_clone import CloneRehearsal, Recorded, Stopped
from stagenorm_pipeline.engine.approval.rehearsals import Effects, Figures
from stagenorm_pipeline.report.escape import for_terminal
from stagenorm_pipeline.report.number_formats import duration
from stagenorm_pipeline.report.tables import Cell, Name, Table
from stagenorm_pipeline.report.terminal_layout import PLAIN, Screen, facts, next_line, table_lines, text_of, wrapped

_KILO = 1_000


def price_words(price: RehearsalPrice) -> str:
    """Write what a rehearsal costs the primary, although it is rolled back."""
    return (
        f"A rehearsal on the primary has its price, although it is rolled back: it locks {counted(price.rows, 'row')}, "
        f"at most {price.rows_at_once:,} at once, writes about {size(price.wal_bytes)} of WAL, and leaves "
        f"{counted(price.dead_rows, 'dead row')} for vacuum."
    )


def clone_rehearsal_text(done: CloneRehearsal, screen: Screen = PLAIN) -> str:
    """Write what was measured on a clone, how to throw the clone away, and the next command."""
    return text_of(_lines(done, screen))


def clone_rehearsal_headline(done: CloneRehearsal) -> str:
    """Write in a sentence how a rehearsal on a clone ended."""
    match done:
        case Recorded(rehearsal=rehearsal):
            return f"Plan {rehearsal.plan_id} is rehearsed on the clone {for_terminal(rehearsal.clone_name)}."
        case Stopped(figures=figures):
            return f"The rehearsal of plan {figures.plan_id} was stopped before its end, so it is not recorded."
        case _:
            assert_never(done)


def throw_away_words(clone_name: str) -> str:
    """Write what to do with a clone after a rehearsal."""
    return f"Throw the clone away: {for_terminal(clone_name)} has these changes now, and serves for no other rehearsal."


def size(count: int) -> str:
    """Write bytes for people, in decimal units."""
    if count < _KILO:
        return counted(count, "byte")
    if count < _KILO**2:
        return f"{count / _KILO:.0f} kB"
    return f"{count / _KILO**2:.1f} MB" if count < _KILO**3 else f"{count / _KILO**3:.1f} GB"


def _lines(done: CloneRehearsal, screen: Screen) -> Iterator[str]:
    figures = done.figures
    yield from wrapped(clone_rehearsal_headline(done), screen)
    yield from facts(_facts(figures, done.effects), screen)
    for table in (_refused(done.effects), _tables(done.effects), _columns(done.effects)):
        yield from table_lines(table, screen)
    yield ""
    yield from (line for note in _notes(figures, done.effects) for line in wrapped(note, screen))
    yield from next_line(f"stagenorm plans {figures.plan_id}, then stagenorm run --plan {figures.plan_id}", screen)


def _facts(figures: Figures, effects: Effects) -> tuple[tuple[str, Cell], ...]:
    batches = max(figures.batches, 1)
    rows = max(figures.rows_updated, 1)
    return (
        ("Rows updated", figures.rows_updated),
        ("Rows refused", figures.rows_refused),
        ("Rows skipped", figures.rows_skipped),
        ("Duration", f"{duration(figures.duration_ms)} in {counted(figures.batches, 'transaction')}, without sleeps"),
        ("Each batch", f"{duration(figures.duration_ms // batches)}; the slowest {duration(figures.slowest_batch_ms)}"),
        ("Each 1,000 rows", duration(figures.duration_ms * 1_000 // rows)),
        ("WAL", f"{size(figures.wal_bytes)}, {figures.wal_bytes // rows:,} bytes a row"),
        ("Other tables", _other_tables(effects)),
        ("Other columns", _other_columns(effects)),
    )


def _other_tables(effects: Effects) -> str:
    if not effects.are_rows_counted:
        return "not counted: track_counts is off on the clone"
    return "triggers wrote to these below" if effects.tables else "no trigger wrote to any"


def _other_columns(effects: Effects) -> str:
    where = f"in {counted(effects.rows_compared, 'row')} compared"
    found = "changed as below" if effects.columns else "none changed"
    if not effects.unreadable_columns:
        return f"{found}, {where}"
    left_out = counted(effects.unreadable_columns, "column")
    return f"{found} of those that the role may read, {where}; {left_out} left out"


def _refused(effects: Effects) -> Table:
    rows = tuple(
        (one.rows, Name(text=one.example), one.message, Name(text=one.sqlstate or "none"), Name(text=one.target))
        for one in effects.refused
    )
    headings = ("Rows", "First", "What the database says", "SQLSTATE", "Target")
    return Table(title="Refused rows by cause", headings=headings, rows=rows, total=len(rows), unit="causes")


def _tables(effects: Effects) -> Table:
    rows = tuple((Name(text=one.table), one.inserted, one.updated, one.deleted) for one in effects.tables)
    headings = ("Table", "Inserted", "Updated", "Deleted")
    return Table(title="Rows that triggers wrote", headings=headings, rows=rows, total=len(rows), unit="tables")


def _columns(effects: Effects) -> Table:
    rows = tuple((Name(text=one.column), one.rows, one.rows_compared, Name(text=one.target)) for one in effects.columns)
    headings = ("Column", "Rows", "Compared", "Target")
    return Table(title="Other columns that changed", headings=headings, rows=rows, total=len(rows), unit="columns")


def _notes(figures: Figures, effects: Effects) -> Iterator[str]:
    if figures.rows_skipped:
        yield (
            f"{counted(figures.rows_skipped, 'row')} of the clone differ from the plan and were skipped, so nothing is "
            "known about them."
        )
    if more := figures.rows_refused - sum(cause.rows for cause in effects.refused):
        yield f"{counted(more, 'more row')} were refused with other errors."
    yield throw_away_words(figures.clone_name)
