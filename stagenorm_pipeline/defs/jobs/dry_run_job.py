"""The job `dry_run_job`: shows what a plan would change. The required first step of the runbook."""

import dagster as dg

from stagenorm_pipeline.counts import counted
from stagenorm_pipeline.defs.assets.asset_names import BATCH_PLAN
from stagenorm_pipeline.defs.failures import errors_as_failures
from stagenorm_pipeline.defs.metadata.plan_page import planned_metadata
from stagenorm_pipeline.defs.metadata.what_next import WhatNext
from stagenorm_pipeline.defs.resources import StagenormService
from stagenorm_pipeline.defs.run_config import DryRunConfig
from stagenorm_pipeline.engine.plan.plan import Plan
from stagenorm_pipeline.service.estimating import estimate_plan
from stagenorm_pipeline.service.planning import preview_plan
from stagenorm_pipeline.service.selecting import select


@dg.op(out=dg.Out(dg.Nothing))
def dry_run(context: dg.OpExecutionContext, config: DryRunConfig, service: StagenormService) -> None:
    """Work out a plan in a READ ONLY transaction, and show it on the page of `batch_plan`. Records nothing."""
    with errors_as_failures():
        opened = service.open()
        selection = select(opened, table=config.table or None, fund=config.fund or None)
        plan = preview_plan(opened, selection=selection, batch_size=config.rows_per_batch).plan
        estimate = estimate_plan(opened, plan=plan, pace=config.pace)
    rows = counted(plan.counts.rows_to_change, "row")
    context.log.info(
        f"Dry run: {rows} would be updated in {counted(plan.total_batches, 'batch')}. "
        f"{counted(plan.counts.rows_unknown, 'row')} with an unknown spelling would stay as they are."
    )
    what_next = WhatNext(_what_next(plan), BATCH_PLAN)
    # An observation: a materialization would show a plan that does not exist.
    context.log_event(
        dg.AssetObservation(BATCH_PLAN, metadata={**what_next.metadata(), **planned_metadata(plan, estimate)})
    )
    what_next.log(context.log)


def _what_next(plan: Plan) -> str:
    if not plan.counts.rows_to_change:
        return "This was a dry run. Nothing to change: every known spelling is canonical."
    return "This was a dry run: nothing was recorded. Review the plan, then materialize batch_plan."


@dg.job(
    description="Before step 2: show what a plan would change, by fund and by spelling. "
    "Records nothing and changes nothing. The result is on the run's page and in the events of batch_plan."
)
def dry_run_job() -> None:
    dry_run()
