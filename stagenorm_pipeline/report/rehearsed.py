"""Write whether a plan was rehearsed on a clone, for the texts about plans and approvals."""

from datetime import UTC
from typing import assert_never

from stagenorm_pipeline.counts import counted
from stagenorm_pipeline.engine.approval.rehearsals import NotRehearsed, Rehearsal, RehearsalState
from stagenorm_pipeline.report.number_formats import duration


def rehearsed_words(state: RehearsalState) -> str:
    """Write in a clause whether a plan was rehearsed on a clone, and how that ended."""
    match state:
        case Rehearsal():
            when = f"{state.rehearsed_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
            skipped = f", {state.rows_skipped:,} skipped" if state.rows_skipped else ""
            refused = f"{state.rows_refused:,} refused{skipped}"
            return f"rehearsed on {when}: {counted(state.rows, 'row')}, {refused}, {duration(state.duration_ms)}"
        case NotRehearsed():
            return "not rehearsed"
        case _:
            assert_never(state)


def rehearsed_cell(state: RehearsalState) -> str:
    """Write the same where "Rehearsed" stands above or before it."""
    return "no" if isinstance(state, NotRehearsed) else rehearsed_words(state).removeprefix("rehearsed on ")
