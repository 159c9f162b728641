"""The job `tune_job`: changes the pace of all runners while they work."""

import dagster as dg
from pydantic import Field

from stagenorm_pipeline.config.parallel import MOST_SESSIONS
from stagenorm_pipeline.defs.failures import errors_as_failures
from stagenorm_pipeline.defs.resources import StagenormService
from stagenorm_pipeline.engine.apply.tuning import Tuning
from stagenorm_pipeline.service import monitoring


class TuneConfig(dg.Config):
    """Launchpad settings of `tune_job`. With none, every runner goes back to the pace it was started with."""

    sleep_ms: int | None = Field(
        default=None, ge=0, le=3_600_000, description="Sleep between two batches, in milliseconds. Empty: reset."
    )
    target_ms: int | None = Field(
        default=None, ge=10, le=60_000, description="How long a transaction of automatic batches should take."
    )
    parallel: int | None = Field(
        default=None, ge=1, le=MOST_SESSIONS, description="How many sessions of each runner apply batches at once."
    )


@dg.op(out=dg.Out(dg.Nothing))
def tune(context: dg.OpExecutionContext, config: TuneConfig, service: StagenormService) -> None:
    """Set the pace of every runner, in Dagster and on the command line, from its next batch on."""
    tuning = Tuning(sleep_ms=config.sleep_ms, target_ms=config.target_ms, parallel=config.parallel)
    with errors_as_failures():
        if tuning == Tuning():
            monitoring.reset_tuning(service.open())
        else:
            monitoring.tune(service.open(), tuning)
    context.log.info(f"The pace of all runners: {tuning}" if tuning != Tuning() else "The pace is no longer set.")


@dg.job(
    description="Change the pace of all runners while they work, in Dagster and on the command line. Launched with an "
    "empty config, every runner goes back to the pace it was started with."
)
def tune_job() -> None:
    tune()
