"""The jobs `pause_job` and `unpause_job`: set the switch that all runners read before each batch."""

import dagster as dg
from pydantic import Field

from stagenorm_pipeline.defs.failures import errors_as_failures
from stagenorm_pipeline.defs.reconcile.reconcile import reconcile
from stagenorm_pipeline.defs.resources import StagenormService
from stagenorm_pipeline.report.escape import sentence_for_terminal
from stagenorm_pipeline.service import monitoring


class PauseConfig(dg.Config):
    """Launchpad settings of `pause_job`."""

    reason: str = Field(
        default="no reason given", description="Why you pause. Every runner that waits shows this reason."
    )


@dg.op(out=dg.Out(dg.Nothing))
def pause(context: dg.OpExecutionContext, config: PauseConfig, service: StagenormService) -> None:
    """Stop all runners before their next batch: in Dagster, in schedules and on the command line."""
    with errors_as_failures():
        opened = service.open()
        monitoring.pause(opened, reason=config.reason)
        reconcile(context.instance, opened)
    context.log.info(sentence_for_terminal(f"Paused: {config.reason}. Every runner waits before its next batch."))


@dg.op(out=dg.Out(dg.Nothing))
def unpause(context: dg.OpExecutionContext, service: StagenormService) -> None:
    """Let the waiting runners continue."""
    with errors_as_failures():
        opened = service.open()
        monitoring.unpause(opened)
        reconcile(context.instance, opened)
    context.log.info("No longer paused. Waiting runners continue.")


@dg.job(
    description="Pause all runners, in Dagster and on the command line. Each finishes its current batch and waits. "
    "Runs do not end. `unpause_job` lets them continue. The check not_paused of batch_plan shows the state."
)
def pause_job() -> None:
    pause()


@dg.job(description="End the pause. Waiting runners continue within a second.")
def unpause_job() -> None:
    unpause()
