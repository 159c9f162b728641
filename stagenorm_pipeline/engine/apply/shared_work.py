"""What the sessions of one runner share: which batch comes next, the result so far, the waits, the runner's entry.

Every method may be called from any session's thread.
"""

import threading
from collections import deque
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import TypeVar, assert_never

import psycopg
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from stagenorm_pipeline.engine.apply.events import (
    BatchCompleted,
    BatchFailed,
    BatchTaken,
    Event,
    Retrying,
    WorkFound,
)
from stagenorm_pipeline.engine.apply.outcome import Completed, Failed, Gone, Outcome, Split, Taken
from stagenorm_pipeline.engine.apply.pause import read_control
from stagenorm_pipeline.engine.apply.request import ApplyRequest, ApplyResult
from stagenorm_pipeline.engine.apply.run_limits import MAX_FAILURES_IN_A_ROW, Budget, BudgetEnd
from stagenorm_pipeline.engine.apply.session_count import SessionCount
from stagenorm_pipeline.engine.apply.tuning import Tuning, read_spare_connections
from stagenorm_pipeline.engine.apply.waits import Waits
from stagenorm_pipeline.engine.monitor.runners import RunnerEntry
from stagenorm_pipeline.engine.plan.batch_types import Batch
from stagenorm_pipeline.engine.plan.life_cycle import close_finished_plans
from stagenorm_pipeline.engine.plan.queue import QueueScope, count_deleted, next_batch, waiting_work
from stagenorm_pipeline.engine.postgres.connection import Database
from stagenorm_pipeline.engine.postgres.migrations import require_migrations
from stagenorm_pipeline.engine.postgres.retry import with_retries
from stagenorm_pipeline.engine.throttle.throttled import ThrottleReason
from stagenorm_pipeline.errors import StagenormError

T = TypeVar("T")


class AbandonedError(Exception):
    """The runner ended at once, so this session starts no further transaction."""


