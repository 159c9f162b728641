"""Compare what PostgreSQL says with what Dagster's pages show, and report the difference to Dagster.

PostgreSQL is the truth: changes by the command line, by psql and by runs that were killed reach the pages this way.
Calling it again reports nothing. Jobs and sensors choose funds from PostgreSQL, never from what Dagster shows.
"""

import functools
import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

import dagster as dg

from stagenorm_pipeline.counts import counted
from stagenorm_pipeline.defs.assets.asset_names import BATCH_PLAN, NORMALIZED_STAGES
from stagenorm_pipeline.defs.checks.runless import runless_evaluation
from stagenorm_pipeline.defs.dagster_internals import (
    PartitionVerdict,
    newest_events,
    newest_materialization,
    newest_observation,
    newest_partition_verdicts,
    newest_verdicts,
    report_runless_events,
)
from stagenorm_pipeline.defs.metadata.in_force import in_force
from stagenorm_pipeline.defs.partitions import add_fund_keys
from stagenorm_pipeline.defs.reconcile.fund_events import (
    FUND_CLEAN_KEY,
    Metadata,
    fund_evaluation,
    fund_event,
    fund_metadata,
    is_clean,
    is_fund_shown,
)
from stagenorm_pipeline.defs.reconcile.plan_events import (
    PLAN_CHECKS,
    are_totals_shown,
    is_plan_shown,
    plan_check_results,
    plan_materialization,
    totals_event,
)
from stagenorm_pipeline.defs.reconcile.verification_events import report_verifications
from stagenorm_pipeline.engine.monitor.recorded_state import FundState, FundStatus, RecordedState
from stagenorm_pipeline.engine.targets.funds import fund_id_of
from stagenorm_pipeline.errors import ConfigurationError
from stagenorm_pipeline.service.context import ServiceContext
from stagenorm_pipeline.service.monitoring import read_recorded_state

Settings = Callable[[], Metadata]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciled:
    """What was reported: funds, evaluations of checks, and other events."""

    funds: int = 0
    evaluations: int = 0
    others: int = 0

    @property
    def sentence(self) -> str:
        if self == Reconciled():
            return "Every page shows what PostgreSQL says."
        counts = (counted(self.funds, "fund"), counted(self.evaluations, "check result"), counted(self.others, "event"))
        return f"Reported what had changed: {counts[0]}, {counts[1]} and {counts[2]} of plans and verifications."


def reconcile(
    instance: dg.DagsterInstance,
    service: ServiceContext,
    *,
    funds: Collection[str] | None = None,
    only_quiet: bool = False,
) -> Reconciled:
    """Report what the pages do not show yet. Call it after anything that changed plans, batches or the pause switch.

    `funds`: compare the pages of these funds only, besides those of plans and verifications; None: of all. Raises
    StagenormError if the database cannot be read.
    """
    return report_differences(instance, service, read_recorded_state(service), funds=funds, only_quiet=only_quiet)


def report_differences(
    instance: dg.DagsterInstance,
    service: ServiceContext,
    state: RecordedState,
    *,
    funds: Collection[str] | None = None,
    only_quiet: bool = False,
) -> Reconciled:
    """As `reconcile`, with a state that was read already.

    `only_quiet`: leave out funds that changed in the last 10 s. The run that changes them reports them itself.
    """
    add_fund_keys(instance, (fund.fund_id for fund in state.funds))
    # Read only if a page is to show it: it reads the decisions file.
    settings = functools.cache(lambda: in_force(service))
    shown = newest_events(instance, NORMALIZED_STAGES, funds)
    compared = _compared(state, shown, funds, only_quiet=only_quiet)
    changed = [fund for fund in compared if not is_fund_shown(fund, shown.get(fund.key))]
    _report_funds(instance, changed, settings)
    others = _report_totals(instance, state, settings)
    reported = {key: event.storage_id for key, event in shown.items()} | {fund.key: sys.maxsize for fund in changed}
    evaluations = _report_clean(instance, compared, reported, state.funds)
    others += _report_plan(instance, state, settings)
    evaluations += _report_plan_checks(instance, state)
    verified = report_verifications(instance, service, state.verifications)
    return Reconciled(
        funds=len(changed), evaluations=evaluations + verified.evaluations, others=others + verified.events
    )


