"""`stagenorm cancel`: cancel a plan, or list the plans that can be cancelled."""

from __future__ import annotations

import click

from stagenorm_pipeline.cli.screen import screen, show, tell
from stagenorm_pipeline.counts import counted
from stagenorm_pipeline.report.status_text import plan_lines
from stagenorm_pipeline.service import monitoring, planning
from stagenorm_pipeline.service.context import ServiceContext, open_service


@click.command("cancel")
@click.option("--plan", "plan_id", type=int, help="The plan to cancel. Without it, list those that can be cancelled.")
def command(plan_id: int | None) -> None:
    """Cancel the remaining batches of a plan. Applied batches stay applied; `stagenorm rollback` undoes them.

    A batch that a runner is working on finishes first. Its runner then takes no other batch of the plan.

    \b
    Examples:
      stagenorm cancel               list the drafts and open plans
      stagenorm cancel --plan 7      cancel one
    """
    with open_service(interface="cli") as context:
        if plan_id is None:
            show(_plans_to_cancel(context))
            return
        cancelled = planning.cancel_plan(context, plan_id=plan_id)
    tell(f"Cancelled {counted(cancelled, 'batch')} of plan {plan_id}. Applied batches stay applied.")
    tell(f"To see what undoing them restores: stagenorm rollback --plan {plan_id}")


def _plans_to_cancel(context: ServiceContext) -> str:
    plans = [plan for plan in monitoring.read_status(context).plans if plan["status"] in ("open", "draft")]
    lines = [
        line
        for plan in plans
        for line in (*plan_lines(plan, screen()), f"  to cancel it: stagenorm cancel --plan {plan['plan_id']}")
    ]
    return "\n".join(lines) or "There is no draft and no open plan, so there is nothing to cancel."
