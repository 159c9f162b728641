"""The sensor `verify_when_done`: a verification after the last fund of a plan, failed funds included."""

import dagster as dg

from stagenorm_pipeline.defs.failures import errors_as_failures
from stagenorm_pipeline.defs.jobs.asset_jobs import verify_job
from stagenorm_pipeline.defs.resources import ApplicationDatabase
from stagenorm_pipeline.engine.monitor.finished_plan import read_finished_plan


@dg.sensor(
    job=verify_job,
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.STOPPED,
    description="Once a minute: is every batch of the plan at an end, failed ones included, whoever ran them? Then it "
    "makes the verification report, once for each outcome: a retry that mends something gets a new one. Changes no "
    "business data. Reads stagenorm's own tables alone; the report scans each table.",
)
def verify_when_done(database: ApplicationDatabase) -> dg.RunRequest | dg.SkipReason:
    with errors_as_failures():
        plan = read_finished_plan(database.open())
    if plan is None:
        return dg.SkipReason("No plan was applied yet, or batches of an open one are still to be done.")
    return dg.RunRequest(run_key=plan.outcome, tags={"stagenorm/plan": str(plan.plan_id)})
