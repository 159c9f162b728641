"""The job `normalize_all_job`: applies the open plans for every fund in one run, and reports each fund's partition.

Selecting several partitions on the page of `normalized_stages` makes a backfill, and Dagster looks for backfills only
every 30 seconds. A job starts at once.
"""

from collections.abc import Callable, Iterator
from functools import partial

import dagster as dg

from stagenorm_pipeline.counts import counted
from stagenorm_pipeline.defs.apply_fund import (
    FundOutcome,
    apply_until_none_is_taken,
    describe_problem,
    failure_of_funds,
)
from stagenorm_pipeline.defs.assets.normalized_stages import POOL
from stagenorm_pipeline.defs.dagster_internals import report_runless_events
from stagenorm_pipeline.defs.failures import errors_as_failures
from stagenorm_pipeline.defs.graceful_stop import deferred_termination
from stagenorm_pipeline.defs.metadata.in_force import in_force
from stagenorm_pipeline.defs.reconcile.plan_events import plan_next
from stagenorm_pipeline.defs.reconcile.reconcile import report_differences
from stagenorm_pipeline.defs.resources import StagenormService
from stagenorm_pipeline.defs.run_config import NormalizeAllConfig
from stagenorm_pipeline.defs.run_log import BatchLog
from stagenorm_pipeline.engine.apply.fund_totals import FundTotals
from stagenorm_pipeline.engine.apply.run_limits import BudgetEnd
from stagenorm_pipeline.engine.apply.runner import ApplyResult
from stagenorm_pipeline.engine.monitor.recorded_state import FundState, RecordedState
from stagenorm_pipeline.engine.plan.batch_types import PlanKind
from stagenorm_pipeline.engine.targets.funds import FundScope
from stagenorm_pipeline.report.escape import sentence_for_terminal
from stagenorm_pipeline.report.vacuum_text import vacuum_reason
from stagenorm_pipeline.service.applying import apply_fund
from stagenorm_pipeline.service.context import ServiceContext
from stagenorm_pipeline.service.monitoring import read_recorded_state
from stagenorm_pipeline.service.selecting import select
from stagenorm_pipeline.service.vacuuming import advise_after_run, read_table_statistics

# Each event of a run is a transaction of Dagster's. Beyond this number the events are recorded outside the run, many
# per statement: 5,000 funds would take minutes.
_EVENTS_IN_RUN = 100


@dg.op(pool=POOL, out=dg.Out(dg.Nothing))
def normalize_all(context: dg.OpExecutionContext, config: NormalizeAllConfig, service: StagenormService) -> None:
    """Apply the open batches of all funds or of those named. This changes business data.

    A fund that is done becomes materialized. For one that failed, an observation and a failed `fund_clean` say why, and
    the run fails: only a run that was started for a partition can turn it red.
    """
    totals = FundTotals()
    with errors_as_failures(), deferred_termination() as should_stop:
        opened = service.open()
        before = read_table_statistics(opened)
        result = _apply(context, opened, config, totals, should_stop)
    with errors_as_failures():
        state = read_recorded_state(opened)
        outcomes = list(_outcomes(totals, state, stopped=result.stopped))
        _report(context, opened, outcomes, state)
    rows = counted(result.rows.rows_updated, "row")
    context.log.info(f"{rows} updated in {counted(len(outcomes), 'fund')}, {counted(result.batches, 'batch')}")
    with errors_as_failures():
        for advice in advise_after_run(opened, before, rows_updated=result.rows.rows_updated):
            context.log.info(f"To vacuum: {sentence_for_terminal(advice.command)} {vacuum_reason(advice)}")
    if result.stopped:
        context.log.warning("Stopped after the current batch. To apply the rest, run this job again.")
        raise dg.DagsterExecutionInterruptedError
    if failed := [outcome for outcome in outcomes if outcome.problem]:
        raise failure_of_funds(failed, again="run this job again")
    if result.budget_end is not BudgetEnd.NONE:
        context.log.info("The budget of this run is used up. To apply the rest, run this job again.")
    if problem := describe_problem(result, None):
        raise dg.Failure(problem, allow_retries=False)
    plan_next(state).log(context.log)


def _apply(
    context: dg.OpExecutionContext,
    service: ServiceContext,
    config: NormalizeAllConfig,
    totals: FundTotals,
    should_stop: Callable[[], bool],
) -> ApplyResult:
    pace = config.pace(service, parallel=config.parallel)
    limits = config.limits
    targets = service.targets(config.table) if config.table else None
    watch = totals.before(BatchLog(context.log, "all funds"))

    def apply_once(scope: FundScope) -> ApplyResult:
        # `kind`: the job must not resume an interrupted rollback.
        applied = apply_fund(
            service,
            kind=PlanKind.NORMALIZE,
            scope=scope,
            targets=targets,
            pace=pace,
            limits=limits,
            watch=watch,
            should_stop=should_stop,
        )
        return applied.result

    results = [apply_until_none_is_taken(partial(apply_once, scope)) for scope in _scopes(service, config)]
    return sum(results, ApplyResult())


def _scopes(service: ServiceContext, config: NormalizeAllConfig) -> list[FundScope]:
    """Return the scope of each named fund, or one for all. Raises ConfigurationError for a fund that does not exist."""
    named = [select(service, table=config.table or None, fund=fund).scope for fund in config.funds]
    return named or [FundScope()]


def _outcomes(totals: FundTotals, state: RecordedState, *, stopped: bool) -> Iterator[FundOutcome]:
    """Return the outcome of each fund that this run applied batches of."""
    states = {fund.fund_id: fund for fund in state.funds}
    for fund_id, applied in totals.funds(PlanKind.NORMALIZE):
        found = states.get(fund_id, FundState(fund_id=fund_id))
        result = ApplyResult(
            batches=applied.batches,
            completed=applied.batches - applied.failed,
            failed=applied.failed,
            stopped=stopped and bool(found.batches_waiting),
            rows=applied.rows,
        )
        problem = describe_problem(result, applied.first_error)
        yield FundOutcome(key=found.key, result=result, state=found, problem=problem, seconds=found.duration_ms / 1_000)


def _report(
    context: dg.OpExecutionContext, service: ServiceContext, outcomes: list[FundOutcome], state: RecordedState
) -> None:
    """Report each fund's event, and bring `fund_clean` and the pages of plans up to date."""
    by, settings = f"Dagster, {service.user}", in_force(service)
    # Failed funds first: these belong to the run in any case.
    events = [outcome.event(by, settings) for outcome in sorted(outcomes, key=lambda outcome: outcome.is_done)]
    for event in events[:_EVENTS_IN_RUN]:
        context.log_event(event)
    if others := events[_EVENTS_IN_RUN:]:
        report_runless_events(context.instance, others)
        context.log.info(f"The events of {counted(len(others), 'more fund')} are on the pages of their partitions.")
    funds = {outcome.key for outcome in outcomes}
    report_differences(context.instance, service, state, funds=funds)


@dg.job(
    description="Step 3 for all funds at once: apply the open plans, in one run that starts at once. THIS CHANGES "
    "BUSINESS DATA. The launchpad chooses funds, a table, the pace and the number of parallel sessions. A fund that "
    "fails does not stop the others; the run then fails and names it. Its partition does not turn red: see fund_clean."
)
def normalize_all_job() -> None:
    normalize_all()
