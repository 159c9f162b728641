"""What to apply and how, and what one apply did."""

from collections.abc import Callable
from dataclasses import dataclass, field

import sqlalchemy as sa

from stagenorm_pipeline.config.auto_batch_size import Pacing
from stagenorm_pipeline.config.configuration import TargetSetting
from stagenorm_pipeline.config.guards import GuardSettings
from stagenorm_pipeline.config.throttle import ThrottleSettings
from stagenorm_pipeline.engine.apply.batch_transaction import Bounds
from stagenorm_pipeline.engine.apply.events import Event
from stagenorm_pipeline.engine.apply.run_limits import Budget, BudgetEnd
from stagenorm_pipeline.engine.plan.batch_types import BatchResult, PlanKind
from stagenorm_pipeline.engine.plan.queue import QueueScope
from stagenorm_pipeline.engine.plan.request import DEFAULT_SLEEP_MS
from stagenorm_pipeline.engine.targets.funds import FundScope
from stagenorm_pipeline.engine.targets.target import resolve_targets
from stagenorm_pipeline.vocabulary import Vocabulary


def _ignore(event: Event) -> None:
    """Ignore the event, for callers who do not watch."""


def _never() -> bool:
    return False


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplyRequest:
    """What to apply and how. `plan_id` None: every open plan in the scope, of `kind` if one is given.

    `sleep_ms` is the sleep of each session between its batches. `vocabulary`: the current vocabulary; plans made with
    another one are refused. None: not compared, for a rollback. `throttle` None: never throttled, and no guard is
    read. `pacing` None: each batch has a transaction of its own. `parallel`: how many sessions of this process apply
    batches at once. `excluded_funds`: their batches stay as they are. `batch_ids`: only these; None: any.

    `watch` hears every event in the caller's thread. With several sessions `should_stop` is called from their threads.
    """

    worker: str
    run_by: str
    plan_id: int | None = None
    kind: PlanKind | None = None
    scope: FundScope = field(default_factory=FundScope)
    targets: tuple[TargetSetting, ...] | None = None
    sleep_ms: int = DEFAULT_SLEEP_MS
    bounds: Bounds = field(default_factory=Bounds)
    watch: Callable[[Event], None] = _ignore
    should_stop: Callable[[], bool] = _never
    vocabulary: Vocabulary | None = None
    throttle: ThrottleSettings | None = None
    guards: tuple[GuardSettings, ...] = ()
    pacing: Pacing | None = None
    parallel: int = 1
    budget: Budget = field(default_factory=Budget)
    excluded_funds: frozenset[str | None] = frozenset()
    batch_ids: tuple[int, ...] | None = None

    def queue_scope(self, connection: sa.Connection) -> QueueScope:
        """Resolve the targets, and return which batches the runner may apply."""
        names = None
        if self.targets is not None:
            names = [target.name for target in resolve_targets(connection, self.targets)]
        return QueueScope(
            plan_id=self.plan_id,
            kind=self.kind,
            funds=self.scope,
            targets=names,
            excluded_funds=self.excluded_funds,
            batch_ids=self.batch_ids,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplyResult:
    """The batches that this runner ran, and their rows.

    `taken`: batches that another runner had at the end. `vanished`: batches that were waiting at the start and were
    deleted since. `stopped`: a stop was requested and batches are left. `budget_end`: the budget is used up and batches
    are left.
    """

    batches: int = 0
    completed: int = 0
    failed: int = 0
    taken: int = 0
    vanished: int = 0
    stopped: bool = False
    budget_end: BudgetEnd = BudgetEnd.NONE
    rows: BatchResult = field(default_factory=BatchResult)

    @property
    def ok(self) -> bool:
        return not (self.failed or self.taken or self.vanished or self.stopped)

    def __add__(self, later: "ApplyResult") -> "ApplyResult":
        return ApplyResult(
            batches=self.batches + later.batches,
            completed=self.completed + later.completed,
            failed=self.failed + later.failed,
            taken=self.taken + later.taken,
            vanished=self.vanished + later.vanished,
            stopped=self.stopped or later.stopped,
            budget_end=later.budget_end if self.budget_end is BudgetEnd.NONE else self.budget_end,
            rows=self.rows + later.rows,
        )
