"""The job `rehearse_job`: applies a plan to a clone of the database, and measures it there."""

import dagster as dg
from pydantic import Field

from stagenorm_pipeline.defs.assets.asset_names import BATCH_PLAN
from stagenorm_pipeline.defs.failures import errors_as_failures
from stagenorm_pipeline.defs.graceful_stop import deferred_termination
from stagenorm_pipeline.defs.jobs.plan_id import NO_PLAN, require_plan_id
from stagenorm_pipeline.defs.metadata.clone_rehearsal import clone_metadata, log_rehearsal
from stagenorm_pipeline.defs.resources import StagenormService
from stagenorm_pipeline.engine.apply.rehearsal_on_clone import Stopped
from stagenorm_pipeline.service.rehearsing import clone_url, open_clone, rehearse_on_clone


class RehearseConfig(dg.Config):
    """Launchpad settings of `rehearse_job`.

    The URL itself is no setting: Dagster would store and show it with its password.
    """

    plan_id: int = Field(
        default=NO_PLAN, description="The number of a draft or an open plan. The page of `batch_plan` shows it."
    )
    clone_url_variable: str = Field(
        default="STAGENORM_CLONE_URL",
        description="The environment variable with the URL of the clone, set where the run starts. The plan is applied "
        "to the clone for real: throw it away afterwards.",
    )


@dg.op(out=dg.Out(dg.Nothing))
def rehearse(context: dg.OpExecutionContext, config: RehearseConfig, service: StagenormService) -> None:
    """Apply the plan to the clone, measure it, and record the result with the plan. The targets stay as they are."""
    with errors_as_failures():
        require_plan_id(config.plan_id)
        opened = service.open()
        with open_clone(opened, clone_url(config.clone_url_variable)) as clone, deferred_termination() as should_stop:
            done = rehearse_on_clone(opened, clone, plan_id=config.plan_id, should_stop=should_stop)
    log_rehearsal(context.log, done)
    if isinstance(done, Stopped):
        raise dg.DagsterExecutionInterruptedError
    # An observation: a materialization would show a plan that was not made now.
    context.log_event(dg.AssetObservation(BATCH_PLAN, metadata=clone_metadata(done)))


@dg.job(
    description="Rehearse a plan on a clone: a restored backup or a thin clone of the database. Measures duration, "
    "refused rows, what triggers do, and WAL. The clone is changed for real, the targets are not."
)
def rehearse_job() -> None:
    rehearse()
