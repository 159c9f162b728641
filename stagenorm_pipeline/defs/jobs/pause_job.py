"""The jobs `pause_job` and `unpause_job`: set the switch that all runners read before each batch."""

import dagster as dg
from pydantic import Field

from stagenorm_pipeline.defs.checks.plan_checks import report_plan_checks
from stagenorm_pipeline.defs.failures import errors_as_failures
from stagenorm_pipeline.defs.resources import ApplicationDatabase
from stagenorm_pipeline.engine.apply.pause import set_paused
from stagenorm_pipeline.engine.postgres.identity import user_name
from stagenorm_pipeline.report.escape import sentence_for_terminal


class PauseConfig(dg.Config):
    """Launchpad settings of `pause_job`."""

    reason: str = Field(
        default="no reason given", description="Why you pause. Every runner that waits shows this reason."
    )


@dg.op(out=dg.Out(dg.Nothing))
def pause(context: dg.OpExecutionContext, config: PauseConfig, database: ApplicationDatabase) -> None:
    """Stop all runners before their next batch: in Dagster, in schedules and on the command line."""
    _set_switch(context, database, paused=True, reason=config.reason)
    context.log.info(sentence_for_terminal(f"Paused: {config.reason}. Every runner waits before its next batch."))


@dg.op(out=dg.Out(dg.Nothing))
def unpause(context: dg.OpExecutionContext, database: ApplicationDatabase) -> None:
    """Let the waiting runners continue."""
    _set_switch(context, database, paused=False, reason=None)
    context.log.info("No longer paused. Waiting runners continue.")


def _set_switch(
    context: dg.OpExecutionContext, database: ApplicationDatabase, *, paused: bool, reason: str | None
) -> None:
    with errors_as_failures():
        set_paused(database.open(), paused=paused, reason=reason, changed_by=user_name())
        report_plan_checks(context.instance, database.open())


@dg.job(
    description="Pause all runners, in Dagster and on the command line. Each finishes its current batch and waits. "
    "Runs do not end. `unpause_job` lets them continue. The check not_paused of batch_plan shows the state."
)
def pause_job() -> None:
    pause()


@dg.job(description="End the pause. Waiting runners continue within a second.")
def unpause_job() -> None:
    unpause()
