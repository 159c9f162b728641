"""Apply the batches of one fund, and describe the outcome as Dagster's event or failure."""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import dagster as dg

from stagenorm_pipeline.config.configuration import TargetSetting
from stagenorm_pipeline.counts import counted
from stagenorm_pipeline.defs.dagster_internals import AssetEvent
from stagenorm_pipeline.defs.reconcile.fund_events import Metadata, fund_event, fund_metadata, is_unfinished
from stagenorm_pipeline.defs.run_log import BatchLog
from stagenorm_pipeline.engine.apply.run_limits import BudgetEnd
from stagenorm_pipeline.engine.apply.runner import ApplyResult
from stagenorm_pipeline.engine.monitor.recorded_state import FundState
from stagenorm_pipeline.engine.plan.batch_types import PlanKind
from stagenorm_pipeline.engine.targets.funds import FundScope, fund_id_of
from stagenorm_pipeline.errors import ConfigurationError
from stagenorm_pipeline.report.escape import sentence_for_terminal
from stagenorm_pipeline.service.applying import Pace, Watch, apply_fund
from stagenorm_pipeline.service.context import ServiceContext
from stagenorm_pipeline.service.monitoring import read_fund_state

# A taken batch ends within its statement timeout of one minute, unless the database refuses many of its rows.
_RETRIES_FOR_TAKEN_BATCHES = 60
_RETRY_EVERY_S = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class FundOutcome:
    """The outcome of applying a fund. `state`: how far it is now. `problem`: why it is not done.

    `seconds`: how long this run took for the fund.
    """

    key: str
    result: ApplyResult
    state: FundState
    problem: str | None = None
    seconds: float = 0.0

    @property
    def is_done(self) -> bool:
        """Return whether the fund turns green: nothing went wrong, and no batch of an open plan is left."""
        return self.result.ok and self.problem is None and not is_unfinished(self.state)

    def event(self, by: str, in_force: Metadata) -> AssetEvent:
        """Return the fund's event: the totals of its plan, and beside them what this run did. `by`: who applied it."""
        metadata = fund_metadata(self.state, in_force, by=by, this_run=self.summary, problem=self.problem)
        return fund_event(self.key, self.state, is_done=self.is_done, metadata=metadata)

    @property
    def summary(self) -> str:
        """What this run did to the fund."""
        rows = self.result.rows
        if not self.result.batches:
            return "nothing to do" if not is_unfinished(self.state) else "no batch applied"
        counts = (
            f"{counted(rows.rows_updated, 'row')} updated, {rows.rows_skipped:,} skipped, {rows.rows_failed:,} failed"
        )
        stopped = ", stopped before the end" if self.result.stopped else ""
        return f"{counts} in {counted(self.result.batches, 'batch')}, {self.seconds:.1f} s{stopped}"


@dataclass(frozen=True, slots=True, kw_only=True)
class FundApplier:
    """Applies funds in one Dagster run. `targets` None: every target of the open plans."""

    service: ServiceContext
    targets: tuple[TargetSetting, ...] | None
    pace: Pace
    log: logging.Logger
    _logged_once: set[str] = field(default_factory=set)

    def apply(self, key: str, should_stop: Callable[[], bool]) -> FundOutcome:
        """Apply all open batches of a fund.

        Raises StagenormError for a problem that affects every fund: no connection, a missing privilege, missing
        tables, a plan made with another vocabulary.
        """
        try:
            fund_id = fund_id_of(key)
        except ConfigurationError as error:
            return FundOutcome(key=key, result=ApplyResult(), state=FundState(fund_id=None), problem=str(error))
        batch_log = BatchLog(self.log, key, logged_once=self._logged_once)
        started = time.monotonic()
        result = self._apply_until_none_is_taken(FundScope.one(fund_id), batch_log, should_stop)
        outcome = FundOutcome(
            key=key,
            result=result,
            state=read_fund_state(self.service, fund_id=fund_id),
            problem=describe_problem(result, batch_log.first_error),
            seconds=time.monotonic() - started,
        )
        # No line for a fund with nothing to do: its event says so, and the line would take half of such a fund's time.
        if result != ApplyResult():
            self.log.info(f"{key}: {outcome.summary}")
        return outcome

    def _apply_until_none_is_taken(
        self, scope: FundScope, watch: Watch, should_stop: Callable[[], bool]
    ) -> ApplyResult:
        def apply_once() -> ApplyResult:
            # `kind`: the asset must not resume an interrupted rollback.
            applied = apply_fund(
                self.service,
                kind=PlanKind.NORMALIZE,
                scope=scope,
                targets=self.targets,
                pace=self.pace,
                watch=watch,
                should_stop=should_stop,
            )
            return applied.result

        return apply_until_none_is_taken(apply_once)


def apply_until_none_is_taken(apply_once: Callable[[], ApplyResult]) -> ApplyResult:
    """Apply, and retry the batches that another runner has: a fund is done only when they are."""
    result = apply_once()
    retries = 0
    # No retry after a failure: it would try the refused rows again and count them twice.
    while result.taken and not _has_ended(result) and retries < _RETRIES_FOR_TAKEN_BATCHES:
        retries += 1
        time.sleep(_RETRY_EVERY_S)
        again = apply_once()
        result = replace(
            again,
            batches=result.batches + again.batches,
            completed=result.completed + again.completed,
            vanished=result.vanished + again.vanished,
            rows=result.rows + again.rows,
        )
    return result


def _has_ended(result: ApplyResult) -> bool:
    return bool(result.failed) or result.stopped or result.budget_end is not BudgetEnd.NONE


def describe_problem(result: ApplyResult, first_error: str | None) -> str | None:
    """Return why a fund is not done, with the database's first error; None if there is no problem."""
    if result.failed:
        where = counted(result.failed, "batch")
        refused = f"{counted(result.rows.rows_failed, 'row')} in {where} could not be changed."
        return f"{refused} First error from the database: {first_error}" if first_error else refused
    if result.taken and not result.stopped:
        return f"Still taken by another runner: {counted(result.taken, 'batch')} of this fund."
    if result.vanished:
        return f"Deleted during the run: {counted(result.vanished, 'batch')} of this fund. Make a new plan."
    return None


def failure_of_funds(failed: Sequence[FundOutcome], *, again: str) -> dg.Failure:
    """Return the failure of a run in which these funds failed, with the problem of each. `again`: how to retry them."""
    names = ", ".join(outcome.key for outcome in failed)
    problems = {outcome.key: sentence_for_terminal(outcome.problem or "") for outcome in failed}
    first = f"{failed[0].key}: {problems[failed[0].key].rstrip('.')}."
    return dg.Failure(
        # The database's reason first: lists of runs cut the rest.
        description=f"{counted(len(failed), 'fund')} failed: {names}. {first} Next: fix the cause, then {again}. "
        "Finished rows are not tried again, and all other funds of this run are done. "
        "`stagenorm status` and the view stage_migration_failures list the refused rows.",
        # Text, because the run page hides Markdown behind a link.
        metadata={key: dg.MetadataValue.text(problem) for key, problem in problems.items()},
        allow_retries=False,
    )
