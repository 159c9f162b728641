"""Apply the open batches of plans: claim the next group, run it in one transaction, record its outcome, repeat.

A group is a single batch, unless pacing allows more. PostgreSQL holds all progress: after a runner is killed there is
nothing to repair, and any other runner continues.
"""

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, TypeVar, assert_never

import psycopg
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from stagenorm_pipeline.config.auto_batch_size import MAX_GROUP_SIZE, Pacing
from stagenorm_pipeline.config.configuration import TargetSetting
from stagenorm_pipeline.config.throttle import ThrottleSettings
from stagenorm_pipeline.engine.apply.auto_batch_size import Pacer
from stagenorm_pipeline.engine.apply.batch_transaction import (
    WAITING_STATUSES,
    Bounds,
    NeedsOwnTransactionError,
    UnavailableError,
    bound_claim,
    bound_transaction,
    claim_batches,
    run_batches,
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
from stagenorm_pipeline.engine.apply.outcome import Completed, Failed, Gone, Outcome, Split, Taken
from stagenorm_pipeline.engine.apply.row_updates import RewrittenError, RowErrors
from stagenorm_pipeline.engine.apply.waits import Waits
from stagenorm_pipeline.engine.monitor.runners import RunnerEntry
from stagenorm_pipeline.engine.plan.batch_types import Batch, BatchResult, PlanKind
from stagenorm_pipeline.engine.plan.life_cycle import close_finished_plans
from stagenorm_pipeline.engine.plan.queue import count_deleted, next_group, planned_target, waiting_work
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

# A full disk or a read-only server fails every batch: without a limit the same error would be written a thousand times.
_MAX_FAILURES_IN_A_ROW = 3

# A shorter transaction is too short to have blocked another session, so the lock table is not read after it.
_SHORTEST_BLOCKING_S = 0.1

T = TypeVar("T")


def _ignore(event: Event) -> None:
    """Ignore the event, for callers who do not watch."""


def _never() -> bool:
    return False


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplyRequest:
    """What to apply and how. `plan_id` None: every open plan in the scope, of `kind` if one is given.

    `sleep_ms` is the sleep between batches. `vocabulary`: the current vocabulary; plans made with another one are
    refused. None: not compared, for a rollback. `throttle` None: never throttled. `pacing` None: each batch has a
    transaction of its own.
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
    """The batches that this runner ran, and their rows.

    `taken`: batches that another runner had at the end. `vanished`: batches that were waiting at the start and were
    deleted since. `stopped`: a stop was requested and batches are left.
    """

    batches: int = 0
    completed: int = 0
    failed: int = 0
    taken: int = 0
    vanished: int = 0
    stopped: bool = False
    rows: BatchResult = field(default_factory=BatchResult)

    @property
    def ok(self) -> bool:
        return not (self.failed or self.taken or self.vanished or self.stopped)


def apply_batches(database: Database, request: ApplyRequest) -> ApplyResult:
    """Claim and run every waiting batch in the scope, each once.

    A failed batch does not stop the others; three failed batches in a row do. Raises StagenormError when the database
    cannot be reached after the retries, refuses the privileges, or lacks the migrations, and OtherVocabularyError
    before the first batch of a plan that was made with another vocabulary.
    """
    return _Runner(database, request).run()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Claim:
    """The batches that come next. `is_claimed` False: another runner has the first of them, so none was claimed."""

    batches: tuple[Batch, ...]
    is_claimed: bool


class _Runner:
    """Apply batches in the order of plan and number. `_position`: plan and number of the last batch with an outcome."""

    def __init__(self, database: Database, request: ApplyRequest) -> None:
        self._database = database
        self._request = request
        self._result = ApplyResult()
        self._position = (0, 0)
        self._targets: dict[str, Target] = {}
        self._target_names: list[str] | None = None
        self._batches_found: list[int] = []
        self._plans_with_same_vocabulary: set[int] = set()
        self._failures_in_a_row = 0
        self._pacer = Pacer(request.pacing) if request.pacing else None
        self._group_size = _GroupSize()
        self._entry = RunnerEntry(database, worker=request.worker, run_by=request.run_by, plan_id=request.plan_id)
        self._waits = Waits(
            database,
            sleep_ms=request.sleep_ms,
            throttle=request.throttle,
            should_stop=request.should_stop,
            watch=request.watch,
            record=self._record_throttle,
            retry=self._with_retries,
        )

    def run(self) -> ApplyResult:
        self._with_retries(self._find_work)
        try:
            self._run_all()
            if self._batches_found:
                self._result = replace(self._result, vanished=self._with_retries(self._count_deleted))
            failpoint(Failpoint.APPLY_BEFORE_CLOSE)
            self._with_retries(self._close_finished_plans)
        finally:
            self._waits.close()
            # Best effort: this row is informational, and an error here must not mask the original one.
            with suppress(DBAPIError, psycopg.Error, StagenormError):
                self._entry.end()
        return self._result

    def _find_work(self) -> None:
        """Check the migrations and targets, and report which batches are waiting."""
        with self._database.transaction(is_short=True) as connection:
            require_migrations(connection)
            if self._request.targets is not None:
                self._target_names = [target.name for target in resolve_targets(connection, self._request.targets)]
            self._batches_found, rows = waiting_work(connection, **self._scope())
        self._request.watch(WorkFound(batches=len(self._batches_found), rows=rows))

    def _run_all(self) -> None:
        """Run groups until no batch is waiting or a stop is requested."""
        while True:
            if self._result.batches and self._request.sleep_ms > 0 and self._next_batch():
                self._waits.sleep()
            self._waits.wait_while_throttled(self._next_table)
            if self._request.should_stop():
                self._result = replace(self._result, stopped=self._next_batch() is not None)
                return
            failpoint(Failpoint.APPLY_BEFORE_CLAIM)
            claim = self._with_retries(self._claim_next)
            if not claim.batches:
                # The pause may have ended between the two reads: then a batch is waiting after all.
                if self._waits.wait_while_paused() or self._next_batch():
                    continue
                return
            outcomes = self._run_group(claim.batches) if claim.is_claimed else [self._find_owner(claim.batches[0])]
            for outcome in outcomes:
                self._record_outcome(outcome)
            self._group_size.adapt(claim.batches, outcomes)
            failpoint(Failpoint.APPLY_BETWEEN_BATCHES)

    def _claim_next(self) -> _Claim:
        """Find the next batches and claim them, in one transaction: two would double the cost."""
        rows, most = (self._pacer.rows, self._group_size.most) if self._pacer else (0, 1)
        with self._database.transaction(is_short=True) as connection:
            bound_claim(connection, self._request.bounds)
            batches = next_group(connection, self._position, **self._scope(), rows=rows, most=most)
            if not batches:
                return _Claim(batches=(), is_claimed=False)
            self._require_same_vocabulary(connection, batches[0])
            claimed = claim_batches(connection, batches, worker=self._request.worker)
        if not claimed:
            return _Claim(batches=batches[:1], is_claimed=False)
        failpoint(Failpoint.APPLY_CLAIMED)
        self._with_retries(self._entry.keep)
        return _Claim(batches=claimed, is_claimed=True)

    def _require_same_vocabulary(self, connection: sa.Connection, batch: Batch) -> None:
        vocabulary = self._request.vocabulary
        if vocabulary is not None and batch.plan_id not in self._plans_with_same_vocabulary:
            require_same_vocabulary(connection, batch.plan_id, vocabulary)
            self._plans_with_same_vocabulary.add(batch.plan_id)

    def _run_group(self, batches: Sequence[Batch]) -> list[Outcome]:
        """Run the claimed batches in one transaction, and return an outcome for each batch, or Split for all."""
        for batch in batches:
            self._request.watch(BatchStarted(batch=batch))
        if len(batches) == 1:
            return [self._run_with_retries(batches[0])]
        try:
            results = self._run_transaction(batches, RowErrors.NONE)
        except UnconfirmedCommitError:
            raise
        except (DBAPIError, psycopg.Error, UnavailableError, NeedsOwnTransactionError, StagenormError) as error:
            self._request.watch(GroupSplit(batches=len(batches), reason=first_line(error)))
            if classify(error) is Failure.CONNECTION:
                # The commit may have succeeded although its answer was lost. Each batch alone finds out.
                return [self._run_with_retries(batch) for batch in batches]
            return [Split(batches=tuple(batches))]
        return [Completed(batch=batch, result=result) for batch, result in zip(batches, results, strict=True)]

    def _run_with_retries(self, batch: Batch) -> Outcome:
        """Run a batch in a transaction of its own: retry passing errors, and refuse rows that the database refuses."""
        row_errors = RowErrors.NONE
        while True:
            try:
                (result,) = self._with_retries(partial(self._run_transaction, [batch], row_errors), batch)
            except UnavailableError:
                return self._find_owner(batch)
            except (DBAPIError, psycopg.Error, RefusedError, RewrittenError) as error:
                wider = row_errors.next_wider(error)
                if wider is None:
                    if isinstance(error, RefusedError):
                        raise
                    return self._record_failure(batch, first_line(error))
                row_errors = wider
            else:
                return Completed(batch=batch, result=result)

    def _run_transaction(self, batches: Sequence[Batch], row_errors: RowErrors) -> tuple[BatchResult, ...]:
        request = self._request
        started = time.monotonic()
        with self._database.transaction(is_short=True) as connection:
            results = run_batches(
                connection,
                batches,
                self._target(connection, batches[0]),
                worker=request.worker,
                run_by=request.run_by,
                bounds=request.bounds,
                row_errors=row_errors,
            )
            waiters = self._sessions_waiting(connection, started)
            failpoint(Failpoint.APPLY_BEFORE_COMMIT)
        failpoint(Failpoint.APPLY_AFTER_COMMIT)
        # Retries and row-by-row attempts are not timed: they would skew the batch size.
        if self._pacer and row_errors is RowErrors.NONE and not batches[0].was_tried:
            self._pacer.note(sum(result.rows_updated for result in results), (time.monotonic() - started) * 1_000)
        if self._waits.note_waiters(waiters) and self._pacer:
            self._pacer.slow_down()
        return results

    def _sessions_waiting(self, connection: sa.Connection, started: float) -> tuple[Waiter, ...]:
        """Read which sessions wait for locks of this transaction, if it took long enough to block any."""
        is_long = time.monotonic() - started >= _SHORTEST_BLOCKING_S
        return waiters_behind(connection) if is_long and self._waits.has_throttle else ()

    def _find_owner(self, batch: Batch) -> Taken | Gone:
        """Find out why the batch could not be locked; by now it may be completed or cancelled."""
        row = self._with_retries(lambda: self._read_status(batch), batch)
        # Not only `running`: while another runner's claim is uncommitted, the old status is read.
        if row is None or row.status not in WAITING_STATUSES:
            return Gone(batch=batch)
        # A failed claim of this runner may have overwritten the name of the runner that has the batch.
        is_known = row.worker is not None and row.worker != self._request.worker
        return Taken(batch=batch, worker=row.worker if is_known else None)

    def _record_failure(self, batch: Batch, message: str) -> Failed:
        def record() -> None:
            with self._database.transaction(is_short=True) as connection:
                connection.exec_driver_sql(
                    statement("apply/fail_batch"),
                    {"batch_id": batch.batch_id, "error_message": message, "worker": self._request.worker},
                )

        self._with_retries(record, batch)
        return Failed(batch=batch, error=message)

    def _record_outcome(self, outcome: Outcome) -> None:
        """Add the outcome to the result and report it. Raises StagenormError after too many failures in a row."""
        so_far = self._result
        watch = self._request.watch
        match outcome:
            case Completed(batch=batch, result=rows):
                self._failures_in_a_row = 0
                watch(BatchCompleted(batch=batch, result=rows))
                failed = 1 if rows.refusals else 0
                self._result = replace(
                    so_far,
                    batches=so_far.batches + 1,
                    completed=so_far.completed + 1 - failed,
                    failed=so_far.failed + failed,
                    rows=so_far.rows + rows,
                )
            case Failed(batch=batch, error=error):
                watch(BatchFailed(batch=batch, error=error))
                self._failures_in_a_row += 1
                if self._failures_in_a_row >= _MAX_FAILURES_IN_A_ROW:
                    raise StagenormError(
                        f"{_MAX_FAILURES_IN_A_ROW} batches in a row failed as a whole; the last: {error}",
                        remedy="Fix the cause, then run `stagenorm resume`. "
                        "Every batch is either complete or untouched.",
                    )
                self._result = replace(so_far, batches=so_far.batches + 1, failed=so_far.failed + 1)
            case Taken(batch=batch, worker=worker):
                watch(BatchTaken(batch=batch, worker=worker or "another runner"))
                self._result = replace(so_far, taken=so_far.taken + 1)
            case Gone(batch=batch):
                pass
            case Split():
                return
            case _:
                assert_never(outcome)
        self._position = (batch.plan_id, batch.number)

    def _target(self, connection: sa.Connection, batch: Batch) -> Target:
        if batch.target.name not in self._targets:
            # Bounded too, because resolving the target waits for the table's lock.
            bound_transaction(connection, self._request.bounds)
            self._targets[batch.target.name] = planned_target(connection, batch)
        return self._targets[batch.target.name]

    def _next_batch(self) -> Batch | None:
        """Find the next waiting batch without claiming it, even while all work is paused."""

        def find() -> Batch | None:
            with self._database.transaction(is_short=True) as connection:
                return next(iter(next_group(connection, self._position, **self._scope(), even_if_paused=True)), None)

        return self._with_retries(find)

    def _next_table(self) -> str | None:
        batch = self._next_batch()
        return batch.target.table_name if batch else None

    def _record_throttle(self, reason: ThrottleReason | None) -> None:
        self._with_retries(partial(self._entry.set_throttled, reason))

    def _scope(self) -> dict[str, Any]:
        request = self._request
        return {"plan_id": request.plan_id, "kind": request.kind, "scope": request.scope, "targets": self._target_names}

    def _read_status(self, batch: Batch) -> sa.Row[Any] | None:
        with self._database.transaction(is_short=True) as connection:
            return connection.exec_driver_sql(
                "SELECT status, worker FROM stage_migration_batches WHERE batch_id = %(batch_id)s",
                {"batch_id": batch.batch_id},
            ).one_or_none()

    def _close_finished_plans(self) -> None:
        with self._database.transaction() as connection:
            close_finished_plans(connection)

    def _count_deleted(self) -> int:
        with self._database.transaction(is_short=True) as connection:
            return count_deleted(connection, self._batches_found)

    def _with_retries(self, attempt: Callable[[], T], batch: Batch | None = None) -> T:
        def announce(error: str, number: int, wait_s: float) -> None:
            self._entry.forget_session()
            self._request.watch(Retrying(batch=batch, error=error, attempt=number, wait_s=wait_s))

        return with_retries(attempt, announce)


class _GroupSize:
    """The most batches that may share a transaction: halved after a split, doubled after success.

    Bisecting finds the bad batch in O(log n) attempts. The size does not grow again before the split group is past.
    """

    def __init__(self) -> None:
        self.most = MAX_GROUP_SIZE
        self._split_until = (0, 0)

    def adapt(self, batches: Sequence[Batch], outcomes: Sequence[Outcome]) -> None:
        """Adapt the size to what happened to the group."""
        last = (batches[-1].plan_id, batches[-1].number)
        if any(isinstance(outcome, Split) for outcome in outcomes):
            self.most = max(1, len(batches) // 2)
            self._split_until = last
        elif last >= self._split_until and all(
            isinstance(outcome, Completed) and not outcome.result.refusals for outcome in outcomes
        ):
            self.most = min(MAX_GROUP_SIZE, 2 * self.most)
