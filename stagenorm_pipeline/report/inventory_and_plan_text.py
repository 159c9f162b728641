"""Write plans and inventories for a terminal: a summary that fits one screen, and all tables."""

from collections.abc import Iterator, Mapping, Sequence
from shlex import quote as shell_quote
from typing import Final

from stagenorm_pipeline.counts import counted
from stagenorm_pipeline.engine.inventory.inventory import (
    RowCounts,
    TargetInventory,
    count_unknown_spellings,
)
from stagenorm_pipeline.engine.monitor.estimate import NOTHING_AHEAD, DurationEstimate
from stagenorm_pipeline.engine.plan.plan import Plan
from stagenorm_pipeline.engine.plan.request import DEFAULT_BATCH_SIZE
from stagenorm_pipeline.engine.plan.vocabulary_check import DecisionChanges
from stagenorm_pipeline.report.escape import for_terminal
from stagenorm_pipeline.report.estimate_text import estimate_sentence
from stagenorm_pipeline.report.number_formats import number
from stagenorm_pipeline.report.plan_tables import (
    all_funds_table,
    changes_table,
    decisions_table,
    funds_to_change_table,
    plan_facts,
    plan_title,
    targets_table,
    unknown_in,
    unknown_list,
    unknown_places_table,
)
from stagenorm_pipeline.report.tables import Name, Spelling, Table
from stagenorm_pipeline.report.terminal_layout import (
    PLAIN,
    Colour,
    Screen,
    facts,
    fitting,
    next_line,
    rows_lines,
    table_lines,
    text_of,
    wrapped,
)
from stagenorm_pipeline.report.verification_tables import spellings_with_rows
from stagenorm_pipeline.report.wording import fund_name, scope_name

# All of them: `--full` goes to a pager or a file. The bound keeps the output of a hostile column within some MB.
_ROWS: Final = 20_000
_SUMMARY_ROWS: Final = 8
_FUNDS_NAMED: Final = 3
_SPELLINGS_NAMED: Final = 10


def plan_summary(
    plan: Plan,
    *,
    supersedes: Mapping[int, int],
    estimate: DurationEstimate = NOTHING_AHEAD,
    screen: Screen = PLAIN,
) -> str:
    """Write a plan in a few lines: what changes, what stays, how long it takes, and which open plans it supersedes."""
    return text_of(
        (*_plan_lines(plan, screen), *_estimate_lines(estimate, screen), *_supersedes_lines(plan, supersedes, screen))
    )


def unknown_stages(plan: Plan) -> str | None:
    """Name the unknown spellings as the runbook does. None if there are none."""
    found = spellings_with_rows([total for inventory in plan.inventories for total in inventory.unknown])
    count = count_unknown_spellings(plan.inventories)
    if not count:
        return None
    named = ", ".join(for_terminal(one.text) for one in found[:_SPELLINGS_NAMED])
    rest = count - len(found[:_SPELLINGS_NAMED])
    return f"Found {count} unknown stage(s): {named}{f' and {number(rest)} more' if rest else ''}"


def dry_run_summary(
    plan: Plan,
    *,
    decisions: DecisionChanges,
    supersedes: Mapping[int, int],
    estimate: DurationEstimate = NOTHING_AHEAD,
    next_command: str | None = None,
    screen: Screen = PLAIN,
) -> str:
    """Write on one screen what a run would change.

    `supersedes`: for each open plan the number of its batches that a run would cancel. `next_command` None: derive it.
    """

    def lines(rows: int) -> Iterator[str]:
        yield from wrapped(plan_title(plan), screen)
        yield from _plan_lines(plan, screen)
        yield from _estimate_lines(estimate, screen)
        yield from _supersedes_lines(plan, supersedes, screen)
        yield from _decisions_lines(decisions, screen)
        yield from _targets(plan.inventories, rows, screen)
        yield from _changes(plan.inventories, rows, screen)
        yield from _unknown(plan.inventories, rows, screen)
        yield ""
        yield from _all_of_it("stagenorm dry-run --full", screen)
        yield from next_line(_with_resume(next_command or _next_command(plan), supersedes), screen)

    return fitting(lines, _SUMMARY_ROWS, screen)


def _with_resume(command: str, supersedes: Mapping[int, int]) -> str:
    if not supersedes:
        return command
    plans = "plan" if len(supersedes) == 1 else "plans"
    return f"stagenorm resume to finish {plans} {', '.join(map(str, supersedes))}, or {command}"


