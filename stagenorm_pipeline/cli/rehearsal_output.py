"""Rehearse a plan and show what came of it: `run --rehearse`."""

from __future__ import annotations

import sys
from typing import Any

from stagenorm_pipeline.cli import exit_codes
from stagenorm_pipeline.cli.interrupt import stop_on_interrupt
from stagenorm_pipeline.cli.live_display import showing_batches
from stagenorm_pipeline.cli.log_lines import say, say_line
from stagenorm_pipeline.report.event_lines import refused_row_line
from stagenorm_pipeline.service import applying
from stagenorm_pipeline.service.context import ServiceContext


def rehearse_and_report(context: ServiceContext, plan_id: int) -> None:
    """Rehearse a plan. Ends the command with 1 if the database would refuse a row, or if the rehearsal was stopped."""
    with stop_on_interrupt() as should_stop, showing_batches(brief=True) as watch:
        result = applying.rehearse(context, plan_id=plan_id, watch=watch, should_stop=should_stop)
    for refused in result.refused:
        say_line(refused_row_line(refused))
    rows = result.rows
    fields: dict[str, Any] = {
        "totalBatches": result.batches,
        "rowsUpdated": rows.rows_updated,
        "rowsSkipped": rows.rows_skipped,
        "rowsFailed": rows.rows_failed,
    }
    if is_stopped := should_stop():
        say("Rehearsal stopped before its end; every batch was rolled back, nothing was changed.", "WARN", **fields)
    else:
        say("Rehearsal ended; every batch was rolled back, nothing was changed.", **fields)
    say(f"Next: stagenorm run --plan {plan_id} applies this plan, stagenorm cancel --plan {plan_id} drops it.")
    if rows.rows_failed or is_stopped:
        sys.exit(exit_codes.FAILED)
