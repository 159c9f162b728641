"""`stagenorm cancel`: drop what a plan still has to do, or say which plans there are to drop."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from stagenorm_pipeline.cli.database import open_database

if TYPE_CHECKING:
    from stagenorm_pipeline.engine.postgres.connection import Database


@click.command("cancel")
@click.option("--plan", "plan_id", type=int, help="The plan to cancel; without it those that can be are listed.")
def command(plan_id: int | None) -> None:
    """Cancel what a plan still has to do. What it did stays done; `stagenorm rollback` undoes that.

    A batch that somebody works on right now ends first; its runner takes no other one of the plan.

    \b
    Examples:
      stagenorm cancel               list the plans that wait or are at work
      stagenorm cancel --plan 7      cancel one
    """
    from stagenorm_pipeline.engine.plan.life_cycle import cancel_plan

    with open_database() as database:
        if plan_id is None:
            click.echo(_plans_to_cancel(database))
            return
        cancelled = cancel_plan(database, plan_id)
    click.echo(f"Cancelled {cancelled:,} batches of plan {plan_id}.")
    click.echo(f"What it did stays done; `stagenorm rollback --plan {plan_id}` shows what undoing that would restore.")


def _plans_to_cancel(database: Database) -> str:
    from stagenorm_pipeline.engine.monitor.status import read_status
    from stagenorm_pipeline.report.status_text import plan_line

    plans = [plan for plan in read_status(database).plans if plan["status"] in ("open", "draft")]
    lines = [f"{plan_line(plan)}\n  to cancel it: stagenorm cancel --plan {plan['plan_id']}" for plan in plans]
    return "\n".join(lines) or "No plan waits or is at work: there is nothing to cancel."
