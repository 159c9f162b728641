"""`stagenorm rollback`."""

from __future__ import annotations

from dataclasses import replace

import click

from stagenorm_pipeline.cli.apply_output import read_pace, restore_and_report
from stagenorm_pipeline.cli.live_display import showing_reading
from stagenorm_pipeline.cli.options import (
    BatchSize,
    PaceOptions,
    ScopeOptions,
    batch_size_option,
    full_option,
    pace_options,
    scope_options,
)
from stagenorm_pipeline.cli.screen import page, screen, show, tell
from stagenorm_pipeline.engine.rollback.scope import RollbackRequest, parse_since
from stagenorm_pipeline.errors import ConfigurationError
from stagenorm_pipeline.report.rollback_text import rollback_json, rollback_row_json, rollback_summary, rollback_text
from stagenorm_pipeline.service import planning, rolling_back
from stagenorm_pipeline.service.applying import Pace
from stagenorm_pipeline.service.context import ServiceContext, open_service
from stagenorm_pipeline.service.rolling_back import RollbackConditions


@click.command("rollback")
@scope_options
@click.option("--plan", "plan_id", type=int, help="Undo what this plan changed.")
@click.option("--batch", "batch_id", type=int, help="Undo what this batch changed.")
@click.option("--since", help="Undo what was changed at this time or later, for example '2025-10-30 00:00:00+00'.")
@click.option("--spelling", help="Undo what was changed from exactly this spelling.")
@click.option("--stage", help="With --spelling: only what was changed to this stage.")
@click.option("--row", metavar="TABLE:ID", help="Undo what was changed in this row.")
@batch_size_option
@pace_options
@click.option("--only-untouched", is_flag=True, help="Leave rows that another session updated or inserted again since.")
@click.option(
    "--left", is_flag=True, help="List every row that would be left or only partly restored, one JSON object per line."
)
@full_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for a script.")
@click.option("--yes", is_flag=True, help="Do it. Without this, show what would be restored.")
def command(
    chosen: ScopeOptions,
    plan_id: int | None,
    batch_id: int | None,
    since: str | None,
    spelling: str | None,
    stage: str | None,
    row: str | None,
    batch_size: BatchSize,
    pace: PaceOptions,
    only_untouched: bool,
    left: bool,
    full: bool,
    as_json: bool,
    yes: bool,
) -> None:
    """Restore rows that still hold what stagenorm wrote. Rows that another session changed since are listed and left.

    Name what to undo by plan, batch, fund, table, spelling, row or time; together, all must match. A row that was
    changed several times goes back to what it held before the first of these changes, but never past a write of another
    session: then it gets back what that session wrote.

    \b
    Examples:
      stagenorm rollback --plan 7                       show it; change nothing
      stagenorm rollback --plan 7 --yes                 do it
      stagenorm rollback --plan 7 --fund-id 123         one fund of a plan
      stagenorm rollback --spelling "Angel"             one spelling, all plans
      stagenorm rollback --spelling "Angel" --stage seed
      stagenorm rollback --row portfoliocompanies:123   one row
      stagenorm rollback --since "2025-10-30 00:00:00+00"
      stagenorm rollback --plan 7 --left > left.jsonl   rows that would be left
      stagenorm rollback --plan 7 --only-untouched --yes
    """
    if yes and (left or as_json):
        raise ConfigurationError("--left and --json only show.", remedy="Leave --yes out, or leave them out.")
    named = None if row is None else rolling_back.read_row(row, table=chosen.table)
    if named is not None:
        chosen = replace(chosen, table=named.table)
    conditions = RollbackConditions(
        plan_id=plan_id,
        batch_id=batch_id,
        since=None if since is None else parse_since(since),
        spelling=spelling,
        stage=stage,
        row_id=None if named is None else named.row_id,
        only_untouched=only_untouched,
    )
    rows = planning.rows_per_batch(batch_size)
    with open_service(interface="cli") as context:
        selection = chosen.select(context)
        request = rolling_back.rollback_request(selection=selection, conditions=conditions, batch_size=rows)
        if yes:
            context.require_writable()
        if left:
            for found in rolling_back.list_rows_left(context, request=request):
                click.echo(rollback_row_json(found))
            return
        if _show_preview(context, request, as_json=as_json, full=full, will_restore=yes):
            _restore(context, request, read_pace(pace, batch_size))


def _show_preview(
    context: ServiceContext, request: RollbackRequest, *, as_json: bool, full: bool, will_restore: bool
) -> bool:
    """Show what a rollback would restore and would leave. Returns whether to restore it now."""
    with showing_reading("Reading the audit log"):
        preview = rolling_back.preview_rollback(context, request=request)
    if as_json:
        click.echo(rollback_json(preview))
    elif full:
        page(rollback_text(preview, screen()))
    else:
        # Two lines less: the last ones follow, or a summary of the rollback.
        show(rollback_summary(preview, replace(screen(), height=screen().height - 2)))
    if preview.restorable and not will_restore and not as_json:
        tell("Nothing was changed. Add --yes to restore them.")
    return will_restore and bool(preview.restorable)


def _restore(context: ServiceContext, request: RollbackRequest, pace: Pace) -> None:
    """Record the rollback, restore its rows, and say what follows from it."""
    with showing_reading("Recording the rollback"):
        recorded = rolling_back.record_rollback(context, request=request)
    restore_and_report(context, recorded, pace)
    if request.plan_id is not None:
        _show_plan_status(context, request.plan_id)
    elif request.spelling is not None:
        tell("A new plan gives these rows the stage of today's decisions: stagenorm dry-run")


def _show_plan_status(context: ServiceContext, plan_id: int) -> None:
    status = planning.read_plan(context, plan_id=plan_id).status
    if status == "rolled_back":
        tell(f"Plan {plan_id} is rolled_back. To make a new plan: stagenorm run")
    else:
        tell(f"Plan {plan_id} stays {status}: some of its changes were not rolled back.")
