"""`stagenorm approve`."""

import click

from stagenorm_pipeline.cli.screen import tell
from stagenorm_pipeline.counts import counted
from stagenorm_pipeline.report.escape import sentence_for_terminal
from stagenorm_pipeline.report.rehearsed import rehearsed_words
from stagenorm_pipeline.service import approving, planning
from stagenorm_pipeline.service.context import open_service


@click.command("approve")
@click.argument("plan_id", type=click.IntRange(1, 2**63 - 1), metavar="PLAN")
@click.option("--ticket", help="Recorded with the approval, and named in the report.")
def command(plan_id: int, ticket: str | None) -> None:
    """Approve a plan as the database role of DATABASE_URL. The role that recorded the plan cannot approve it.

    Look at the plan first. The approval covers exactly its rows and their new stages.

    \b
    Examples:
      stagenorm approval                     which plans wait?
      stagenorm plans 7                      what would plan 7 change?
      stagenorm approve 7 --ticket OPS-12
    """
    with open_service(interface="cli") as context:
        plan = planning.read_plan(context, plan_id=plan_id)
        given = approving.approve_plan(context, plan_id=plan_id, ticket=ticket)
    rows, batches = counted(plan.counts.rows_to_change, "row"), counted(plan.total_batches, "batch")
    tell(sentence_for_terminal(f"Plan {plan_id} is approved by {given.approved_by}: {rows} in {batches}."))
    tell(f"It was {rehearsed_words(given.rehearsal)}.")
    tell(f"SHA-256 of what it changes: {given.content_sha256}")
    tell(f"Next: stagenorm run --plan {plan_id}")
