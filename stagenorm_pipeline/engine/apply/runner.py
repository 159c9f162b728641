"""Applying recorded batches, one transaction each, until none waits in the scope asked for.

With pacing one transaction takes as many consecutive batches as the pacer allows; where that does not go through, fewer
and in the end each alone. PostgreSQL holds all progress: a runner that is killed leaves nothing to repair, and another
one goes on. Does not belong here: what happens inside a batch's transaction (see `batch_work`), what is waited for
between two (see `intermission`), or how progress is shown.
"""

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, TypeVar

import psycopg
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from stagenorm_pipeline.config.pacing import MOST_BATCHES_TOGETHER, Pacing
from stagenorm_pipeline.config.settings import TargetSetting
from stagenorm_pipeline.config.throttle import ThrottleSettings
from stagenorm_pipeline.engine.apply.batch_transaction import (
    WAITING,
    Bounds,
    Narrowing,
    NotTogetherError,
    RewrittenError,
    bound_claim,
    bound_transaction,
    claim_batches,
    work_batch,
    work_group,
)
from stagenorm_pipeline.engine.apply.events import (
    BatchCompleted,
    BatchFailed,
    BatchStarted,
    BatchTaken,
    Event,
    GroupSplit,
    Retrying,
    WorkFound,
)
from stagenorm_pipeline.engine.apply.pacing import Pacer
from stagenorm_pipeline.engine.apply.waits import Waits
from stagenorm_pipeline.engine.monitor.runners import RunnerEntry
from stagenorm_pipeline.engine.plan.batch import Batch, BatchResult, PlanKind
from stagenorm_pipeline.engine.plan.plan import close_finished_plans
from stagenorm_pipeline.engine.plan.queue import count_vanished, next_group, planned_target, waiting_work
from stagenorm_pipeline.engine.plan.request import DEFAULT_SLEEP_MS
from stagenorm_pipeline.engine.plan.vocabulary_check import require_same_vocabulary
from stagenorm_pipeline.engine.postgres.bounded_connection import UnconfirmedCommitError
from stagenorm_pipeline.engine.postgres.connection import Database, first_line
from stagenorm_pipeline.engine.postgres.failpoints import Failpoint, failpoint
from stagenorm_pipeline.engine.postgres.migrations import require_migrations
from stagenorm_pipeline.engine.postgres.retry import Failure, classify, with_retries
from stagenorm_pipeline.engine.postgres.sql_files import statement
from stagenorm_pipeline.engine.targets.funds import FundScope
from stagenorm_pipeline.engine.targets.target import Target, resolve_targets
from stagenorm_pipeline.engine.throttle.probe import Waiter, waiters_behind
from stagenorm_pipeline.engine.throttle.throttled import ThrottleReason
from stagenorm_pipeline.errors import RefusedError, StagenormError
from stagenorm_pipeline.vocabulary import Vocabulary

# A full disk or a read-only server fails every batch alike: going on would only write the same error a thousand times.
_FAILURES_IN_A_ROW = 3

# A transaction that is over sooner can have kept nobody waiting long, and is not worth the look at the lock table.
_WORTH_A_LOOK_S = 0.1

T = TypeVar("T")


def _ignore(event: Event) -> None:
    """For callers who do not watch."""


