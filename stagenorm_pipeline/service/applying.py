"""Apply recorded batches, and resume open plans."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from stagenorm_pipeline.config.auto_batch_size import Pacing
from stagenorm_pipeline.config.configuration import Configuration, TargetSetting
from stagenorm_pipeline.config.limits import Limits
from stagenorm_pipeline.config.parallel import require_sessions
from stagenorm_pipeline.config.throttle import LAG_THROTTLERS, ThrottleSettings
from stagenorm_pipeline.engine.apply.canary import choose_canary
from stagenorm_pipeline.engine.apply.events import CanaryPassed, CanaryStarted, Event, FundsExcluded, Unwatched
from stagenorm_pipeline.engine.apply.fund_totals import FundTotals
from stagenorm_pipeline.engine.apply.request import ApplyRequest, ApplyResult
from stagenorm_pipeline.engine.apply.run_limits import Budget, BudgetEnd, next_time
from stagenorm_pipeline.engine.apply.runner import apply_batches
from stagenorm_pipeline.engine.monitor.status import count_cancelled
from stagenorm_pipeline.engine.plan.batch_types import PlanKind
from stagenorm_pipeline.engine.plan.request import DEFAULT_SLEEP_MS
from stagenorm_pipeline.engine.targets.fund_lookup import find_fund
from stagenorm_pipeline.engine.targets.funds import FundScope, fund_id_of, fund_key
from stagenorm_pipeline.errors import ConfigurationError
from stagenorm_pipeline.service.canary import require_canary_passed
from stagenorm_pipeline.service.context import ServiceContext
from stagenorm_pipeline.service.selecting import Selection

Watch = Callable[[Event], None]


def ignore_event(event: Event) -> None:
    """Do nothing with an event: the default of `watch`."""


def never_stop() -> bool:
    """Never stop: the default of `should_stop`."""
    return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How fast to apply batches. What is None or false is as stagenorm.toml says.

    `is_auto`: one transaction takes several batches, as many as the target time allows. `parallel`: how many sessions
    of this process apply batches at once; each sleeps between its own batches. Raises ConfigurationError if `parallel`
    is out of bounds.
    """

    sleep_ms: int = DEFAULT_SLEEP_MS
    max_lag_seconds: float | None = None
    no_lag_check: bool = False
    is_auto: bool = False
    parallel: int = 1

    def __post_init__(self) -> None:
        require_sessions(self.parallel)

    def throttle(self, configuration: Configuration) -> ThrottleSettings:
        """Return the configured bounds, with those given here in their place."""
        settings = configuration.throttle
        if self.max_lag_seconds is not None:
            settings = replace(settings, max_lag_seconds=self.max_lag_seconds, resume_lag_seconds=None)
        return replace(settings, ignore=settings.ignore | LAG_THROTTLERS) if self.no_lag_check else settings

    def pacing(self, configuration: Configuration) -> Pacing | None:
        """Return the target time of a transaction; None for one batch per transaction."""
        return configuration.pacing if self.is_auto else None


