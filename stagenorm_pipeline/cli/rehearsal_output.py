"""Rehearse a plan and show what came of it: `run --rehearse`, with `--on` or without."""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from stagenorm_pipeline.cli import exit_codes
from stagenorm_pipeline.cli.interrupt import stop_on_interrupt
from stagenorm_pipeline.cli.live_display import showing_batches
from stagenorm_pipeline.cli.log_lines import say, say_line
from stagenorm_pipeline.cli.screen import logs_json, screen, show, tell
from stagenorm_pipeline.counts import counted
from stagenorm_pipeline.engine.apply.rehearsal_on_clone import Stopped
from stagenorm_pipeline.errors import ConfigurationError
from stagenorm_pipeline.report.escape import for_terminal
from stagenorm_pipeline.report.event_lines import refused_row_line
from stagenorm_pipeline.report.rehearsal_text import clone_rehearsal_headline, clone_rehearsal_text, price_words
from stagenorm_pipeline.service import planning, rehearsing
from stagenorm_pipeline.service.context import ServiceContext

if TYPE_CHECKING:
    from stagenorm_pipeline.engine.approval.rehearsals import Figures
    from stagenorm_pipeline.engine.postgres.connection import Database


def require_terminal() -> None:
    """Raise ConfigurationError if nobody can answer a question."""
    if not sys.stdin.isatty():
        raise ConfigurationError(
            "The run cannot ask whether to continue: standard input is not a terminal.",
            remedy="Look at `stagenorm dry-run`, then add --yes. Nothing was recorded.",
        )


def rehearse_and_report(context: ServiceContext, plan_id: int) -> None:
    """Rehearse a plan. Ends the command with 1 if the database would refuse a row, or if the rehearsal was stopped."""
    say(price_words(rehearsing.read_price(context, plan_id=plan_id)))
    say(f"To spare the primary: stagenorm run --rehearse --plan {plan_id} --on URL, with the URL of a clone.")
    with stop_on_interrupt() as should_stop, showing_batches(brief=True) as watch:
        result = rehearsing.rehearse(context, plan_id=plan_id, watch=watch, should_stop=should_stop)
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


def rehearse_on_clone_and_report(context: ServiceContext, clone: Database, plan_id: int, *, yes: bool) -> None:
    """Say that the clone is changed for real, ask unless `yes`, rehearse there, and show what was measured.

    Ends the command with 1 if the clone refused a row, or if the rehearsal was stopped.
    """
    plan = planning.read_plan(context, plan_id=plan_id)
    rows, batches = counted(plan.counts.rows_to_change, "row"), counted(plan.total_batches, "batch")
    name = for_terminal(clone.name)
    if not logs_json():
        tell(f"This changes {name} for real: {rows} in {batches} of plan {plan_id}. Throw it away afterwards.")
    if not yes:
        require_terminal()
        if not click.confirm(f"Is {name} a clone that may be thrown away?"):
            tell(f"Nothing was changed. To rehearse it later, add: --plan {plan_id}")
            sys.exit(0)
    with stop_on_interrupt() as should_stop, showing_batches(brief=True) as watch:
        done = rehearsing.rehearse_on_clone(context, clone, plan_id=plan_id, watch=watch, should_stop=should_stop)
    figures = done.figures
    if logs_json():
        say(clone_rehearsal_headline(done), **_fields(figures), effects=asdict(done.effects))
    else:
        show(clone_rehearsal_text(done, screen()))
    if figures.rows_refused or isinstance(done, Stopped):
        sys.exit(exit_codes.FAILED)


def _fields(figures: Figures) -> dict[str, Any]:
    return {
        "planId": figures.plan_id,
        "totalBatches": figures.batches,
        "rowsUpdated": figures.rows_updated,
        "rowsSkipped": figures.rows_skipped,
        "rowsFailed": figures.rows_refused,
        "durationMs": figures.duration_ms,
        "slowestBatchMs": figures.slowest_batch_ms,
        "walBytes": figures.wal_bytes,
    }
