"""`stagenorm run`: plan, show, ask, apply; or rehearse."""

from __future__ import annotations

import sys
from contextlib import nullcontext

import click

from stagenorm_pipeline.cli.apply_output import apply_and_report, read_limits, read_pace
from stagenorm_pipeline.cli.live_display import showing_reading
from stagenorm_pipeline.cli.log_lines import say
from stagenorm_pipeline.cli.options import (
    BatchSize,
    LimitOptions,
    PaceOptions,
    ScopeOptions,
    batch_size_option,
    limit_options,
    pace_options,
    scope_options,
)
from stagenorm_pipeline.cli.preflight_output import require_ready
from stagenorm_pipeline.cli.rehearsal_output import rehearse_and_report, rehearse_on_clone_and_report, require_terminal
from stagenorm_pipeline.cli.screen import has_live_display, logs_json, screen, show, tell
from stagenorm_pipeline.cli.sources import say_sources, show_sources
from stagenorm_pipeline.engine.plan.plan import Plan
from stagenorm_pipeline.errors import ConfigurationError
from stagenorm_pipeline.report.backup_text import reminder
from stagenorm_pipeline.report.inventory_and_plan_text import plan_summary, unknown_stages
from stagenorm_pipeline.service import applying, backing_up, planning
from stagenorm_pipeline.service.applying import Pace
from stagenorm_pipeline.service.context import ServiceContext, open_service
from stagenorm_pipeline.service.estimating import estimate_plan
from stagenorm_pipeline.service.planning import NewPlan
from stagenorm_pipeline.service.rehearsing import open_clone
from stagenorm_pipeline.service.selecting import Selection


@click.command("run")
@scope_options
@batch_size_option
@pace_options
@limit_options
@click.option("--plan", "plan_id", type=int, help="Apply this recorded plan instead of making one.")
@click.option("--rehearse", is_flag=True, help="Execute every batch and roll it back, then stop.")
@click.option("--on", "clone_url", metavar="URL", help="With --rehearse: apply it for real to this clone instead.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def command(
    chosen: ScopeOptions,
    batch_size: BatchSize,
    pace: PaceOptions,
    limits: LimitOptions,
    plan_id: int | None,
    rehearse: bool,
    clone_url: str | None,
    yes: bool,
) -> None:
    """Record a plan, show it, ask, and apply it batch by batch.

    \b
    Examples:
      stagenorm run --batch-size 1000 --sleep-ms 500   gentle, for replicas
      stagenorm run                                    balanced: 5000 rows, 100 ms
      stagenorm run --batch-size auto                  what half a second takes
      stagenorm run --batch-size 10000 --sleep-ms 0    in a maintenance window
      stagenorm run --plan 7                           after its approval
      stagenorm run --canary 200 --until 05:00         a small part first
      stagenorm run --rehearse --on "$CLONE_URL"       measure it on a clone
    """
    _require_options_fit(batch_size, limits, plan_id, clone_url, rehearse=rehearse)
    rows = planning.rows_per_batch(batch_size)
    asked = read_limits(limits)
    asks = not yes and not rehearse
    with (
        open_service(interface="cli", with_vocabulary=True) as context,
        open_clone(context, clone_url) if clone_url is not None else nullcontext() as clone,
    ):
        require_ready(context, chosen.targets(context))
        selection = chosen.select(context)
        applying.require_not_left_out(selection.scope, applying.excluded_funds(context, asked))
        if not rehearse:
            _remind_of_backup(context, selection)
        if plan_id is not None:
            planning.require_plan_fits(context, plan_id=plan_id)
            say_sources(context)
        else:
            if asks or (clone is not None and not yes):
                require_terminal()
            new = _record(context, selection, rows, chosen.target_names(context))
            plan_id = new.plan_id
            if not new.plan.total_batches:
                planning.open_plan(context, plan_id=plan_id)
                say("Nothing to do: no row holds a known spelling that is not canonical.")
                return
            _propose(context, new, read_pace(pace, batch_size), asks=asks, rehearse=rehearse)
        if clone is not None:
            rehearse_on_clone_and_report(context, clone, plan_id, yes=yes)
            return
        if rehearse:
            rehearse_and_report(context, plan_id)
            return
        planning.open_plan(context, plan_id=plan_id)
        apply_and_report(context, selection, read_pace(pace, batch_size), asked, plan_id)


def _require_options_fit(
    batch_size: BatchSize, limits: LimitOptions, plan_id: int | None, clone_url: str | None, *, rehearse: bool
) -> None:
    """Raise ConfigurationError for options that exclude each other."""
    if plan_id is not None and isinstance(batch_size, int):
        raise ConfigurationError("--plan has its batches already.", remedy="Leave --batch-size out, or make it auto.")
    if rehearse and limits.are_given:
        raise ConfigurationError(
            "A rehearsal executes the whole plan.", remedy="Leave --canary, --max-rows, --until and --exclude-fund out."
        )
    if clone_url is not None and not rehearse:
        raise ConfigurationError("--on is for a rehearsal only.", remedy="Add --rehearse, or leave --on out.")


def _remind_of_backup(context: ServiceContext, selection: Selection) -> None:
    """Warn if no recent backup of the targets is recorded. The run continues."""
    if words := reminder(backing_up.read_ages(context, targets=selection.targets)):
        say(words, "WARN")


def _record(context: ServiceContext, selection: Selection, rows: int, names: str) -> NewPlan:
    if not has_live_display():
        say("Starting migration script...")
        say("Creating batch plans...")
    with showing_reading(f"Reading {names} and recording the plan"):
        new = planning.record_plan(context, selection=selection, batch_size=rows, as_draft=True)
    if not has_live_display():
        _say_recorded(new)
    return new


def _say_recorded(new: NewPlan) -> None:
    """Write the runbook's lines about a new plan."""
    plan = new.plan
    say(f"Created {plan.total_batches} batch plans")
    say("Recording batch plans in stage_migration_batches...", planId=new.plan_id)
    if unknown := unknown_stages(plan):
        say(unknown, "WARN")
    if logs_json():
        counts = plan.counts
        say("Plan recorded", planId=new.plan_id, rowsToUpdate=counts.rows_to_change, rowsUnknown=counts.rows_unknown)


def _propose(context: ServiceContext, new: NewPlan, pace: Pace, *, asks: bool, rehearse: bool) -> None:
    """Show the new plan, require the approval that it needs, and ask whether to apply it."""
    if asks or has_live_display():
        _show_plan(context, new.plan, pace)
    else:
        say_sources(context)
    if not rehearse:
        planning.require_approval(context, plan_id=new.plan_id)
    if asks:
        _ask_to_apply(new)


def _show_plan(context: ServiceContext, plan: Plan, pace: Pace) -> None:
    """Say where the plan applies, what it changes, how long it takes, and which open plans it supersedes."""
    show_sources(context)
    supersedes = planning.find_superseded(context, plan=plan)
    estimate = estimate_plan(context, plan=plan, pace=pace)
    show(plan_summary(plan, supersedes=supersedes, estimate=estimate, screen=screen()))


def _ask_to_apply(new: NewPlan) -> None:
    plan = new.plan
    if not click.confirm(f"Change {plan.counts.rows_to_change:,} rows in {plan.total_batches:,} batches?"):
        tell(f"Nothing was changed. To apply this plan later: stagenorm run --plan {new.plan_id}")
        sys.exit(0)