def plan_text(
    plan: Plan,
    *,
    decisions: DecisionChanges | None = None,
    supersedes: Mapping[int, int] | None = None,
    estimate: DurationEstimate = NOTHING_AHEAD,
    next_command: str | None = None,
    screen: Screen = PLAIN,
) -> str:
    """Write all that a plan would change. Parameters as for `dry_run_summary`."""
    tables = (
        targets_table(plan.inventories),
        funds_to_change_table(plan.inventories, _ROWS),
        changes_table(plan.inventories, _ROWS),
        *((decisions_table(decisions, _ROWS),) if decisions else ()),
        unknown_in(plan.inventories, _ROWS),
    )
    return text_of(
        (
            *wrapped(plan_title(plan), screen),
            *facts((*plan_facts(plan), ("Scope", Name(text=scope_name(plan.scope)))), screen),
            *_estimate_lines(estimate, screen),
            *_supersedes_lines(plan, supersedes or {}, screen),
            *(line for table in tables for line in table_lines(table, screen)),
            *_unknown_advice(plan.inventories, screen),
            "",
            *next_line(_with_resume(next_command or _next_command(plan), supersedes or {}), screen),
        )
    )


def inventory_summary(inventories: Sequence[TargetInventory], screen: Screen = PLAIN) -> str:
    """Write on one screen which spellings are in the data, and which need a decision."""

    def lines(rows: int) -> Iterator[str]:
        yield from wrapped(f"Inventory of stages: {_rows_and_funds(inventories)}.", screen)
        yield from _targets(inventories, rows, screen)
        yield from _unknown(inventories, rows, screen)
        yield from _funds_with_unknown(inventories, screen)
        yield from _changes(inventories, rows, screen)
        yield ""
        yield from _all_of_it("stagenorm inventory --full", screen)
        yield from next_line(_next_after_inventory(inventories), screen)

    return fitting(lines, _SUMMARY_ROWS, screen)


def inventory_text(inventories: Sequence[TargetInventory], screen: Screen = PLAIN) -> str:
    """Write every spelling with its rows and funds, and of the unknown ones where they are and what they may mean."""
    tables = (
        targets_table(inventories),
        all_funds_table(inventories, _ROWS),
        changes_table(inventories, _ROWS),
        unknown_places_table(inventories, _ROWS),
    )
    return text_of(
        (
            "Inventory of stages",
            *(line for table in tables for line in table_lines(table, screen)),
            *_unknown_advice(inventories, screen),
            "",
            *next_line(_next_after_inventory(inventories), screen),
        )
    )


def _plan_lines(plan: Plan, screen: Screen) -> Iterator[str]:
    counts = plan.counts
    name = "A run" if plan.plan_id is None else f"Plan {plan.plan_id}"
    scope = "" if plan.scope.all_funds else f" of {for_terminal(scope_name(plan.scope))}"
    changes = "would change" if plan.plan_id is None else "changes"
    if not counts.rows_to_change:
        yield from wrapped(f"{name} {changes} nothing: no row holds a known spelling that is not canonical.", screen)
    else:
        batches = f"{counted(plan.total_batches, 'batch')} of at most {number(plan.batch_size)}"
        rows = f"{number(counts.rows_to_change)} of {counted(counts.rows_seen, 'row')}"
        yield from wrapped(f"{name} {changes} {rows}{scope}, in {batches}.", screen)
    if not counts.rows_unknown:
        yield from wrapped("No row holds an unknown spelling.", screen)
        return
    spellings = counted(count_unknown_spellings(plan.inventories), "unknown spelling")
    holds = "holds" if counts.rows_unknown == 1 else "hold"
    kept = f"{counted(counts.rows_unknown, 'row')} {holds} {spellings}. They stay as they are."
    yield from (screen.coloured(line, Colour.YELLOW) for line in wrapped(kept, screen))


def _estimate_lines(estimate: DurationEstimate, screen: Screen) -> Iterator[str]:
    if sentence := estimate_sentence(estimate):
        yield from wrapped(sentence, screen)


def _supersedes_lines(plan: Plan, supersedes: Mapping[int, int], screen: Screen) -> Iterator[str]:
    subject = "`stagenorm run` would supersede" if plan.plan_id is None else "Applying it supersedes"
    for plan_id, batches in supersedes.items():
        text = f"{subject} plan {plan_id}: {counted(batches, 'waiting batch')} of that plan will be cancelled."
        yield from (screen.coloured(line, Colour.YELLOW) for line in wrapped(text, screen))


def _decisions_lines(found: DecisionChanges, screen: Screen) -> Iterator[str]:
    if not found.changes:
        return
    rows = sum(change.rows or 0 for change in found.changes)
    since = "" if found.since_plan is None else f" since plan {found.since_plan}"
    new = counted(len(found.changes), "decision")
    yield from wrapped(f"New or changed{since}: {new}, about {counted(rows, 'row')}. See --full.", screen)
    if earlier := sum(part.rows for change in found.changes for part in change.earlier):
        changed = counted(earlier, "row")
        text = f"{changed} that earlier plans changed differently stay so. To undo them: `stagenorm decisions --diff`."
        yield from (screen.coloured(line, Colour.YELLOW) for line in wrapped(text, screen))


