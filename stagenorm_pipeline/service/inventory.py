"""Read which spellings are in the data, in how many rows and funds, and what each means."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from stagenorm_pipeline.engine.inventory.inventory import UNKNOWN_SHOWN, InventoryTally, TargetInventory
from stagenorm_pipeline.engine.inventory.spellings import SpellingRows, read_spellings
from stagenorm_pipeline.engine.targets import columns
from stagenorm_pipeline.engine.targets.visibility import visible_targets
from stagenorm_pipeline.service.context import ServiceContext
from stagenorm_pipeline.service.selecting import Selection
from stagenorm_pipeline.vocabulary import MeaningKind

if TYPE_CHECKING:
    import pandas as pd

# Reads the stream of one target's spellings to its end, beside the tally: its name, then the stream.
SpellingReader = Callable[[str, Iterator[SpellingRows]], None]

_MEANINGS = {
    "null": "null",
    MeaningKind.CANONICAL.value: "canonical",
    MeaningKind.MESSY.value: "known",
    MeaningKind.KEPT.value: "kept",
    MeaningKind.UNKNOWN.value: "unknown",
}
_COLUMNS = ("target", "fund_id", "spelling", "meaning", "stage", "rows")


@dataclass(frozen=True, slots=True, kw_only=True)
class Inventory:
    """The spellings of every selected target. `rows` counts them by target, fund and spelling, where asked for."""

    targets: tuple[TargetInventory, ...]
    rows: tuple[tuple[str, SpellingRows], ...] = ()

    def to_frame(self) -> pd.DataFrame:
        """Return a pandas DataFrame with one row per target, fund and spelling.

        Columns: target, fund_id, spelling, meaning (canonical, known, unknown, kept or null), stage and rows.
        `fund_id` and `spelling` are missing where the database has NULL, `stage` where the spelling means none.
        """
        # Importing pandas takes 1.4 s.
        import pandas as pd

        records = [
            (
                target,
                found.fund_id,
                found.spelling,
                _MEANINGS[found.kind],
                None if found.meaning is None or found.meaning.stage is None else str(found.meaning.stage),
                found.rows,
            )
            for target, found in self.rows
        ]
        return pd.DataFrame.from_records(records, columns=list(_COLUMNS))


def read_inventory(
    context: ServiceContext,
    *,
    selection: Selection,
    with_places: bool = True,
    unknown_kept: int = UNKNOWN_SHOWN,
    keep_rows: bool = False,
    reader: SpellingReader | None = None,
) -> Inventory:
    """Read the inventory, one scan of each table in one READ ONLY snapshot.

    `with_places`: with the lowest and highest key of each unknown spelling and the funds with most rows.
    `unknown_kept`: how many unknown spellings to keep, those with most rows. `keep_rows`: keep the counts by fund, for
    `to_frame`; memory then grows with funds times spellings. `reader` also gets the stream of each target.
    """
    vocabulary = context.vocabulary
    inventories: list[TargetInventory] = []
    rows: list[tuple[str, SpellingRows]] = []
    with context.database.snapshot() as connection:
        for target in visible_targets(connection, selection.targets):
            tally = InventoryTally(target=target, unknown_kept=unknown_kept)
            found = read_spellings(connection, target, selection.scope, vocabulary, with_keys=with_places)
            stream = _tallied(tally, found)
            if reader is not None:
                reader(target.name, stream)
            for spelling in stream:
                if keep_rows:
                    rows.append((target.name, spelling))
            inventories.append(tally.finish())
    return Inventory(targets=tuple(inventories), rows=tuple(rows))


def read_columns(
    context: ServiceContext, inventories: Sequence[TargetInventory]
) -> tuple[tuple[columns.Column, ...], ...]:
    """Read the columns of each target's table from the catalog, in the order of the inventories."""
    with context.database.snapshot() as connection:
        return tuple(columns.read_columns(connection, inventory.target) for inventory in inventories)


def _tallied(tally: InventoryTally, found: Iterator[SpellingRows]) -> Iterator[SpellingRows]:
    for spelling in found:
        tally.add(spelling)
        yield spelling
