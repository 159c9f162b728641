"""`stagenorm dry-run`."""

import click

from stagenorm_pipeline.cli.live_display import showing_reading
from stagenorm_pipeline.cli.options import BatchSize, ScopeOptions, batch_size_option, scope_options
from stagenorm_pipeline.cli.plan_output import show_plan
from stagenorm_pipeline.cli.preflight_output import show_missing_migration
from stagenorm_pipeline.service import planning
from stagenorm_pipeline.service.context import open_service


@click.command("dry-run")
@scope_options
@batch_size_option
@click.option("--json", "as_json", is_flag=True, help="For a script.")
def command(chosen: ScopeOptions, batch_size: BatchSize, as_json: bool) -> None:
    """Show what a run would change, and what new decisions do. Reads in READ ONLY transactions; records nothing.

    \b
    Examples:
      stagenorm dry-run --batch-size 1000
      stagenorm dry-run --fund-id 123
      stagenorm dry-run --table portfoliocompanies
    """
    rows = planning.rows_per_batch(batch_size)
    with open_service(interface="cli", with_vocabulary=True) as context:
        selection = chosen.select(context)
        show_missing_migration(context)
        with showing_reading(f"Reading {chosen.target_names(context)}"):
            preview = planning.preview_plan(context, selection=selection, batch_size=rows)
    arguments = [*chosen.arguments(), *([f"--batch-size {batch_size}"] if batch_size else [])]
    next_command = " ".join(["stagenorm run", *arguments]) if preview.plan.total_batches and arguments else None
    show_plan(preview.plan, preview.decisions, as_json=as_json, next_command=next_command)
