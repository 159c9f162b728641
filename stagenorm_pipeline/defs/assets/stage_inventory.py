"""The asset `stage_inventory`: lists the spellings in the data and what each means."""

from collections.abc import Iterator

import dagster as dg

from stagenorm_pipeline import __version__
from stagenorm_pipeline.defs.assets.asset_names import GROUP, OWNERS
from stagenorm_pipeline.defs.failures import errors_as_failures
from stagenorm_pipeline.defs.metadata.spellings_by_fund import SpellingsByFund
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
from stagenorm_pipeline.report.quantity import quantity


@dg.asset(group_name=GROUP, owners=OWNERS, kinds={"postgres", "pandas"}, code_version=__version__)
def stage_inventory(database: ApplicationDatabase, settings: NormalizationSettings) -> dg.MaterializeResult[None]:
    """**Step 1: inventory.** Lists the spellings of investment stages in your tables, with rows and funds.

    `Series A`, `seriesa` and `SERIES-A` are known spellings of `series-a`. The next steps normalize them. An unknown
    spelling such as `Seed Round` is never guessed. The inventory shows where it occurs and what it may mean, and you
    decide: `stagenorm decisions` writes the file to fill in.

    Only reads: one scan per table. Materialize it at any time.
    """
    with errors_as_failures():
        inventories, by_fund = _read(database.open(), settings)
    counts = sum((inventory.counts for inventory in inventories), RowCounts())
    unknown = count_unknown_spellings(inventories)
    return dg.MaterializeResult(
        metadata={
            "what next": dg.MetadataValue.md(_what_next(counts, unknown)),
            "inventory": dg.MetadataValue.md(inventory_markdown(inventories)),
            "spellings by fund": dg.MetadataValue.md(by_fund.markdown()),
            "rows_seen": counts.rows_seen,
            "rows_canonical": counts.rows_canonical,
            "rows_to_change": counts.rows_to_change,
            "rows_unknown": counts.rows_unknown,
            "rows_kept": counts.rows_left_as_is,
            "rows_null": counts.rows_null,
            "unknown_spellings": unknown,
            "funds": len({fund.fund_id for inventory in inventories for fund in inventory.funds}),
        }
    )


def _what_next(counts: RowCounts, unknown_spellings: int) -> str:
    known = (
        f"{quantity(counts.rows_to_change, 'row')} would change: materialize [batch_plan](/assets/batch_plan)."
        if counts.rows_to_change
        else "Nothing to change: every known spelling is canonical."
    )
    if not unknown_spellings:
        return known
    return (
        f"{known} {quantity(unknown_spellings, 'unknown spelling')} need a decision, now or later: "
        "`stagenorm decisions` writes the file to fill in."
    )


def _read(database: Database, settings: NormalizationSettings) -> tuple[tuple[TargetInventory, ...], SpellingsByFund]:
    """Build the inventory and the table by fund from one scan per table."""
    vocabulary = settings.vocabulary()
    inventories = []
    by_fund = SpellingsByFund()
    with database.snapshot() as connection:
        for target in visible_targets(connection, settings.configuration().targets):
            tally = InventoryTally(target=target)
            found = read_spellings(connection, target, FundScope(), vocabulary, with_keys=True)
            by_fund.add(target.name, _add_each(tally, found))
            inventories.append(tally.finish())
    return tuple(inventories), by_fund


def _add_each(tally: InventoryTally, found: Iterator[SpellingRows]) -> Iterator[SpellingRows]:
    for entry in found:
        tally.add(entry)
        yield entry