class SharedWork:
    """The work of one runner. `watch` hears the events.

    `position`: plan and number of the last batch that a session claimed or passed. `following`: batches that wait after
    it, as far as the last claim found them. `rows_claimed`: the planned rows of the claimed batches. Read and move them
    under `order`, so that no two sessions choose the same batch.
    """

    def __init__(self, database: Database, request: ApplyRequest, watch: Callable[[Event], None]) -> None:
        self.request = request
        self.watch = watch
        self.order = threading.Lock()
        self.position = (0, 0)
        self.following: deque[Batch] = deque()
        self.rows_claimed = 0
        self._database = database
        self.scope = QueueScope(plan_id=request.plan_id, kind=request.kind, funds=request.scope)
        self._batches_found: list[int] = []
        self._result = ApplyResult()
        self._failures_in_a_row = 0
        self._recording = threading.Lock()
        self.sessions = SessionCount(told=request.parallel, batches=1)
        self._is_ending = threading.Event()
        self._is_abandoned = threading.Event()
        self._was_stopped = self._has_rest = False
        self._entry = RunnerEntry(database, worker=request.worker, run_by=request.run_by, plan_id=request.plan_id)
        self.waits = Waits(
            database,
            sleep_ms=request.sleep_ms,
            throttle=request.throttle,
            guards=request.guards,
            should_stop=self.should_stop,
            watch=watch,
            record=self._record_throttle,
            retry=self.with_retries,
        )

    def find_work(self) -> None:
        """Check the migrations and targets, and report which batches are waiting."""
        rows = self.with_retries(self._find_work)
        self.watch(WorkFound(batches=len(self._batches_found), rows=rows))

    def finish(self) -> ApplyResult:
        """Close the plans that are done, after all sessions ended, and return the result."""
        has_rest = self._was_stopped and (self._has_rest or self.next_batch() is not None)
        budget_end = self.budget_end() if has_rest and not self._is_stopping() else BudgetEnd.NONE
        has_stopped = has_rest and budget_end is BudgetEnd.NONE
        vanished = self.with_retries(self._count_deleted) if self._batches_found else 0
        self.with_retries(self._close_finished_plans)
        return replace(self._result, stopped=has_stopped, budget_end=budget_end, vanished=vanished)

    def should_stop(self) -> bool:
        """Tell whether to start no further batch: by request, after an error, or because the budget is used up."""
        return self._is_stopping() or self.budget_end() is not BudgetEnd.NONE

    def budget_end(self) -> BudgetEnd:
        """Tell which part of the budget is used up."""
        return self.request.budget.end(self.rows_claimed, datetime.now(UTC))

    def _is_stopping(self) -> bool:
        return self._is_ending.is_set() or self.request.should_stop()

    def end(self) -> None:
        """Let every session end after its current batch."""
        self._is_ending.set()

    def abandon(self) -> None:
        """Cancel the statement of every session, and let none start another transaction."""
        self._is_abandoned.set()
        self._is_ending.set()
        self._database.cancel_statements()

    def note_stop(self, *, has_rest: bool) -> None:
        """Note that a session stopped before its end. `has_rest`: it claimed batches that it did not run."""
        with self._recording:
            self._was_stopped = True
            self._has_rest = self._has_rest or has_rest

    @property
    def database(self) -> Database:
        """The database, for the next transaction. Raises AbandonedError if the runner ended."""
        if self._is_abandoned.is_set():
            raise AbandonedError
        return self._database

    def transaction(self) -> AbstractContextManager[sa.Connection]:
        """Open a short transaction. Raises AbandonedError if the runner ended."""
        return self.database.transaction(is_short=True)

    def with_retries(self, attempt: Callable[[], T], batch: Batch | None = None) -> T:
        """Call the attempt, and retry it after a passing error."""

        def announce(error: str, number: int, wait_s: float) -> None:
            self.forget_session()
            self.watch(Retrying(batch=batch, error=error, attempt=number, wait_s=wait_s))

        return with_retries(attempt, announce)

    def take_following(self, batch: Batch) -> Batch | None:
        """Take the batch that comes next, for the message of `batch` to claim it.

        None: no batch of its plan and target is known, or something may come between the two, such as a sleep. The same
        target, because its message checks the approval: without messages, only the claim does. One batch is always
        left, so that another one is known to wait after the one that was taken.
        """
        if self.request.pacing or self.request.budget != Budget() or self.waits.may_wait():
            return None
        if not self.sessions.is_settled() or self.should_stop():
            return None
        with self.order:
            if len(self.following) < 2:
                return None
            if (self.following[0].plan_id, self.following[0].target) != (batch.plan_id, batch.target):
                return None
            taken = self.following.popleft()
            self.position = (taken.plan_id, taken.number)
            return taken

    def give_back(self, taken: Batch) -> bool:
        """Leave a batch that was taken, but not claimed, to the next claim. False: another session has gone past it."""
        with self.order:
            is_last = self.position == (taken.plan_id, taken.number)
            if is_last:
                self.position = (taken.plan_id, taken.number - 1)
                self.following.clear()
            return is_last

    def next_batch(self) -> Batch | None:
        """Find the next waiting batch without claiming it, even while all work is paused."""

        def find() -> Batch | None:
            with self.transaction() as connection:
                return next_batch(connection, self.scope, self.position)

        return self.with_retries(find)

    def next_table(self) -> str | None:
        """Return the table of the next waiting batch; None if no batch is waiting."""
        batch = self.next_batch()
        return batch.target.table_name if batch else None

    def keep_entry(self) -> None:
        """Insert the runner's entry if it is not there yet; record its new session after a lost connection."""
        self.with_retries(self._entry.keep)

    def forget_session(self) -> None:
        """Record the session of the runner's entry again, because its connection may have been lost."""
        self._entry.forget_session()

    def end_entry(self) -> None:
        """Record that the runner ended."""
        self._entry.end()

    def tune(self, tuning: Tuning) -> None:
        """Obey the pace that is set for all runners: sleep so long, and have so many sessions."""
        self.waits.tune(tuning)
        tuned = self.sessions.tune(tuning.parallel, partial(self.with_retries, self._read_spare_connections))
        if tuned is not None:
            self.watch(tuned)

    def release_connection(self) -> None:
        """Close one idle connection, because a session ended while others continue."""
        # It may be the one by which this runner is known to be alive.
        self.forget_session()
        # Best effort: an error of a connection that nobody needs must not end the run.
        with suppress(DBAPIError, psycopg.Error, StagenormError):
            self.database.release_connection()

    def record(self, outcome: Outcome) -> None:
        """Add the outcome to the result and report it. Raises StagenormError after too many failures in a row."""
        with self._recording:
            self._add(outcome)
            if self._failures_in_a_row >= MAX_FAILURES_IN_A_ROW and isinstance(outcome, Failed):
                raise StagenormError(
                    f"{MAX_FAILURES_IN_A_ROW} batches in a row failed as a whole; the last: {outcome.error}",
                    remedy="Fix the cause, then run `stagenorm resume`. Every batch is either complete or untouched.",
                )

    def _add(self, outcome: Outcome) -> None:
        so_far = self._result
        match outcome:
            case Completed(batch=batch, result=rows):
                self._failures_in_a_row = 0
                self.watch(BatchCompleted(batch=batch, result=rows))
                failed = 1 if rows.refusals else 0
                self._result = replace(
                    so_far,
                    batches=so_far.batches + 1,
                    completed=so_far.completed + 1 - failed,
                    failed=so_far.failed + failed,
                    rows=so_far.rows + rows,
                )
            case Failed(batch=batch, error=error):
                self._failures_in_a_row += 1
                self.watch(BatchFailed(batch=batch, error=error))
                self._result = replace(so_far, batches=so_far.batches + 1, failed=so_far.failed + 1)
            case Taken(batch=batch, worker=worker):
                self.watch(BatchTaken(batch=batch, worker=worker or "another runner"))
                self._result = replace(so_far, taken=so_far.taken + 1)
            case Gone() | Split():
                pass
            case _:
                assert_never(outcome)

    def _find_work(self) -> int:
        with self.transaction() as connection:
            require_migrations(connection)
            self.scope = self.request.queue_scope(connection)
            self._batches_found, rows = waiting_work(connection, self.scope)
            self.sessions = SessionCount(told=self.request.parallel, batches=len(self._batches_found))
            self.sessions.tune(read_control(connection).tuning.parallel, partial(read_spare_connections, connection))
        return rows

    def _read_spare_connections(self) -> int:
        with self.transaction() as connection:
            return read_spare_connections(connection)

    def _count_deleted(self) -> int:
        with self.transaction() as connection:
            return count_deleted(connection, self._batches_found)

    def _close_finished_plans(self) -> None:
        with self._database.transaction() as connection:
            close_finished_plans(connection)

    def _record_throttle(self, reason: ThrottleReason | None) -> None:
        self.with_retries(partial(self._entry.set_throttled, reason))
