"""The schedules `nightly_plan`, `nightly_backfill` and `nightly_run`. All are off by default."""

from collections.abc import Sequence

import dagster as dg

from stagenorm_pipeline.counts import counted
from stagenorm_pipeline.defs.assets.asset_names import NORMALIZED_STAGES
from stagenorm_pipeline.defs.assets.normalized_stages import FUNDS_PER_RUN
from stagenorm_pipeline.defs.dagster_internals import partition_range_tags
from stagenorm_pipeline.defs.failures import errors_as_failures
from stagenorm_pipeline.defs.jobs.asset_jobs import normalize_job, plan_job
from stagenorm_pipeline.defs.jobs.normalize_all_job import normalize_all_job
from stagenorm_pipeline.defs.partition_ranges import partition_ranges
from stagenorm_pipeline.defs.partitions import FUNDS, add_fund_keys
from stagenorm_pipeline.defs.resources import StagenormService
from stagenorm_pipeline.defs.run_config import limits_config
from stagenorm_pipeline.report.escape import sentence_for_terminal
from stagenorm_pipeline.service.applying import protected_funds
from stagenorm_pipeline.service.monitoring import read_waiting_work

# Without NOT_STARTED: a run keeps that status for ever if a crash kept it out of the queue.
_UNFINISHED = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]

nightly_plan = dg.ScheduleDefinition(
    name="nightly_plan",
    job=plan_job,
    cron_schedule="0 1 * * *",
    default_status=dg.DefaultScheduleStatus.STOPPED,
    description="Every night at 01:00 UTC: lists the spellings, then records a plan. Each scans every table once. "
    "Changes no business data. The new plan replaces the batches that older plans have left.",
)


@dg.schedule(
    job=normalize_job,
    cron_schedule="0 2 * * *",
    default_status=dg.DefaultScheduleStatus.STOPPED,
    description="Every night at 02:00 UTC: applies the open plan for the funds with pending or failed batches. THIS "
    "CHANGES BUSINESS DATA. If nightly_plan is on as well, nobody reviews the plan before it runs. Starts nothing "
    "while paused, or while another run that applies batches is queued or running. Leaves protected funds out.",
)
def nightly_backfill(
    context: dg.ScheduleEvaluationContext, service: StagenormService
) -> Sequence[dg.RunRequest] | dg.SkipReason:
    waiting = _waiting_funds(context, service)
    if isinstance(waiting, dg.SkipReason):
        return waiting
    keys = context.instance.get_dynamic_partitions(FUNDS)
    night = context.scheduled_execution_time.isoformat()
    return [
        dg.RunRequest(run_key=f"{night} {first}", tags=partition_range_tags(first, last))
        for first, last in partition_ranges(keys, waiting, FUNDS_PER_RUN)
    ]


@dg.schedule(
    job=normalize_all_job,
    cron_schedule="0 2 * * *",
    default_status=dg.DefaultScheduleStatus.STOPPED,
    description="Every night at 02:00 UTC: applies the open plans in one run, within the canary, max_rows, until and "
    "exclude_funds of [nightly] in stagenorm.toml. THIS CHANGES BUSINESS DATA. Use it instead of nightly_backfill.",
)
def nightly_run(context: dg.ScheduleEvaluationContext, service: StagenormService) -> dg.RunRequest | dg.SkipReason:
    waiting = _waiting_funds(context, service)
    if isinstance(waiting, dg.SkipReason):
        return waiting
    with errors_as_failures():
        config = limits_config(service.open().configuration.nightly)
    night = context.scheduled_execution_time.isoformat()
    return dg.RunRequest(run_key=night, run_config={"ops": {"normalize_all": {"config": config}}})


def _waiting_funds(context: dg.ScheduleEvaluationContext, service: StagenormService) -> set[str] | dg.SkipReason:
    """Return the keys of the funds to apply, which become partitions, or why nothing is to start."""
    with errors_as_failures():
        opened = service.open()
        work = read_waiting_work(opened)
        protected = protected_funds(opened)
    funds = [fund for fund in work.funds if fund.fund_id not in protected]
    if not funds:
        return dg.SkipReason("No open plan has batches left." if not work.funds else "Only protected funds are left.")
    if work.control.paused:
        reason = work.control.reason or "no reason given"
        return dg.SkipReason(sentence_for_terminal(f"Paused by {work.control.changed_by}: {reason}"))
    unfinished = context.instance.get_runs(dg.RunsFilter(statuses=_UNFINISHED))
    run_ids = [run.run_id for run in unfinished if _applies_batches(run)]
    if run_ids:
        runs = counted(len(run_ids), "run")
        return dg.SkipReason(f"{runs} of normalized_stages queued or running: {', '.join(run_ids[:3])}")
    add_fund_keys(context.instance, (fund.fund_id for fund in funds))
    return {fund.key for fund in funds}


def _applies_batches(run: dg.DagsterRun) -> bool:
    """Say whether a run is of a job that applies, or materializes the asset from its page or a backfill."""
    jobs = (normalize_job.name, normalize_all_job.name)
    return run.job_name in jobs or NORMALIZED_STAGES in (run.asset_selection or ())