def _compared(
    state: RecordedState, shown: Collection[str], funds: Collection[str] | None, *, only_quiet: bool
) -> list[FundState]:
    """Return the funds to compare: those with a plan, and those that a page shows although no plan has them."""
    known = {fund.key: fund for fund in state.funds if funds is None or fund.key in funds}
    compared = [*known.values(), *_without_plan(set(shown) - known.keys())]
    return [fund for fund in compared if not (only_quiet and fund.has_just_changed)]


def _without_plan(keys: Collection[str]) -> Iterator[FundState]:
    for key in sorted(keys):
        try:
            yield FundState(fund_id=fund_id_of(key))
        except ConfigurationError:
            # Somebody else's partition key.
            continue


def _report_funds(instance: dg.DagsterInstance, changed: Sequence[FundState], settings: Settings) -> None:
    events = [
        fund_event(
            fund.key,
            fund,
            is_done=fund.status is FundStatus.DONE,
            metadata=fund_metadata(fund, settings(), by=fund.runner or "nobody"),
        )
        for fund in changed
    ]
    report_runless_events(instance, events)


def _report_totals(instance: dg.DagsterInstance, state: RecordedState, settings: Settings) -> int:
    """Report the totals of all funds for the overview of `normalized_stages`, unless its newest event shows them."""
    newest = newest_materialization(instance, NORMALIZED_STAGES)
    if are_totals_shown(state, newest or newest_observation(instance, NORMALIZED_STAGES)):
        return 0
    report_runless_events(instance, [totals_event(state, settings(), is_any_fund_done=newest is not None)])
    return 1


def _report_clean(
    instance: dg.DagsterInstance, compared: Sequence[FundState], reported: Mapping[str, int], every: Sequence[FundState]
) -> int:
    """Report the evaluations of `fund_clean` that differ. The list of checks shows the last one: a failed one.

    `reported`: the storage id of the newest event of each fund.
    """
    if not compared:
        return 0
    verdicts = newest_partition_verdicts(instance, FUND_CLEAN_KEY, [fund.key for fund in compared])
    wrong = [fund for fund in compared if not _is_current(verdicts.get(fund.key), fund, reported.get(fund.key, 0))]
    if not wrong:
        return 0
    wrong.sort(key=is_clean, reverse=True)
    if is_clean(wrong[-1]) and (other := next((fund for fund in every if not is_clean(fund)), None)):
        wrong.append(other)
    report_runless_events(instance, [fund_evaluation(fund) for fund in wrong])
    return len(wrong)


def _is_current(verdict: PartitionVerdict | None, fund: FundState, reported: int) -> bool:
    """Return whether the verdict says how the fund is now.

    One that is older than the fund's event may call it waiting when it failed: `passed` is false in both.
    """
    if verdict is None or not verdict.is_current or verdict.storage_id < reported:
        return False
    return verdict.passed == is_clean(fund)


def _report_plan(instance: dg.DagsterInstance, state: RecordedState, settings: Settings) -> int:
    if is_plan_shown(state, newest_materialization(instance, BATCH_PLAN)):
        return 0
    report_runless_events(instance, [plan_materialization(state, settings())])
    return 1


def _report_plan_checks(instance: dg.DagsterInstance, state: RecordedState) -> int:
    verdicts = newest_verdicts(instance, PLAN_CHECKS)
    wrong = []
    for key, result in zip(PLAN_CHECKS, plan_check_results(state), strict=True):
        verdict = verdicts.get(key)
        if verdict is None or not verdict.is_current or verdict.description != result.description:
            wrong.append(runless_evaluation(result))
    report_runless_events(instance, wrong)
    return len(wrong)
