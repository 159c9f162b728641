"""Apply recorded batches and show how it ended: what `run`, `resume` and `rollback` share."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, replace
from typing import Any

from stagenorm_pipeline.cli import exit_codes
from stagenorm_pipeline.cli.dagster_history import report_to_dagster
from stagenorm_pipeline.cli.global_options import is_quiet
from stagenorm_pipeline.cli.interrupt import stop_on_interrupt
from stagenorm_pipeline.cli.live_display import showing_batches
from stagenorm_pipeline.cli.log_lines import say
from stagenorm_pipeline.cli.options import BatchSize, LimitOptions, PaceOptions
from stagenorm_pipeline.cli.screen import has_live_display, screen, show
from stagenorm_pipeline.config.limits import Limits, parse_until
from stagenorm_pipeline.engine.apply.run_limits import BudgetEnd
from stagenorm_pipeline.engine.monitor.vacuum import TableStatistics, VacuumAdvice
from stagenorm_pipeline.engine.targets.funds import FundScope
from stagenorm_pipeline.report.apply_text import applied_text, nothing_to_do
from stagenorm_pipeline.report.escape import sentence_for_terminal
from stagenorm_pipeline.report.status_text import next_command
from stagenorm_pipeline.report.vacuum_text import vacuum_reason
from stagenorm_pipeline.service import applying, monitoring, rolling_back, vacuuming
from stagenorm_pipeline.service.applying import AppliedBatches, ApplyOutcome, Pace
from stagenorm_pipeline.service.context import ServiceContext
from stagenorm_pipeline.service.selecting import Selection

# For a log, which has no "Next:" after the outcome.
_CONTINUE = "To continue: stagenorm resume"


def read_pace(options: PaceOptions, batch_size: BatchSize) -> Pace:
    """Combine the options about the pace."""
    return Pace(
        sleep_ms=options.sleep_ms,
        max_lag_seconds=options.max_lag_seconds,
        no_lag_check=options.no_lag_check,
        is_auto=batch_size == "auto",
        parallel=options.parallel,
    )


def read_limits(options: LimitOptions) -> Limits:
    """Combine the options about how much to apply."""
    return Limits(
        canary_rows=options.canary,
        max_rows=options.max_rows,
        until=None if options.until is None else parse_until(options.until),
        exclude_funds=options.exclude_funds,
    )


def apply_and_report(
    context: ServiceContext, selection: Selection, pace: Pace, limits: Limits, plan_id: int | None = None
) -> None:
    """Apply the waiting batches of a plan, or of every open plan. Ends the command with 1 unless all are done."""
    start = _note_start(context)
    with stop_on_interrupt() as should_stop, showing_batches() as watch:
        applied = applying.apply(
            context,
            plan_id=plan_id,
            selection=selection,
            pace=pace,
            limits=limits,
            watch=watch,
            should_stop=should_stop,
        )
    _report(context, applied, "Migration", selection.scope, start)


def restore_and_report(context: ServiceContext, plan_id: int, pace: Pace) -> None:
    """Apply a recorded rollback. Ends the command with 1 unless all of it is done."""
    start = _note_start(context)
    with stop_on_interrupt() as should_stop, showing_batches() as watch:
        applied = rolling_back.restore_rows(context, plan_id=plan_id, pace=pace, watch=watch, should_stop=should_stop)
    _report(context, applied, "Rollback", FundScope(), start)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Start:
    """When the apply began, and the statistics of the targets at that time."""

    began: float
    statistics: tuple[TableStatistics, ...]


def _note_start(context: ServiceContext) -> _Start:
    return _Start(began=time.monotonic(), statistics=vacuuming.read_table_statistics(context))


def _report(context: ServiceContext, applied: AppliedBatches, name: str, scope: FundScope, start: _Start) -> None:
    seconds = time.monotonic() - start.began
    vacuum = vacuuming.advise_after_run(context, start.statistics, rows_updated=applied.result.rows.rows_updated)
    if has_live_display() and not is_quiet() and applied.outcome is not ApplyOutcome.NOTHING_TO_DO:
        status = replace(monitoring.read_status(context), vacuum=vacuum)
        show(applied_text(_sentence(applied, name), applied.result, status, seconds=seconds, screen=screen()))
    else:
        _say_outcome(context, applied, name, scope, vacuum)
    report_to_dagster(context)
    if not applied.result.ok:
        sys.exit(exit_codes.FAILED)


def _say_outcome(
    context: ServiceContext, applied: AppliedBatches, name: str, scope: FundScope, vacuum: tuple[VacuumAdvice, ...]
) -> None:
    """Write the runbook's last line and, if all is well, what to vacuum and the next command."""
    match applied.outcome:
        case ApplyOutcome.NOTHING_TO_DO:
            say(nothing_to_do(monitoring.read_status(context), scope))
        case ApplyOutcome.COMPLETED:
            say(_sentence(applied, name), **_fields(applied))
            for one in vacuum:
                say(f"To vacuum: {sentence_for_terminal(one.command)} {vacuum_reason(one)}")
            say(f"Next: {next_command(monitoring.read_status(context))}")
        case ApplyOutcome.VANISHED | ApplyOutcome.FAILED:
            say(_sentence(applied, name), "ERROR", **_fields(applied))
        case ApplyOutcome.BUDGET:
            say(f"{_sentence(applied, name)} {_CONTINUE}", **_fields(applied))
        case ApplyOutcome.STOPPED:
            say(f"{_sentence(applied, name)} {_CONTINUE}", "WARN", **_fields(applied))
        case ApplyOutcome.TAKEN | ApplyOutcome.CANCELLED:
            say(_sentence(applied, name), "WARN", **_fields(applied))


def _fields(applied: AppliedBatches) -> dict[str, Any]:
    result = applied.result
    return {
        "totalBatches": result.batches,
        "completedBatches": result.completed,
        "failedBatches": result.failed,
        "heldBatches": result.taken,
        "rowsUpdated": result.rows.rows_updated,
        "rowsSkipped": result.rows.rows_skipped,
        "rowsFailed": result.rows.rows_failed,
    }


def _sentence(applied: AppliedBatches, name: str) -> str:  # noqa: PLR0911 - one sentence for each outcome
    match applied.outcome:
        case ApplyOutcome.VANISHED:
            return (
                f"{applied.result.vanished:,} planned batches were deleted during the run, so their rows were not "
                "changed. The other batches are complete or untouched. Run the command again to plan those rows anew."
            )
        case ApplyOutcome.STOPPED:
            return f"{name} stopped before its end."
        case ApplyOutcome.BUDGET:
            bound = "--max-rows" if applied.result.budget_end is BudgetEnd.ROWS else "--until"
            return f"{name} reached {bound}; every batch is complete or untouched."
        case ApplyOutcome.FAILED:
            return f"{name} ended with failures. To see them: stagenorm status"
        case ApplyOutcome.TAKEN:
            return f"{name} completed, except batches taken by other runners."
        case ApplyOutcome.CANCELLED:
            return f"{applied.cancelled:,} batches were cancelled during the run. All others are done."
        case ApplyOutcome.NOTHING_TO_DO | ApplyOutcome.COMPLETED:
            return f"{name} completed"