def _targets(inventories: Sequence[TargetInventory], rows: int, screen: Screen) -> Iterator[str]:
    if rows and inventories:
        yield ""
        # Two lines less than the lists of spellings: most databases have two targets.
        yield from rows_lines(targets_table(inventories).cut(max(rows, 2)), screen)


def _changes(inventories: Sequence[TargetInventory], rows: int, screen: Screen) -> Iterator[str]:
    changes = [total for inventory in inventories for total in inventory.changes]
    if not changes or not rows:
        return
    # A spelling becomes the same stage in every target.
    stages = {total.spelling: total.stage or "" for total in changes}
    found = spellings_with_rows(changes)
    counts = sum((inventory.counts for inventory in inventories), RowCounts())
    title = f"Changes (before → after), most rows first: {counted(len(found), 'spelling')}"
    yield from ("", *wrapped(f"{title} in {counted(counts.rows_to_change, 'row')}", screen))
    listed = tuple((one.rows, Spelling(text=one.text), "→", stages[one.text]) for one in found[:rows])
    yield from rows_lines(Table(title=title, headings=("",) * 4, rows=listed, total=0, unit="spellings"), screen)


def _unknown(inventories: Sequence[TargetInventory], rows: int, screen: Screen) -> Iterator[str]:
    unknown = [total for inventory in inventories for total in inventory.unknown]
    if unknown and rows:
        counts = sum((inventory.counts for inventory in inventories), RowCounts())
        spellings = counted(count_unknown_spellings(tuple(inventories)), "spelling")
        title = f"Unknown, most rows first: {spellings} in {counted(counts.rows_unknown, 'row')}"
        yield from ("", *wrapped(title, screen))
        yield from rows_lines(unknown_list(unknown, 0, rows), screen)


def _funds_with_unknown(inventories: Sequence[TargetInventory], screen: Screen) -> Iterator[str]:
    rows: dict[str | None, int] = {}
    for fund in (fund for inventory in inventories for fund in inventory.funds):
        rows[fund.fund_id] = rows.get(fund.fund_id, 0) + fund.counts.rows_unknown
    most = sorted(((count, fund_id) for fund_id, count in rows.items() if count), key=lambda one: -one[0])
    if most:
        named = (f"{for_terminal(fund_name(fund_id))} {number(count)}" for count, fund_id in most[:_FUNDS_NAMED])
        rest = f" and {number(len(most) - _FUNDS_NAMED)} more" if len(most) > _FUNDS_NAMED else ""
        yield from wrapped(f"Most of these rows are in {', '.join(named)}{rest}", screen, indent=2)


def _rows_and_funds(inventories: Sequence[TargetInventory]) -> str:
    rows = sum(inventory.counts.rows_seen for inventory in inventories)
    funds = {fund.fund_id for inventory in inventories for fund in inventory.funds} - {None}
    return f"{counted(rows, 'row')} in {counted(len(inventories), 'table')} and {counted(len(funds), 'fund')}"


def _unknown_advice(inventories: Sequence[TargetInventory], screen: Screen) -> tuple[str, ...]:
    if not any(inventory.unknown_spellings for inventory in inventories):
        return ()
    advice = "Unknown spellings are never changed. List them for a decision: `stagenorm decisions`."
    return ("", *wrapped(advice, screen))


def _all_of_it(command: str, screen: Screen) -> list[str]:
    return wrapped(f"All tables: {command}", screen)


def _next_after_inventory(inventories: Sequence[TargetInventory]) -> str:
    if any(inventory.unknown_spellings for inventory in inventories):
        return "stagenorm decisions"
    if any(inventory.counts.rows_to_change for inventory in inventories):
        return "stagenorm dry-run"
    return "stagenorm verify"


def _next_command(plan: Plan) -> str:
    if not plan.counts.rows_to_change:
        return "stagenorm verify (there is nothing to change)"
    if plan.plan_id is not None:
        return f"stagenorm run --plan {plan.plan_id}"
    words = ["stagenorm run"]
    if not plan.scope.all_funds:
        fund_id = plan.scope.fund_id
        words.append("--no-fund" if fund_id is None else f"--fund-id {for_terminal(shell_quote(fund_id))}")
    if plan.batch_size != DEFAULT_BATCH_SIZE:
        words.append(f"--batch-size {plan.batch_size}")
    return " ".join(words)
