"""`stagenorm dry-run`."""

import shlex
from dataclasses import replace

import click

from stagenorm_pipeline.cli.database import open_database
from stagenorm_pipeline.cli.plan_output import BatchSize, batch_size_option, plan_request, show_plan
from stagenorm_pipeline.cli.preflight_output import say_what_is_missing
from stagenorm_pipeline.cli.scope_options import read_work, scope_options


@click.command("dry-run")
@scope_options
@batch_size_option
@click.option("--json", "as_json", is_flag=True, help="For a script.")
def command(fund_id: str | None, no_fund: bool, table: str | None, batch_size: BatchSize, as_json: bool) -> None:
    """Show what a run would change, and what new decisions do. Reads in READ ONLY transactions; records nothing.

    \b
    Examples:
      stagenorm dry-run --batch-size 1000
      stagenorm dry-run --fund-id 123
      stagenorm dry-run --table portfoliocompanies
    """
    from stagenorm_pipeline.cli.live_display import showing_reading
    from stagenorm_pipeline.engine.plan.plan import preview_plan
    from stagenorm_pipeline.engine.plan.vocabulary_check import read_decision_changes

    work = read_work(fund_id, no_fund, table)
    request = plan_request(work, batch_size)
    with open_database() as database:
        work = work.with_known_fund(database)
        request = replace(request, scope=work.scope)
        with database.snapshot() as connection:
            say_what_is_missing(connection)
        with showing_reading(f"Reading {work.names}"):
            plan = preview_plan(database, request)
        with database.snapshot() as connection:
            decisions = read_decision_changes(connection, request.vocabulary, plan.inventories)
    arguments = [f"--fund-id {shlex.quote(fund_id)}"] if fund_id is not None else []
    arguments += ["--no-fund"] if no_fund else []
    arguments += [f"--table {shlex.quote(table)}"] if table else []
    arguments += [f"--batch-size {batch_size}"] if batch_size else []
    next_command = " ".join(["stagenorm run", *arguments]) if plan.total_batches and arguments else None
    show_plan(plan, decisions, as_json=as_json, next_command=next_command)
