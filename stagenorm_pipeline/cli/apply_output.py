"""Apply recorded batches and show how it ended: what `run`, `resume` and `rollback` share."""

from __future__ import annotations

import sys
from typing import Any

from stagenorm_pipeline.cli import exit_codes
from stagenorm_pipeline.cli.dagster_history import report_to_dagster
from stagenorm_pipeline.cli.interrupt import stop_on_interrupt
from stagenorm_pipeline.cli.live_display import showing_batches
from stagenorm_pipeline.cli.log_lines import say
from stagenorm_pipeline.cli.options import BatchSize, PaceOptions
from stagenorm_pipeline.service import applying, rolling_back
from stagenorm_pipeline.service.applying import AppliedBatches, ApplyOutcome, Pace
from stagenorm_pipeline.service.context import ServiceContext
from stagenorm_pipeline.service.selecting import Selection


def read_pace(options: PaceOptions, batch_size: BatchSize) -> Pace:
    """Combine the options about the pace."""
    return Pace(
        sleep_ms=options.sleep_ms,
        max_lag_seconds=options.max_lag_seconds,
        no_lag_check=options.no_lag_check,
        is_auto=batch_size == "auto",
        parallel=options.parallel,
    )


def apply_and_report(context: ServiceContext, selection: Selection, pace: Pace, plan_id: int | None = None) -> None:
    """Apply the waiting batches of a plan, or of every open plan. Ends the command with 1 unless all are done."""
    with stop_on_interrupt() as should_stop, showing_batches() as watch:
        applied = applying.apply(
            context, plan_id=plan_id, selection=selection, pace=pace, watch=watch, should_stop=should_stop
        )
    _report(context, applied, "Migration")


def restore_and_report(context: ServiceContext, plan_id: int, pace: Pace) -> None:
    """Apply a recorded rollback. Ends the command with 1 unless all of it is done."""
    with stop_on_interrupt() as should_stop, showing_batches() as watch:
        applied = rolling_back.restore_rows(context, plan_id=plan_id, pace=pace, watch=watch, should_stop=should_stop)
    _report(context, applied, "Rollback")


def _report(context: ServiceContext, applied: AppliedBatches, name: str) -> None:
    _show_outcome(applied, name)
    report_to_dagster(context)
    if not applied.result.ok:
        sys.exit(exit_codes.FAILED)


def _show_outcome(applied: AppliedBatches, name: str) -> None:
    result = applied.result
    fields: dict[str, Any] = {
        "totalBatches": result.batches,
        "completedBatches": result.completed,
        "failedBatches": result.failed,
        "heldBatches": result.taken,
        "rowsUpdated": result.rows.rows_updated,
        "rowsSkipped": result.rows.rows_skipped,
        "rowsFailed": result.rows.rows_failed,
    }
    match applied.outcome:
        case ApplyOutcome.VANISHED:
            say(
                f"{result.vanished:,} planned batches were deleted during the run, so their rows were not changed. The "
                "other batches are complete or untouched. Run the command again to plan those rows anew.",
                "ERROR",
                **fields,
            )
        case ApplyOutcome.STOPPED:
            say(f"{name} stopped before its end. To continue: stagenorm resume", "WARN", **fields)
        case ApplyOutcome.FAILED:
            say(f"{name} ended with failures. To see them: stagenorm status", "ERROR", **fields)
        case ApplyOutcome.TAKEN:
            say(f"{name} completed, except batches taken by other runners.", "WARN", **fields)
        case ApplyOutcome.CANCELLED:
            say(f"{applied.cancelled:,} batches were cancelled during the run. All others are done.", "WARN", **fields)
        case ApplyOutcome.NOTHING_TO_DO:
            say("Nothing to do: no open plan has a waiting batch.")
        case ApplyOutcome.COMPLETED:
            say(f"{name} completed", **fields)
            say("Next: stagenorm verify")