def _never() -> bool:
    return False


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplyRequest:
    """What to apply and how. `plan_id` None: every open plan in the scope, of `kind` where one is given.

    `sleep_ms` is the pause between batches. `vocabulary`: what spellings mean now; a plan that was made with another
    one is refused. None: not compared, for a rollback. `throttle` None: nothing but the sleep holds it up. `pacing`
    None: each batch has a transaction of its own.
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
    pacing: Pacing | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplyResult:
    """What became of the batches that this runner took.

    `held`: batches that another worker had at the end. `vanished`: batches that waited at the start, and that somebody
    deleted since.
    """

    batches: int = 0
    completed: int = 0
    failed: int = 0
    held: int = 0
    vanished: int = 0
    stopped: bool = False
    rows: BatchResult = field(default_factory=BatchResult)

    @property
    def ok(self) -> bool:
        return not (self.failed or self.held or self.vanished or self.stopped)


def apply_batches(database: Database, request: ApplyRequest) -> ApplyResult:
    """Take and do every waiting batch in the scope, each once.

    A batch that fails does not stop the others; three that fail in a row as a whole do. Raises StagenormError when the
    database cannot be reached after the retries, refuses the privileges, or lacks the migrations, and
    OtherVocabularyError before the first batch of a plan that was made with another vocabulary.
    """
    return _Runner(database, request).run()


class _Runner:
    def __init__(self, database: Database, request: ApplyRequest) -> None:
        self._database = database
        self._request = request
        self._targets: dict[str, Target] = {}
        self._names: list[str] | None = None
        self._found: list[int] = []
        self._compared_plans: set[int] = set()
        self._failures_in_a_row = 0
        self._pacer = Pacer(request.pacing) if request.pacing else None
        self._group_size = _GroupSize()
        self._entry = RunnerEntry(database, worker=request.worker, run_by=request.run_by, plan_id=request.plan_id)
        self._between = Waits(
            database,
            sleep_ms=request.sleep_ms,
            throttle=request.throttle,
            should_stop=request.should_stop,
            watch=request.watch,
            record=self._record_throttle,
            retry=self._with_retries,
        )

    def run(self) -> ApplyResult:
        self._with_retries(self._look)
        try:
            result = self._apply()
            if self._found:
                result = replace(result, vanished=self._with_retries(self._count_vanished))
            failpoint(Failpoint.APPLY_BEFORE_CLOSE)
            self._with_retries(self._close_finished_plans)
        finally:
            self._between.close()
            # For people only, and the error that brought us here must not be hidden behind another.
            with suppress(DBAPIError, psycopg.Error, StagenormError):
                self._entry.end()
        return result

    def _apply(self) -> ApplyResult:
        result = ApplyResult()
        after = (0, 0)
        while True:
            if result.batches and self._request.sleep_ms > 0 and self._peek(after):
                self._between.sleep()
            self._between.hold(partial(self._next_table, after))
            if self._request.should_stop():
                return replace(result, stopped=self._peek(after) is not None)
            failpoint(Failpoint.APPLY_BEFORE_CLAIM)
            batches, is_claimed = self._with_retries(partial(self._take, after))
            if not batches:
                # Unpaused between the two looks: there is a batch after all.
                if self._between.is_paused() or self._peek(after):
                    continue
                return result
            outcomes = self._attempt(batches) if is_claimed else [None]
            # No outcome at all: they did not go through together. The same ones come again, fewer at once.
            for batch, outcome in zip(batches, outcomes, strict=False):
                after = (batch.plan_id, batch.number)
                result = self._add(result, batch, outcome)
            self._group_size.learn(batches, outcomes)
            failpoint(Failpoint.APPLY_BETWEEN_BATCHES)

    def _look(self) -> None:
        """See that all is there, and what waits."""
        with self._database.transaction(is_short=True) as connection:
            require_migrations(connection)
            if self._request.targets is not None:
                self._names = [target.name for target in resolve_targets(connection, self._request.targets)]
            self._found, rows = waiting_work(connection, **self._scope())
        self._request.watch(WorkFound(batches=len(self._found), rows=rows))

    def _add(self, so_far: ApplyResult, batch: Batch, outcome: BatchResult | str | None) -> ApplyResult:
        if outcome is None:
            return _plus(so_far, held=1) if self._is_held(batch) else so_far
        if isinstance(outcome, str):
            self._request.watch(BatchFailed(batch=batch, error=outcome))
            self._failures_in_a_row += 1
            if self._failures_in_a_row >= _FAILURES_IN_A_ROW:
                raise StagenormError(
                    f"{_FAILURES_IN_A_ROW} batches in a row failed as a whole; the last: {outcome}",
                    remedy="Mend the cause, then go on with `stagenorm resume`. Nothing is half done.",
                )
            return _plus(so_far, batches=1, failed=1)
        self._failures_in_a_row = 0
        self._request.watch(BatchCompleted(batch=batch, result=outcome))
        failed = 1 if outcome.refusals else 0
        return _plus(so_far, batches=1, completed=1 - failed, failed=failed, rows=outcome)

    def _take(self, after: tuple[int, int]) -> tuple[tuple[Batch, ...], bool]:
        """The next batches, and whether they could be claimed; one transaction for both, as it is paid each time."""
        rows, most = (self._pacer.rows, self._group_size.most) if self._pacer else (0, 1)
        with self._database.transaction(is_short=True) as connection:
            bound_claim(connection, self._request.bounds)
            batches = next_group(connection, after, **self._scope(), rows=rows, most=most)
            if not batches:
                return (), False
            self._require_same_vocabulary(connection, batches[0])
            claimed = claim_batches(connection, batches, worker=self._request.worker)
        if not claimed:
            return batches[:1], False
        failpoint(Failpoint.APPLY_CLAIMED)
        self._with_retries(self._entry.keep)
        return claimed, True

    def _require_same_vocabulary(self, connection: sa.Connection, batch: Batch) -> None:
        vocabulary = self._request.vocabulary
        if vocabulary is not None and batch.plan_id not in self._compared_plans:
            require_same_vocabulary(connection, batch.plan_id, vocabulary)
            self._compared_plans.add(batch.plan_id)

    def _attempt(self, batches: Sequence[Batch]) -> Sequence[BatchResult | str | None]:
        """What became of each batch; of several that did not go through together, of none."""
        for batch in batches:
            self._request.watch(BatchStarted(batch=batch))
        if len(batches) == 1:
            return [self._do(batches[0])]
        try:
            return self._work_together(batches)
        except UnconfirmedCommitError:
            raise
        except (DBAPIError, psycopg.Error, NotTogetherError, RewrittenError, StagenormError) as error:
            self._request.watch(GroupSplit(batches=len(batches), reason=first_line(error)))
            # The commit may have arrived, and only its answer be lost: each alone finds out what became of it.
            return [self._do(batch) for batch in batches] if classify(error) is Failure.CONNECTION else ()

    def _work_together(self, batches: Sequence[Batch]) -> Sequence[BatchResult]:
        request = self._request
        started = time.monotonic()
        with self._database.transaction(is_short=True) as connection:
            results = work_group(
                connection,
                batches,
                self._target(connection, batches[0]),
                worker=request.worker,
                run_by=request.run_by,
                bounds=request.bounds,
            )
            waiters = self._waiters(connection, started)
            failpoint(Failpoint.APPLY_BEFORE_COMMIT)
        failpoint(Failpoint.APPLY_AFTER_COMMIT)
        self._learn(sum(result.rows_updated for result in results), started)
        self._note(waiters)
        return results

    def _do(self, batch: Batch) -> BatchResult | str | None:
        """The batch's result; an error's text when it failed as a whole; None when it was not ours to do."""
        narrowing = Narrowing.NONE
        while True:
            try:
                return self._with_retries(partial(self._work, batch, narrowing), batch)
            except NotTogetherError:
                # Somebody deleted the batch. What it changed is rolled back; `vanished` counts it.
                return None
            except (DBAPIError, psycopg.Error, RefusedError, RewrittenError) as error:
                wider = narrowing.after(error)
                if wider is None:
                    if isinstance(error, RefusedError):
                        raise
                    message = first_line(error)
                    break
            narrowing = wider
        self._with_retries(lambda: self._fail(batch, message), batch)
        return message

    def _work(self, batch: Batch, narrowing: Narrowing) -> BatchResult | None:
        request = self._request
        started = time.monotonic()
        with self._database.transaction(is_short=True) as connection:
            result = work_batch(
                connection,
                batch,
                self._target(connection, batch),
                worker=request.worker,
                run_by=request.run_by,
                bounds=request.bounds,
                narrowing=narrowing,
            )
            waiters = self._waiters(connection, started)
            failpoint(Failpoint.APPLY_BEFORE_COMMIT)
        failpoint(Failpoint.APPLY_AFTER_COMMIT)
        # What is done again, or row by row, says little about what a batch costs.
        if result is not None and not batch.was_tried and narrowing is Narrowing.NONE:
            self._learn(result.rows_updated, started)
        self._note(waiters)
        return result

    def _waiters(self, connection: sa.Connection, started: float) -> tuple[Waiter, ...]:
        is_worth_it = self._between.is_throttled and time.monotonic() - started >= _WORTH_A_LOOK_S
        return waiters_behind(connection) if is_worth_it else ()

    def _learn(self, rows: int, started: float) -> None:
        if self._pacer:
            self._pacer.note(rows, (time.monotonic() - started) * 1_000)

    def _note(self, waiters: tuple[Waiter, ...]) -> None:
        if self._between.note_waiters(waiters) and self._pacer:
            self._pacer.slow_down()

    def _fail(self, batch: Batch, message: str) -> None:
        with self._database.transaction(is_short=True) as connection:
            connection.exec_driver_sql(
                statement("apply/fail_batch"),
                {"batch_id": batch.batch_id, "error_message": message, "worker": self._request.worker},
            )

    def _target(self, connection: sa.Connection, batch: Batch) -> Target:
        if batch.target not in self._targets:
            # Before the bounds of the batch itself: this waits for the table's lock too.
            bound_transaction(connection, self._request.bounds)
            self._targets[batch.target] = planned_target(connection, batch)
        return self._targets[batch.target]

    def _peek(self, after: tuple[int, int]) -> Batch | None:
        """The batch beyond `after` that waits, paused or not."""

        def look() -> Batch | None:
            with self._database.transaction(is_short=True) as connection:
                return next(iter(next_group(connection, after, **self._scope(), even_if_paused=True)), None)

        return self._with_retries(look)

    def _next_table(self, after: tuple[int, int]) -> str | None:
        batch = self._peek(after)
        return f"{batch.schema}.{batch.table}" if batch else None

    def _record_throttle(self, hold: ThrottleReason | None) -> None:
        self._with_retries(partial(self._entry.set_throttled, hold))

    def _scope(self) -> dict[str, Any]:
        request = self._request
        return {"plan_id": request.plan_id, "kind": request.kind, "scope": request.scope, "targets": self._names}

    def _is_held(self, batch: Batch) -> bool:
        """Whether somebody works on the batch, which we could not have; it may as well be done or cancelled by now."""
        row = self._with_retries(lambda: self._status_and_worker(batch), batch)
        # Not only `running`: while its holder writes the claim, others read the status before it.
        if row is None or row.status not in WAITING:
            return False
        # A claim of ours that came to nothing overwrote the name of the one at work.
        is_known = row.worker is not None and row.worker != self._request.worker
        self._request.watch(BatchTaken(batch=batch, worker=row.worker if is_known else "another worker"))
        return True

    def _status_and_worker(self, batch: Batch) -> sa.Row[Any] | None:
        with self._database.transaction(is_short=True) as connection:
            return connection.exec_driver_sql(
                "SELECT status, worker FROM stage_migration_batches WHERE batch_id = %(batch_id)s",
                {"batch_id": batch.batch_id},
            ).one_or_none()

    def _close_finished_plans(self) -> None:
        with self._database.transaction() as connection:
            close_finished_plans(connection)

    def _count_vanished(self) -> int:
        with self._database.transaction(is_short=True) as connection:
            return count_vanished(connection, self._found)

    def _with_retries(self, attempt: Callable[[], T], batch: Batch | None = None) -> T:
        def announce(error: str, number: int, wait_s: float) -> None:
            self._entry.forget_session()
            self._request.watch(Retrying(batch=batch, error=error, attempt=number, wait_s=wait_s))

        return with_retries(attempt, announce)


class _GroupSize:
    """How many batches may share a transaction: half as many where they did not go through, double after success.

    What stands in the way is in the group that did not go through, and halving finds it in as many steps as the group's
    size has binary digits; up to its end nothing grows.
    """

    def __init__(self) -> None:
        self.most = MOST_BATCHES_TOGETHER
        self._doubtful_until = (0, 0)

    def learn(self, batches: Sequence[Batch], outcomes: Sequence[BatchResult | str | None]) -> None:
        last = (batches[-1].plan_id, batches[-1].number)
        if not outcomes:
            self.most = max(1, len(batches) // 2)
            self._doubtful_until = last
        elif last >= self._doubtful_until and all(
            isinstance(one, BatchResult) and not one.refusals for one in outcomes
        ):
            self.most = min(MOST_BATCHES_TOGETHER, 2 * self.most)


def _plus(
    so_far: ApplyResult,
    *,
    batches: int = 0,
    completed: int = 0,
    failed: int = 0,
    held: int = 0,
    rows: BatchResult | None = None,
) -> ApplyResult:
    return replace(
        so_far,
        batches=so_far.batches + batches,
        completed=so_far.completed + completed,
        failed=so_far.failed + failed,
        held=so_far.held + held,
        rows=so_far.rows + rows if rows else so_far.rows,
    )
