"""The schedules: what happens at night once somebody has switched it on. Both are off by default."""

from collections.abc import Sequence

import dagster as dg

from stagenorm_pipeline.defs.assets.asset_names import NORMALIZED_STAGES
from stagenorm_pipeline.defs.assets.normalized_stages import FUNDS_IN_A_RUN
from stagenorm_pipeline.defs.checks.plan_checks import read_work_state
from stagenorm_pipeline.defs.failures import errors_as_failures
from stagenorm_pipeline.defs.jobs.asset_jobs import normalize_job, plan_job
from stagenorm_pipeline.defs.partition_ranges import fund_ranges
from stagenorm_pipeline.defs.partitions import add_fund_keys, funds
from stagenorm_pipeline.defs.resources import ApplicationDatabase
from stagenorm_pipeline.report.escape import sentence_for_terminal

# Not NOT_STARTED: a run that a crash kept from the queue stays so for ever.
_UNFINISHED = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]
_RANGE_START, _RANGE_END = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"

nightly_plan = dg.ScheduleDefinition(
    name="nightly_plan",
    job=plan_job,
    cron_schedule="0 1 * * *",
    default_status=dg.DefaultScheduleStatus.STOPPED,
    description="Every night at 01:00 UTC: lists the spellings and records a plan, one scan of each table for either. "
    "Changes no business data. The new plan takes the place of what older ones had left to do.",
)


@dg.schedule(
    job=normalize_job,
    cron_schedule="0 2 * * *",
    default_status=dg.DefaultScheduleStatus.STOPPED,
    description="Every night at 02:00 UTC: applies what the open plan has left, for the funds with batches that wait "
    "or failed and for no other. THIS CHANGES BUSINESS DATA, and with nightly_plan nobody reviews the plan before. "
    "Starts nothing while a run that normalizes is queued or at work, nor while all work is paused.",
)
def nightly_backfill(
    context: dg.ScheduleEvaluationContext, database: ApplicationDatabase
) -> Sequence[dg.RunRequest] | dg.SkipReason:
    with errors_as_failures():
        state = read_work_state(database.open())
    if not state.waiting:
        return dg.SkipReason("No fund has batches of an open plan left.")
    if state.control.paused:
        reason = state.control.reason or "no reason given"
        return dg.SkipReason(sentence_for_terminal(f"All work is paused by {state.control.changed_by}: {reason}"))
    at_work = [run.run_id for run in context.instance.get_runs(dg.RunsFilter(statuses=_UNFINISHED)) if _normalizes(run)]
    if at_work:
        return dg.SkipReason(f"{len(at_work)} run(s) that normalize are queued or at work: {', '.join(at_work[:3])}")
    add_fund_keys(context.instance, (fund.fund_id for fund in state.waiting))
    keys = context.instance.get_dynamic_partitions(str(funds.name))
    night = context.scheduled_execution_time.isoformat()
    return [
        dg.RunRequest(run_key=f"{night} {first}", tags={_RANGE_START: first, _RANGE_END: last})
        for first, last in fund_ranges(keys, {fund.key for fund in state.waiting}, FUNDS_IN_A_RUN)
    ]


def _normalizes(run: dg.DagsterRun) -> bool:
    """Whether it is a run of the job, or one from the asset's page or a backfill, which have no job of their own."""
    return run.job_name == normalize_job.name or dg.AssetKey(NORMALIZED_STAGES) in (run.asset_selection or ())
