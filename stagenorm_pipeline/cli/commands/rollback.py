"""`stagenorm rollback`."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import click

from stagenorm_pipeline.cli.apply_output import Pace, apply_and_report, pace_options
from stagenorm_pipeline.cli.database import open_database
from stagenorm_pipeline.cli.plan_output import BatchSize, batch_size_option, rows_in_a_batch
from stagenorm_pipeline.cli.scope_options import read_work, scope_options
from stagenorm_pipeline.errors import ConfigurationError

if TYPE_CHECKING:
    from stagenorm_pipeline.engine.postgres.connection import Database
    from stagenorm_pipeline.engine.rollback.rollback import RollbackRequest


@click.command("rollback")
@scope_options
@click.option("--plan", "plan_id", type=int, help="Undo what this plan changed.")
@click.option("--batch", "batch_id", type=int, help="Undo what this batch changed.")
@click.option("--since", help="Undo what was changed at this time or later, for example '2025-10-30 00:00:00+00'.")
@batch_size_option
@pace_options
@click.option("--only-untouched", is_flag=True, help="Leave rows that another session updated or inserted again since.")
@click.option(
    "--left", is_flag=True, help="List every row that would be left or only partly restored, one JSON object a line."
)
@click.option("--json", "as_json", is_flag=True, help="For a script.")
@click.option("--yes", is_flag=True, help="Do it; without this only what would be restored is shown.")
def command(
    fund_id: str | None,
    no_fund: bool,
    table: str | None,
    plan_id: int | None,
    batch_id: int | None,
    since: str | None,
    batch_size: BatchSize,
    pace: Pace,
    only_untouched: bool,
    left: bool,
    as_json: bool,
    yes: bool,
) -> None:
    """Restore rows that still hold what stagenorm wrote. Rows that another session changed since are listed and left.

    Name what to undo by plan, batch, fund, table or time. Given together, all of them must be met. A row that was
    changed several times goes back to what it held before the first of these changes, but never past a write of
    another session: then it gets back what that session wrote.

    \b
    Examples:
      stagenorm rollback --plan 7                        show what it would restore; changes nothing
      stagenorm rollback --plan 7 --yes                  do it
      stagenorm rollback --plan 7 --fund-id 123          one fund of a plan
      stagenorm rollback --since "2025-10-30 00:00:00+00" --table portfoliocompanies
      stagenorm rollback --plan 7 --left > left.jsonl    every row that would be left, and what it holds
      stagenorm rollback --plan 7 --only-untouched --yes
    """
    from stagenorm_pipeline.cli.live_display import showing_reading
    from stagenorm_pipeline.engine.postgres.identity import user_name
    from stagenorm_pipeline.engine.rollback.rollback import RollbackRequest, preview_rollback, record_rollback
    from stagenorm_pipeline.engine.rollback.scope import parse_since
    from stagenorm_pipeline.report.rollback_text import rollback_json, rollback_text

    if yes and (left or as_json):
        raise ConfigurationError("--left and --json only show.", remedy="Leave --yes out, or leave them out.")
    work = read_work(fund_id, no_fund, table)
    request = RollbackRequest(
        plan_id=plan_id,
        batch_id=batch_id,
        since=None if since is None else parse_since(since),
        targets=work.targets,
        scope=work.scope,
        batch_size=rows_in_a_batch(batch_size),
        by_table=table is not None,
        only_untouched=only_untouched,
    )
    with open_database(to_record=yes) as database:
        work = work.with_known_fund(database)
        request = replace(request, scope=work.scope)
        if left:
            _list_rows_left(database, request)
            return
        with showing_reading("Reading the audit log"):
            preview = preview_rollback(database, request)
        click.echo(rollback_json(preview) if as_json else rollback_text(preview))
        if not yes or not preview.restorable:
            if preview.restorable and not as_json:
                click.echo("Nothing was changed. Add --yes to restore them.")
            return
        with showing_reading("Recording the rollback"):
            recorded = record_rollback(database, request, created_by=user_name())
        apply_and_report(database, work, recorded, pace, batch_size=batch_size, name="Rollback")
        if plan_id is not None:
            _say_what_it_is_now(database, plan_id)


def _say_what_it_is_now(database: Database, plan_id: int) -> None:
    from stagenorm_pipeline.engine.plan.life_cycle import find_plan

    with database.snapshot() as connection:
        status = find_plan(connection, plan_id).status
    if status == "rolled_back":
        click.echo(f"Plan {plan_id} is rolled_back. `stagenorm run` makes a new plan.")
    else:
        click.echo(f"Plan {plan_id} stays {status}: a part of it still stands.")


def _list_rows_left(database: Database, request: RollbackRequest) -> None:
    from stagenorm_pipeline.engine.rollback.rollback import rows_left
    from stagenorm_pipeline.report.rollback_text import rollback_row_json

    for row in rows_left(database, request):
        click.echo(rollback_row_json(row))
