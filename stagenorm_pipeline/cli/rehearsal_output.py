"""Executing a plan's batches and rolling every one back, and saying what came of it: `run --rehearse`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from stagenorm_pipeline.cli import exit_codes

if TYPE_CHECKING:
    from stagenorm_pipeline.engine.postgres.connection import Database


def rehearse_and_report(database: Database, plan_id: int) -> None:
    """Ends the command with 1 where the database would refuse a row, or where it was stopped before the end."""
    from stagenorm_pipeline.cli.interrupt import stop_on_interrupt
    from stagenorm_pipeline.cli.live_display import showing_batches
    from stagenorm_pipeline.cli.log_lines import say
    from stagenorm_pipeline.engine.apply.rehearsal import rehearse_plan
    from stagenorm_pipeline.engine.postgres.identity import user_name
    from stagenorm_pipeline.report.escape import for_terminal, sentence_for_terminal

    with stop_on_interrupt() as should_stop, showing_batches(brief=True) as watch:
        result = rehearse_plan(database, plan_id, run_by=user_name(), watch=watch, should_stop=should_stop)
    for refused in result.refused:
        where = f"{for_terminal(refused.batch.target.name)}, row {for_terminal(refused.row_id)}"
        say(f"Would be refused: {where}: {sentence_for_terminal(refused.message)}", "ERROR")
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
