"""`stagenorm dry-run`."""

from __future__ import annotations

import click

from stagenorm_pipeline.cli.global_options import is_quiet
from stagenorm_pipeline.cli.live_display import showing_reading
from stagenorm_pipeline.cli.options import (
    BatchSize,
    PlannedPaceOptions,
    ScopeOptions,
    batch_size_option,
    full_option,
    planned_pace_options,
    scope_options,
)
from stagenorm_pipeline.cli.preflight_output import show_missing_migration
from stagenorm_pipeline.cli.screen import page, screen, show
from stagenorm_pipeline.cli.sources import show_sources, sources_document
from stagenorm_pipeline.engine.monitor.estimate import DurationEstimate
from stagenorm_pipeline.report.inventory_and_plan_text import dry_run_summary, plan_summary, plan_text
from stagenorm_pipeline.report.json_document import decisions_document, document_json, estimate_document, plan_document
from stagenorm_pipeline.report.terminal_layout import Screen
from stagenorm_pipeline.service import planning
from stagenorm_pipeline.service.context import open_service
from stagenorm_pipeline.service.estimating import estimate_plan
from stagenorm_pipeline.service.planning import PlanPreview


@click.command("dry-run")
@scope_options
@batch_size_option
@planned_pace_options
@full_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for a script.")
def command(chosen: ScopeOptions, batch_size: BatchSize, pace: PlannedPaceOptions, full: bool, as_json: bool) -> None:
    """Show what a run would change, and what new decisions do. Reads in READ ONLY transactions; records nothing.

    \b
    Examples:
      stagenorm dry-run --batch-size 1000
      stagenorm dry-run --fund-id 123
      stagenorm dry-run --parallel 2 --sleep-ms 0     how long that would take
      stagenorm dry-run --table portfoliocompanies --full
    """
    rows = planning.rows_per_batch(batch_size)
    with open_service(interface="cli", with_vocabulary=True) as context:
        selection = chosen.select(context)
        show_missing_migration(context)
        with showing_reading(f"Reading {chosen.target_names(context)}"):
            preview = planning.preview_plan(context, selection=selection, batch_size=rows)
        estimate = estimate_plan(context, plan=preview.plan, pace=pace.pace(batch_size))
    if as_json:
        click.echo(document_json({**_document(preview, estimate), **sources_document(context)}), nl=False)
        return
    size = [f"--batch-size {batch_size}"] if batch_size else []
    arguments = [*chosen.arguments(), *size, *pace.arguments()]
    next_command = " ".join(["stagenorm run", *arguments]) if preview.plan.total_batches and arguments else None
    if is_quiet():
        show(plan_summary(preview.plan, supersedes=preview.supersedes, estimate=estimate, screen=screen()))
    else:
        place = show_sources(context)
        (page if full else show)(_text(preview, estimate, next_command, place, full=full))


def _document(preview: PlanPreview, estimate: DurationEstimate) -> dict[str, object]:
    supersedes = [{"plan_id": plan_id, "batches": batches} for plan_id, batches in preview.supersedes.items()]
    return {
        **plan_document(preview.plan),
        **decisions_document(preview.decisions),
        **estimate_document(estimate),
        "supersedes": supersedes,
    }


def _text(
    preview: PlanPreview, estimate: DurationEstimate, next_command: str | None, place: Screen, *, full: bool
) -> str:
    return (plan_text if full else dry_run_summary)(
        preview.plan,
        decisions=preview.decisions,
        supersedes=preview.supersedes,
        estimate=estimate,
        next_command=next_command,
        screen=place,
    )
