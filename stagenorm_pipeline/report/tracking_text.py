"""Write what dropping stagenorm's own tables would remove and keep, as text for a terminal."""

from collections.abc import Iterator

from stagenorm_pipeline.engine.tracking.drop_tracking import TrackingTable, TrackingTables
from stagenorm_pipeline.report.tables import Name, Table
from stagenorm_pipeline.report.terminal_layout import PLAIN, Screen, rows_lines, text_of

# Smaller tables are not listed one by one.
_LARGEST = 8
_UNIT = 1_024


def tracking_text(tables: TrackingTables, screen: Screen = PLAIN) -> str:
    """Write the largest tables that would be removed, the rest in one line, and what is kept."""
    return text_of(_lines(tables, screen))


def _lines(tables: TrackingTables, screen: Screen) -> Iterator[str]:
    by_size = sorted(tables.removed, key=lambda table: -table.bytes)
    total = sum(table.bytes for table in by_size)
    yield f"Removed: {len(by_size):,} tables of {_size(total)} and {len(tables.views):,} views. The largest tables:"
    rows = tuple((_size(table.bytes), Name(text=table.name)) for table in by_size[:_LARGEST])
    yield from rows_lines(
        Table(title="", headings=("Size", "Table"), rows=rows, total=len(rows), unit="tables"), screen
    )
    yield from map(_kept, tables.kept)
    yield "The tables of your application are not touched."


def _kept(table: TrackingTable) -> str:
    return f"Kept:    {table.name}, {_size(table.bytes)}. With --with-log it is removed too."


def _size(size: float) -> str:
    for unit in ("bytes", "kB", "MB"):
        if size < _UNIT:
            return f"{size:,.0f} {unit}"
        size /= _UNIT
    return f"{size:,.1f} GB"
