"""Write whether plans need an approval, and which ones wait, as text for a terminal."""

from collections.abc import Iterator
from datetime import UTC

from stagenorm_pipeline.engine.approval.approval import ApprovalRule, ApprovalState, UnapprovedPlan
from stagenorm_pipeline.report.escape import for_terminal
from stagenorm_pipeline.report.number_formats import moment
from stagenorm_pipeline.report.rehearsed import rehearsed_cell
from stagenorm_pipeline.report.tables import Cell, Name, Table
from stagenorm_pipeline.report.terminal_layout import PLAIN, Screen, next_line, rows_lines, text_of


def approval_text(state: ApprovalState, screen: Screen = PLAIN) -> str:
    """Write the rule, the plans that wait, and the next command."""
    return text_of(_lines(state, screen))


def _lines(state: ApprovalState, screen: Screen) -> Iterator[str]:
    yield from _rule(state.rule)
    if not state.rule.required:
        yield from next_line("stagenorm approval require", screen)
    elif not state.waiting:
        yield "No plan waits for its approval."
    else:
        headings = ("Plan", "Made at (UTC)", "Rows", "Batches", "Author", "Rehearsed")
        rows = tuple(map(_row, state.waiting))
        yield from rows_lines(Table(title="", headings=headings, rows=rows, total=len(rows), unit="plans"), screen)
        yield ""
        first = state.waiting[0].plan_id
        yield from next_line(f"stagenorm plans {first}, then stagenorm approve {first}", screen)


def _rule(rule: ApprovalRule) -> Iterator[str]:
    yield "Plans need an approval before they are applied." if rule.required else "Plans need no approval."
    if rule.set_by is not None and rule.set_at is not None:
        yield f"Set by {for_terminal(rule.set_by)} at {moment(rule.set_at)}."


def _row(plan: UnapprovedPlan) -> tuple[Cell, ...]:
    return (
        plan.plan_id,
        Name(text=f"{plan.created_at.astimezone(UTC):%Y-%m-%d %H:%M}"),
        plan.rows_to_change,
        plan.total_batches,
        Name(text=plan.author or "not recorded"),
        rehearsed_cell(plan.rehearsal),
    )
