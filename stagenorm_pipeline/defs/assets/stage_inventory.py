"""The asset `stage_inventory`: lists the spellings in the data and what each means."""

import dagster as dg

from stagenorm_pipeline.counts import counted
from stagenorm_pipeline.defs.assets.asset_names import BATCH_PLAN, GROUP, STAGE_INVENTORY, page_link
from stagenorm_pipeline.defs.assets.target_tables import target_seen
from stagenorm_pipeline.defs.checks.drift_check import NO_DRIFT_SPEC, drift_check_result
from stagenorm_pipeline.defs.data_versions import IN_POSTGRESQL
from stagenorm_pipeline.defs.failures import errors_as_failures
from stagenorm_pipeline.defs.metadata.in_force import in_force
from stagenorm_pipeline.defs.metadata.spellings_by_fund import SpellingsByFund
from stagenorm_pipeline.defs.resources import StagenormService
from stagenorm_pipeline.engine.inventory.drift import DriftTally
from stagenorm_pipeline.engine.inventory.inventory import RowCounts, count_unknown_spellings
from stagenorm_pipeline.report.markdown_text import inventory_markdown
from stagenorm_pipeline.service.detecting_drift import finish_drift
from stagenorm_pipeline.service.inventory import read_columns, read_inventory
from stagenorm_pipeline.service.selecting import select


@dg.asset(
    key=STAGE_INVENTORY,
    group_name=GROUP,
    kinds={"postgres", "pandas"},
    check_specs=[NO_DRIFT_SPEC],
)
def stage_inventory(
    context: dg.AssetExecutionContext,
    service: StagenormService,
) -> dg.MaterializeResult:  # type: ignore[type-arg] # Beside checks, Dagster accepts only the bare class.
    """Step 1: inventory. Lists the spellings of investment stages in your tables, with rows and funds.

    `Series A`, `seriesa` and `SERIES-A` are known spellings of `series-a`. The next steps normalize them. An unknown
    spelling such as `Seed Round` is never guessed. The inventory shows where it occurs and what it may mean, and you
    decide: `stagenorm decisions` writes the file to fill in.

    Only reads: one scan per table. Materialize it at any time.
    """
    with errors_as_failures():
        opened = service.open()
        by_fund, drift = SpellingsByFund(), DriftTally()
        # One scan per table feeds the inventory, the table by fund and the check.
        selection = select(opened)
        inventories = read_inventory(
            opened,
            selection=selection,
            reader=lambda target, found: by_fund.add(target, drift.watch(target, found)),
        ).targets
        drifted = finish_drift(opened, drift)
        columns = read_columns(opened, inventories)
    for seen in zip(selection.targets, inventories, columns, strict=True):
        context.log_event(target_seen(*seen))
    counts = sum((inventory.counts for inventory in inventories), RowCounts())
    unknown = count_unknown_spellings(inventories)
    return dg.MaterializeResult(
        metadata={
            "what next": dg.MetadataValue.md(_what_next(counts, unknown)),
            "inventory": dg.MetadataValue.md(inventory_markdown(inventories)),
            **in_force(opened),
            "spellings by fund": dg.MetadataValue.md(by_fund.markdown()),
            "rows_seen": counts.rows_seen,
            "rows_canonical": counts.rows_canonical,
            "rows_to_change": counts.rows_to_change,
            "rows_unknown": counts.rows_unknown,
            "rows_kept": counts.rows_left_as_is,
            "rows_null": counts.rows_null,
            "unknown_spellings": unknown,
            "funds": len({fund.fund_id for inventory in inventories for fund in inventory.funds}),
        },
        check_results=[drift_check_result(drifted)],
        data_version=dg.DataVersion(IN_POSTGRESQL),
    )


def _what_next(counts: RowCounts, unknown_spellings: int) -> str:
    known = (
        f"{counted(counts.rows_to_change, 'row')} would change: materialize {page_link(BATCH_PLAN)}."
        if counts.rows_to_change
        else "Nothing to change: every known spelling is canonical."
    )
    if not unknown_spellings:
        return known
    needs = "needs" if unknown_spellings == 1 else "need"
    return (
        f"{known} {counted(unknown_spellings, 'unknown spelling')} {needs} a decision, now or later: "
        "`stagenorm decisions` writes the file to fill in."
    )
