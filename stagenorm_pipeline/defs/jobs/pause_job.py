"""The jobs that turn the pause switch: `pause_job` and `unpause_job`. That runners honour it is the engine's matter."""

import dagster as dg
from pydantic import Field

from stagenorm_pipeline.defs.checks.plan_checks import report_work_state
from stagenorm_pipeline.defs.failures import errors_as_failures
from stagenorm_pipeline.defs.resources import ApplicationDatabase
from stagenorm_pipeline.engine.apply.pause import set_paused
from stagenorm_pipeline.engine.postgres.identity import user_name
from stagenorm_pipeline.report.escape import sentence_for_terminal


class PauseConfig(dg.Config):
    """Settings of a pause."""

    reason: str = Field(
        default="no reason given", description="Why, for the others: it is shown wherever somebody waits."
    )


@dg.op(out=dg.Out(dg.Nothing))
def pause(context: dg.OpExecutionContext, config: PauseConfig, database: ApplicationDatabase) -> None:
    """Let no runner start another batch: not here, not in a schedule, not on the command line."""
    _turn(context, database, paused=True, reason=config.reason)
    context.log.info(sentence_for_terminal(f"Paused: {config.reason}. Every runner stops before its next batch."))


@dg.op(out=dg.Out(dg.Nothing))
def unpause(context: dg.OpExecutionContext, database: ApplicationDatabase) -> None:
    """Let the runners go on."""
    _turn(context, database, paused=False, reason=None)
    context.log.info("Not paused any more: the runners that waited go on by themselves.")


def _turn(context: dg.OpExecutionContext, database: ApplicationDatabase, *, paused: bool, reason: str | None) -> None:
    with errors_as_failures():
        set_paused(database.open(), paused=paused, reason=reason, changed_by=user_name())
        report_work_state(context.instance, database.open())


@dg.job(
    description="Pause all: every runner, whoever started it, finishes the batch at work and waits. Nothing is lost, "
    "no run ends by it, and `unpause_job` lets them go on. The check not_paused of batch_plan shows the state."
)
def pause_job() -> None:
    pause()


@dg.job(description="End the pause: the runs that wait go on by themselves within a second.")
def unpause_job() -> None:
    unpause()
