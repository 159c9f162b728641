"""The sensor `verify_when_done`: verifies when the last batch of a plan has ended."""

import dagster as dg

from stagenorm_pipeline.defs.failures import errors_as_failures
from stagenorm_pipeline.defs.jobs.asset_jobs import verify_job
from stagenorm_pipeline.defs.resources import StagenormService
from stagenorm_pipeline.service.monitoring import read_finished_plan


@dg.sensor(
    job=verify_job,
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.STOPPED,
    description="Every minute: if all batches of the plan have completed or failed, makes the verification report. "
    "Batches of the command line count, too. Makes one report per outcome: when a retry completes a failed batch, it "
    "makes a new one. Changes no business data. The sensor reads only stagenorm's own tables; the report scans yours.",
)
def verify_when_done(service: StagenormService) -> dg.RunRequest | dg.SkipReason:
    with errors_as_failures():
        plan = read_finished_plan(service.open())
    if plan is None:
        return dg.SkipReason("No plan was applied yet, or an open plan has batches left.")
    return dg.RunRequest(run_key=plan.outcome, tags={"stagenorm/plan": str(plan.plan_id)})
