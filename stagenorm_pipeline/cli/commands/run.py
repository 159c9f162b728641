"""`stagenorm run`: plan, show, ask, apply; or rehearse."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from stagenorm_pipeline.cli.apply_output import Pace, apply_and_report, pace_options
from stagenorm_pipeline.cli.commands.backup import remind_of_backup
from stagenorm_pipeline.cli.database import open_database
from stagenorm_pipeline.cli.plan_output import BatchSize, batch_size_option, plan_request, show_plan
from stagenorm_pipeline.cli.preflight_output import require_ready
from stagenorm_pipeline.cli.rehearsal_output import rehearse_and_report
from stagenorm_pipeline.cli.scope_options import read_work, scope_options
from stagenorm_pipeline.errors import ConfigurationError, StagenormError

if TYPE_CHECKING:
    from stagenorm_pipeline.cli.scope_options import Work
    from stagenorm_pipeline.engine.plan.plan import Plan
    from stagenorm_pipeline.engine.plan.request import PlanRequest
    from stagenorm_pipeline.engine.postgres.connection import Database


@click.command("run")
@scope_options
@batch_size_option
@pace_options
@click.option("--plan", "plan_id", type=int, help="Apply this recorded plan instead of making one.")
@click.option("--rehearse", is_flag=True, help="Execute every batch and roll it back; then stop.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def command(
    fund_id: str | None,
    no_fund: bool,
    table: str | None,
    batch_size: BatchSize,
    pace: Pace,
    plan_id: int | None,
    rehearse: bool,
    yes: bool,
) -> None:
    """Record a plan, show it, ask, and apply it batch by batch.

    \b
    Examples:
      stagenorm run --batch-size 1000 --sleep-ms 500    gentle: for production with replicas
      stagenorm run                                     balanced: 5000 rows, 100 ms
      stagenorm run --batch-size auto                   as many rows as half a second takes
      stagenorm run --batch-size 10000 --sleep-ms 0     fast: in a maintenance window
    """
    from stagenorm_pipeline.cli.log_lines import say
    from stagenorm_pipeline.engine.plan.life_cycle import open_plan
    from stagenorm_pipeline.engine.plan.vocabulary_check import require_same_vocabulary

    work = read_work(fund_id, no_fund, table)
    if plan_id is not None and isinstance(batch_size, int):
        raise ConfigurationError("--plan has its batches already.", remedy="Leave --batch-size out, or make it auto.")
    request = plan_request(work, batch_size)
    asks = not yes and not rehearse
    with open_database() as database:
        require_ready(database, work)
        work = work.with_known_fund(database)
        request = replace(request, scope=work.scope)
        if not rehearse:
            remind_of_backup(database, work)
        if plan_id is not None:
            with database.snapshot() as connection:
                require_same_vocabulary(connection, plan_id, request.vocabulary)
        else:
            if asks:
                _require_somebody_to_ask()
            plan = _record(database, work, request)
            plan_id = _number_of(plan)
            if not plan.total_batches:
                open_plan(database, plan_id)
                say("Nothing to do: no row holds a known spelling that is not canonical.")
                return
            if asks:
                _ask_to_apply(plan)
        if rehearse:
            rehearse_and_report(database, plan_id)
            return
        open_plan(database, plan_id, request.vocabulary)
        apply_and_report(database, work, plan_id, pace, request.vocabulary, batch_size=batch_size)


def _record(database: Database, work: Work, request: PlanRequest) -> Plan:
    from stagenorm_pipeline.cli.live_display import showing_reading
    from stagenorm_pipeline.cli.log_lines import logs_json, say
    from stagenorm_pipeline.engine.plan.plan import record_plan
    from stagenorm_pipeline.engine.plan.vocabulary_check import read_decision_changes
    from stagenorm_pipeline.engine.postgres.identity import user_name

    say("Starting migration script...")
    say("Creating batch plans...")
    with showing_reading(f"Reading {work.names} and recording the plan"):
        plan = record_plan(database, request, created_by=user_name(), as_draft=True)
    say(f"Created {plan.total_batches} batch plans")
    say("Recording batch plans in stage_migration_batches...", planId=plan.plan_id)
    if logs_json():
        counts = plan.counts
        say("Plan recorded", planId=plan.plan_id, rowsToUpdate=counts.rows_to_change, rowsUnknown=counts.rows_unknown)
    else:
        with database.snapshot() as connection:
            decisions = read_decision_changes(connection, request.vocabulary, plan.inventories)
        show_plan(plan, decisions, as_json=False, next_command="")
    return plan


def _number_of(plan: Plan) -> int:
    if plan.plan_id is None:
        raise StagenormError("This plan was not recorded.")
    return plan.plan_id


def _require_somebody_to_ask() -> None:
    if not sys.stdin.isatty():
        raise ConfigurationError(
            "There is nobody to ask: standard input is not a terminal.",
            remedy="Look at `stagenorm dry-run`, then add --yes. Nothing was recorded.",
        )


def _ask_to_apply(plan: Plan) -> None:
    if not click.confirm(f"Change {plan.counts.rows_to_change:,} rows in {plan.total_batches:,} batches?"):
        click.echo(f"Nothing was changed. Plan {plan.plan_id} waits: `stagenorm run --plan {plan.plan_id}` applies it.")
        sys.exit(0)
