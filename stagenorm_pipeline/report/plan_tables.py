"""The tables of an inventory and of a plan, the same in every format."""

from collections.abc import Sequence

from stagenorm_pipeline.counts import counted
from stagenorm_pipeline.engine.inventory.inventory import (
    FundShare,
    Places,
    RowCounts,
    SpellingTotal,
    TargetInventory,
    count_unknown_spellings,
)
from stagenorm_pipeline.engine.plan.plan import Plan
from stagenorm_pipeline.engine.plan.vocabulary_check import DecisionChange, DecisionChanges
from stagenorm_pipeline.report.number_formats import number
from stagenorm_pipeline.report.tables import Cell, Name, Spelling, Table, shown_of
from stagenorm_pipeline.report.verification_tables import spellings_with_rows, suggested, suggestions_of, unknown_table
from stagenorm_pipeline.report.wording import fund_name
from stagenorm_pipeline.vocabulary import Suggestion

# As many funds with an unknown spelling as fit in a line. The JSON has more.
_FUNDS_IN_A_LINE = 3

_COUNTS = ("Rows", "To update", "Canonical", "Unknown", "Kept", "NULL")


def targets_table(inventories: Sequence[TargetInventory]) -> Table:
    rows = tuple((*_counts(inventory.counts), Name(text=inventory.target.name)) for inventory in inventories)
    return Table(title="By target", headings=(*_COUNTS, "Target"), rows=rows, total=len(rows), unit="targets")


def funds_to_change_table(inventories: Sequence[TargetInventory], limit: int) -> Table:
    """List the funds of each target that have rows to change, at most `limit`."""
    return _funds_table("Funds with rows to change", inventories, limit, only_to_change=True)


def all_funds_table(inventories: Sequence[TargetInventory], limit: int) -> Table:
    return _funds_table("By fund", inventories, limit, only_to_change=False)


def _funds_table(title: str, inventories: Sequence[TargetInventory], limit: int, *, only_to_change: bool) -> Table:
    funds = [
        fund
        for inventory in inventories
        for fund in inventory.funds
        if fund.counts.rows_to_change or not only_to_change
    ]
    rows = tuple(
        (Name(text=fund_name(fund.fund_id)), *_counts(fund.counts), Name(text=fund.target))
        for fund in funds[: shown_of(len(funds), limit)]
    )
    unit = "funds" if len(inventories) == 1 else "funds, counted in each target"
    return Table(title=title, headings=("Fund", *_COUNTS, "Target"), rows=rows, total=len(funds), unit=unit)


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
    """List known spellings that change, with the new stage, most rows first."""
    changes = sorted((change for inventory in inventories for change in inventory.changes), key=lambda c: -c.rows)
    rows = tuple(
        (change.rows, Spelling(text=change.spelling), change.stage, change.funds, Name(text=change.target))
        for change in changes[: shown_of(len(changes), limit)]
    )
    headings = ("Rows", "Before", "After", "Funds", "Target")
    return Table(title="Changes (before → after)", headings=headings, rows=rows, total=len(changes), unit="spellings")


def unknown_in(inventories: Sequence[TargetInventory], limit: int) -> Table:
    """List the unknown spellings of all targets, most rows first."""
    unknown = [found for inventory in inventories for found in inventory.unknown]
    return unknown_table(unknown, count_unknown_spellings(tuple(inventories)), limit)


def unknown_list(unknown: Sequence[SpellingTotal], total: int, limit: int) -> Table:
    """List the unknown spellings with most rows, for a summary: without headings, with the most likely stage."""
    rows = tuple(
        (found.rows, Spelling(text=found.text), _may_mean(found.suggestions))
        for found in spellings_with_rows(unknown)[: shown_of(total, limit)]
    )
    return Table(title="Unknown spellings", headings=("", "", ""), rows=rows, total=total, unit="unknown spellings")


def _may_mean(suggestions: Sequence[Suggestion]) -> str:
    found = next(iter(suggestions), None)
    return f"{found.stage}?" if found is not None and found.stage else "no suggestion"


def unknown_places_table(inventories: Sequence[TargetInventory], limit: int) -> Table:
    """List unknown spellings by target, most rows first, with their funds, first and last id, and suggestions.

    A spelling of two targets has two lines, because an id belongs to one table.
    """
    found = sorted(
        (pair for inventory in inventories for pair in inventory.unknown_places),
        key=lambda pair: (-pair[0].rows, pair[0].spelling, pair[0].target),
    )
    total = sum(inventory.unknown_spellings for inventory in inventories)
    rows = tuple(
        (
            one.rows,
            Spelling(text=one.spelling),
            *_where(one, places),
            suggested(suggestions_of(one)),
            Name(text=one.target),
        )
        for one, places in found[: shown_of(total, limit)]
    )
    headings = ("Rows", "Spelling", "Most in", "First id", "Last id", "Suggestion", "Target")
    return Table(
        title="Unknown spellings by target",
        headings=headings,
        rows=rows,
        total=total,
        unit="unknown spellings by target",
    )


def _where(total: SpellingTotal, places: Places | None) -> tuple[Cell, Cell, Cell]:
    if places is None:
        return None, None, None
    return Name(text=_most_in(total, places)), Name(text=places.first_id), Name(text=places.last_id)


def _most_in(total: SpellingTotal, places: Places) -> str:
    def one(share: FundShare) -> str:
        return f"{fund_name(share.fund_id)}: {number(share.rows)}"

    shown = ", ".join(map(one, places.funds[:_FUNDS_IN_A_LINE]))
    rest = total.funds - len(places.funds[:_FUNDS_IN_A_LINE])
    return f"{shown} and {number(rest)} more" if rest else shown


def decisions_table(found: DecisionChanges, limit: int) -> Table:
    """List the decisions that are new or changed with the number of their rows, most rows first."""
    rows = tuple(
        (change.rows, Spelling(text=change.spelling), change.was, change.now, _changed_before(change))
        for change in found.changes[: shown_of(len(found.changes), limit)]
    )
    title = "Decisions"
    if found.since_plan is not None:
        title = f"Decisions that are new since plan {found.since_plan} or contradict earlier changes"
    headings = ("Rows now", "Spelling", "Was", "Is", "Changed by earlier plans, not changed again")
    return Table(title=title, headings=headings, rows=rows, total=len(found.changes), unit="decisions")


def _changed_before(change: DecisionChange) -> str | None:
    """Return what earlier plans made of the spelling; None if they did not change it."""
    parts = (f"{counted(p.rows, 'row')} to {p.stage} (plan {', '.join(map(str, p.plans))})" for p in change.earlier)
    return "; ".join(parts) or None


def plan_title(plan: Plan) -> str:
    if plan.plan_id is None:
        return "Dry run: nothing was recorded and nothing was changed."
    return f"Plan {plan.plan_id} ({plan.status})"


def plan_facts(plan: Plan) -> tuple[tuple[str, Cell], ...]:
    """List the facts that the runbook asks to review first."""
    return (
        ("Batches planned", plan.total_batches),
        ("Rows to update", plan.counts.rows_to_change),
        ("Rows seen", plan.counts.rows_seen),
        ("Funds with changes", len(plan.funds_to_change)),
        ("Batch size", plan.batch_size),
        ("Vocabulary version", Name(text=plan.vocabulary_version)),
    )
