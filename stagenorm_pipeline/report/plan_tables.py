"""The tables of an inventory and of a plan, the same for every form."""

from collections.abc import Sequence

from stagenorm_pipeline.engine.inventory import RowCounts, TargetInventory, count_unknown_spellings
from stagenorm_pipeline.engine.plan import Plan
from stagenorm_pipeline.report.tables import Cell, Name, Spelling, Table
from stagenorm_pipeline.report.verification_tables import unknown_table
from stagenorm_pipeline.report.wording import fund_name

_COUNTS = ("Rows", "To update", "Canonical", "Unknown", "Left as is", "NULL")


def targets_table(inventories: Sequence[TargetInventory]) -> Table:
    rows = tuple((*_counts(inventory.counts), Name(inventory.target.name)) for inventory in inventories)
    return Table("By target", (*_COUNTS, "Target"), rows, len(rows), "targets")


def funds_to_change_table(inventories: Sequence[TargetInventory], limit: int) -> Table:
    """Every fund of every target that has rows to change; at most `limit` of them."""
    return _funds_table("By fund, where rows are to change", inventories, limit, only_to_change=True)


def all_funds_table(inventories: Sequence[TargetInventory], limit: int) -> Table:
    return _funds_table("By fund", inventories, limit, only_to_change=False)


def _funds_table(title: str, inventories: Sequence[TargetInventory], limit: int, *, only_to_change: bool) -> Table:
    funds = [
        fund
        for inventory in inventories
        for fund in inventory.funds
        if fund.counts.rows_to_change or not only_to_change
    ]
    rows = tuple((Name(fund_name(fund.fund_id)), *_counts(fund.counts), Name(fund.target)) for fund in funds[:limit])
    return Table(title, ("Fund", *_COUNTS, "Target"), rows, len(funds), "funds")


def _counts(counts: RowCounts) -> tuple[Cell, ...]:
    return (
        counts.rows_seen,
        counts.rows_to_change,
        counts.rows_canonical,
        counts.rows_unknown,
        counts.rows_left_as_is,
        counts.rows_null,
    )


def changes_table(inventories: Sequence[TargetInventory], limit: int) -> Table:
    """Messy spellings with the stage that each becomes, most rows first."""
    changes = sorted((change for inventory in inventories for change in inventory.changes), key=lambda c: -c.rows)
    rows = tuple(
        (change.rows, Spelling(change.spelling), change.stage, change.funds, Name(change.target))
        for change in changes[:limit]
    )
    headings = ("Rows", "Before", "After", "Funds", "Target")
    return Table("Changes (before → after)", headings, rows, len(changes), "spellings")


def unknown_in(inventories: Sequence[TargetInventory], limit: int) -> Table:
    """Unknown spellings of all targets, most rows first."""
    unknown = [found for inventory in inventories for found in inventory.unknown]
    return unknown_table(unknown, count_unknown_spellings(tuple(inventories)), limit)


def plan_title(plan: Plan) -> str:
    if plan.plan_id is None:
        return "Dry run: nothing was recorded and nothing was changed."
    return f"Plan {plan.plan_id} ({plan.status})"


def plan_facts(plan: Plan) -> tuple[tuple[str, Cell], ...]:
    """What the runbook asks to review first."""
    return (
        ("Batches planned", plan.total_batches),
        ("Rows to update", plan.counts.rows_to_change),
        ("Rows seen", plan.counts.rows_seen),
        ("Funds with changes", len(plan.funds_to_change)),
        ("Batch size", plan.batch_size),
        ("Vocabulary version", Name(plan.vocabulary_version)),
    )
