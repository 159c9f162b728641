"""The job `cancel_plan_job`: cancels the remaining batches of an open plan or a draft."""

import dagster as dg
from pydantic import Field

from stagenorm_pipeline.counts import counted
from stagenorm_pipeline.defs.failures import errors_as_failures
from stagenorm_pipeline.defs.jobs.plan_id import NO_PLAN, require_plan_id
from stagenorm_pipeline.defs.reconcile.reconcile import reconcile
from stagenorm_pipeline.defs.resources import StagenormService
from stagenorm_pipeline.service.planning import cancel_plan


class CancelConfig(dg.Config):
    """Launchpad settings of `cancel_plan_job`."""

    plan_id: int = Field(
        default=NO_PLAN, description="The number of the plan to cancel. The page of `batch_plan` shows it."
    )


@dg.op(out=dg.Out(dg.Nothing))
def cancel(context: dg.OpExecutionContext, config: CancelConfig, service: StagenormService) -> None:
    """Cancel the batches that are not applied yet. A running batch finishes. Applied batches stay applied."""
    with errors_as_failures():
        require_plan_id(config.plan_id)
        opened = service.open()
        cancelled = cancel_plan(opened, plan_id=config.plan_id)
        reconcile(context.instance, opened)
    context.log.info(f"Cancelled {counted(cancelled, 'batch')} of plan {config.plan_id}")


@dg.job(
    description="Cancel the remaining batches of a plan, or a whole draft. Applied batches stay applied. To undo them, "
    "run `rollback_job`."
)
def cancel_plan_job() -> None:
    cancel()
