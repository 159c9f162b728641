"""The job `cancel_plan_job`: withdraws a plan, a draft or an open one, by its number."""

import dagster as dg
from pydantic import Field

from stagenorm_pipeline.defs.checks.plan_checks import report_work_state
from stagenorm_pipeline.defs.failures import errors_as_failures
from stagenorm_pipeline.defs.resources import ApplicationDatabase
from stagenorm_pipeline.engine.plan.plan import cancel_plan


class CancelConfig(dg.Config):
    """Settings of a cancellation."""

    plan_id: int = Field(description="The plan to withdraw, by its number: the page of `batch_plan` shows it.")


@dg.op(out=dg.Out(dg.Nothing))
def cancel(context: dg.OpExecutionContext, config: CancelConfig, database: ApplicationDatabase) -> None:
    """Cancel the batches that nobody has done yet. A batch at work is left to end, and what is done stays done."""
    with errors_as_failures():
        cancelled = cancel_plan(database.open(), config.plan_id)
        report_work_state(context.instance, database.open())
    context.log.info(f"Cancelled {cancelled:,} batches of plan {config.plan_id}")


@dg.job(
    description="Withdraw a plan: cancels what it still has to do, of a draft all of it. What it did stays done; "
    "`rollback_job` undoes that."
)
def cancel_plan_job() -> None:
    cancel()
