"""The asset `stage_inventory`: which spellings of a stage are in the data, and what each one means."""

from collections.abc import Iterator

import dagster as dg

from stagenorm_pipeline import __version__
from stagenorm_pipeline.defs.assets.asset_names import GROUP, OWNERS
from stagenorm_pipeline.defs.failures import errors_as_failures
from stagenorm_pipeline.defs.metadata.spellings_by_fund import CrossTable
from stagenorm_pipeline.defs.resources import ApplicationDatabase, NormalizationSettings
from stagenorm_pipeline.engine.inventory.inventory import (
    InventoryTally,
    RowCounts,
    SpellingRows,
    TargetInventory,
    count_unknown_spellings,
    read_spellings,
)
from stagenorm_pipeline.engine.postgres.connection import Database
from stagenorm_pipeline.engine.targets.funds import FundScope
from stagenorm_pipeline.engine.targets.visibility import visible_targets
from stagenorm_pipeline.report.markdown_text import inventory_markdown


@dg.asset(group_name=GROUP, owners=OWNERS, kinds={"postgres", "pandas"}, code_version=__version__)
def stage_inventory(database: ApplicationDatabase, settings: NormalizationSettings) -> dg.MaterializeResult[None]:
    """**Step 1: look.** Which spellings of an investment stage are in the tables, in how many rows and in which fund.

    `Series A`, `seriesa` and `SERIES-A` all mean `series-a`: such known spellings are what the next steps normalize.
    An unknown one (`Seed Round`) is never guessed: it is listed with where it is and what it may mean, and a person
    decides: `stagenorm decisions` writes the file to fill in.

    Reads only, one scan of each table. Materialize it whenever you want to see how dirty the data is.
    """
    with errors_as_failures():
        inventories, cross_table = _read(database.open(), settings)
    counts = sum((inventory.counts for inventory in inventories), RowCounts())
    unknown = count_unknown_spellings(inventories)
    return dg.MaterializeResult(
        metadata={
            "what next": dg.MetadataValue.md(_what_next(counts, unknown)),
            "inventory": dg.MetadataValue.md(inventory_markdown(inventories)),
            "spellings by fund": dg.MetadataValue.md(cross_table.markdown()),
            "rows_seen": counts.rows_seen,
            "rows_canonical": counts.rows_canonical,
            "rows_to_change": counts.rows_to_change,
            "rows_unknown": counts.rows_unknown,
            "rows_left_as_is": counts.rows_left_as_is,
            "rows_null": counts.rows_null,
            "unknown_spellings": unknown,
            "funds": len({fund.fund_id for inventory in inventories for fund in inventory.funds}),
        }
    )


def _what_next(counts: RowCounts, unknown_spellings: int) -> str:
    known = (
        f"{counts.rows_to_change:,} rows would change: materialize [batch_plan](/assets/batch_plan)."
        if counts.rows_to_change
        else "Nothing to change: no row holds a known spelling that is not canonical."
    )
    if not unknown_spellings:
        return known
    return (
        f"{known} {unknown_spellings:,} unknown spelling(s) wait for a person's decision, which may come later: "
        "`stagenorm decisions` writes the file to fill in."
    )


def _read(database: Database, settings: NormalizationSettings) -> tuple[tuple[TargetInventory, ...], CrossTable]:
    """One scan of each table feeds both the inventory and the cross table."""
    vocabulary = settings.vocabulary()
    inventories = []
    cross_table = CrossTable()
    with database.snapshot() as connection:
        for target in visible_targets(connection, settings.configuration().targets):
            tally = InventoryTally(target=target)
            found = read_spellings(connection, target, FundScope(), vocabulary, with_keys=True)
            cross_table.add(target.name, _tallied(tally, found))
            inventories.append(tally.finish())
    return tuple(inventories), cross_table


def _tallied(tally: InventoryTally, found: Iterator[SpellingRows]) -> Iterator[SpellingRows]:
    for entry in found:
        tally.add(entry)
        yield entry