class ApplyOutcome(StrEnum):
    """How an apply ended, the worst first."""

    VANISHED = "vanished"
    """Batches were deleted during the run."""
    STOPPED = "stopped"
    """It stopped before its end; resume it."""
    FAILED = "failed"
    """Batches failed or rows were refused."""
    TAKEN = "taken"
    """Another runner has some of the batches."""
    BUDGET = "budget"
    """The budget of the run is used up; the rest waits."""
    CANCELLED = "cancelled"
    """Batches of the plan were cancelled; all others are done."""
    NOTHING_TO_DO = "nothing_to_do"
    """No open plan had a batch to apply."""
    COMPLETED = "completed"
    """Every batch is done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AppliedBatches:
    """What an apply did. `plan_id` None: every open plan. `cancelled`: batches of this plan that were cancelled."""

    plan_id: int | None
    result: ApplyResult
    totals: FundTotals
    cancelled: int = 0

    @property
    def outcome(self) -> ApplyOutcome:
        """How it ended; the worst that applies."""
        ended = {
            ApplyOutcome.VANISHED: self.result.vanished,
            ApplyOutcome.STOPPED: self.result.stopped,
            ApplyOutcome.FAILED: self.result.failed,
            ApplyOutcome.TAKEN: self.result.taken,
            ApplyOutcome.BUDGET: self.result.budget_end is not BudgetEnd.NONE,
            ApplyOutcome.CANCELLED: self.cancelled,
            ApplyOutcome.NOTHING_TO_DO: not self.result.batches,
        }
        return next((outcome for outcome, is_so in ended.items() if is_so), ApplyOutcome.COMPLETED)


def apply(
    context: ServiceContext,
    *,
    plan_id: int | None = None,
    kind: PlanKind | None = None,
    selection: Selection | None = None,
    pace: Pace | None = None,
    limits: Limits | None = None,
    watch: Watch = ignore_event,
    should_stop: Callable[[], bool] = never_stop,
) -> AppliedBatches:
    """Apply the waiting batches of a plan or, with `plan_id` None, of every open one. This changes business data.

    `kind`: plans of this kind only. `watch` hears every event, in the caller's thread. Raises OtherVocabularyError for
    a plan made with another vocabulary than today's, CanaryFailedError after a canary that is not as it should be,
    GuardStopError, and ConfigurationError if the only fund of the selection is left out.
    """
    request = ApplyRequest(
        worker=context.runner, run_by=context.user, plan_id=plan_id, kind=kind, watch=watch, should_stop=should_stop
    )
    if selection is not None:
        request = replace(request, scope=selection.scope, targets=selection.targets)
    request = _with_limits(context, request, limits or Limits())
    require_not_left_out(request.scope, request.excluded_funds)
    return _run_within(context, request, limits or Limits(), pace=pace)


def apply_fund(
    context: ServiceContext,
    *,
    scope: FundScope,
    kind: PlanKind,
    targets: tuple[TargetSetting, ...] | None = None,
    pace: Pace | None = None,
    limits: Limits | None = None,
    watch: Watch = ignore_event,
    should_stop: Callable[[], bool] = never_stop,
) -> AppliedBatches:
    """Apply the open batches of one fund or of all. `targets` None: in every planned target, configured today or not.

    A fund that is left out has nothing to apply. Raises CanaryFailedError and GuardStopError.
    """
    request = ApplyRequest(
        worker=context.runner,
        run_by=context.user,
        kind=kind,
        scope=scope,
        targets=targets,
        watch=watch,
        should_stop=should_stop,
    )
    request = _with_limits(context, request, limits or Limits())
    return _run_within(context, request, limits or Limits(), pace=pace)


def excluded_funds(context: ServiceContext, limits: Limits) -> frozenset[str | None]:
    """Return the ids of the funds that a run leaves out: the protected ones, and those that `limits` names.

    Raises ConfigurationError for a fund in `limits` that does not exist: a misspelled one would be changed.
    """
    excluded = set(protected_funds(context))
    for name in limits.exclude_funds:
        excluded.add(find_fund(context.database, context.targets(), name).fund_id)
    return frozenset(excluded)


def require_not_left_out(scope: FundScope, excluded: frozenset[str | None]) -> None:
    """Raise ConfigurationError if the only fund of the scope is left out."""
    if not scope.all_funds and scope.fund_id in excluded:
        raise ConfigurationError(
            f"{scope.label} is left out: it is protected or excluded.",
            remedy="Remove it from --exclude-fund, or from protected_funds in [apply] of stagenorm.toml.",
        )


def protected_funds(context: ServiceContext) -> frozenset[str | None]:
    """Return the ids of the protected funds. A name that is a key and may be an id protects both."""
    names = context.configuration.protected_funds
    ids: set[str | None] = set(names)
    for name in names:
        with suppress(ConfigurationError):
            ids.add(fund_id_of(name))
    return frozenset(ids)


def run_batches(context: ServiceContext, request: ApplyRequest, *, pace: Pace | None) -> AppliedBatches:
    """Run the batches that a request names, at a pace. `apply` and `rolling_back` share it."""
    totals = FundTotals()
    result = _run(context, request, totals, pace=pace)
    cancelled = 0 if request.plan_id is None else count_cancelled(context.database, request.plan_id)
    return AppliedBatches(plan_id=request.plan_id, result=result, totals=totals, cancelled=cancelled)


def _with_limits(context: ServiceContext, request: ApplyRequest, limits: Limits) -> ApplyRequest:
    """Add what only a migration has and a rollback has not: decisions, guards, a budget, funds that are left out."""
    ends_at = None if limits.until is None else next_time(limits.until, datetime.now().astimezone())
    return replace(
        request,
        vocabulary=context.vocabulary,
        guards=context.configuration.guards,
        budget=Budget(max_rows=limits.max_rows, ends_at=ends_at),
        excluded_funds=excluded_funds(context, limits),
    )


def _run_within(context: ServiceContext, request: ApplyRequest, limits: Limits, *, pace: Pace | None) -> AppliedBatches:
    """Run the batches; with a canary, first the canary, and the rest only if it passed."""
    if request.excluded_funds:
        request.watch(FundsExcluded(funds=tuple(sorted(map(fund_key, request.excluded_funds)))))
    if limits.canary_rows is None:
        return run_batches(context, request, pace=pace)
    canary = choose_canary(context.database, request, limits.canary_rows)
    if not canary.batch_ids:
        return run_batches(context, request, pace=pace)
    # Both parts have a throttle of their own, and each says what it cannot watch.
    request = replace(request, watch=_unwatched_once(request.watch))
    request.watch(CanaryStarted(batches=len(canary.batch_ids), rows=canary.rows, funds=canary.funds))
    first = run_batches(context, replace(request, batch_ids=canary.batch_ids), pace=pace)
    if first.result.stopped or first.result.budget_end is not BudgetEnd.NONE:
        return first
    require_canary_passed(context, canary, request)
    request.watch(CanaryPassed())
    totals = first.totals
    # Its first wait reads the throttlers and the guards.
    rest = _run(context, replace(request, budget=request.budget.after(canary.rows)), totals, pace=pace)
    cancelled = 0 if request.plan_id is None else count_cancelled(context.database, request.plan_id)
    return AppliedBatches(plan_id=request.plan_id, result=first.result + rest, totals=totals, cancelled=cancelled)


def _unwatched_once(watch: Watch) -> Watch:
    """Return a listener that passes each different `Unwatched` on once, and every other event."""
    heard: set[Event] = set()

    def listen(event: Event) -> None:
        if isinstance(event, Unwatched):
            if event in heard:
                return
            heard.add(event)
        watch(event)

    return listen


def _run(context: ServiceContext, request: ApplyRequest, totals: FundTotals, *, pace: Pace | None) -> ApplyResult:
    pace = pace or Pace()
    request = replace(
        request,
        sleep_ms=pace.sleep_ms,
        throttle=pace.throttle(context.configuration),
        pacing=pace.pacing(context.configuration),
        parallel=pace.parallel,
        watch=totals.before(request.watch),
    )
    return apply_batches(context.database, request)
