"""One session of a runner: claim the next group, run it in one transaction, record its outcome, repeat.

A group is a single batch, unless pacing allows more.
"""

import time
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from itertools import accumulate
from typing import Any, assert_never

import psycopg
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from stagenorm_pipeline.engine.apply.auto_batch_size import Pacer
from stagenorm_pipeline.engine.apply.batch_message import ClaimLostError, can_send
from stagenorm_pipeline.engine.apply.batch_transaction import (
    WAITING_STATUSES,
    NeedsOwnTransactionError,
    UnavailableError,
    bound_transaction,
    run_batches,
)
from stagenorm_pipeline.engine.apply.claim import (
    Claim,
    Claimed,
    ClaimRequest,
    NoneWaiting,
    NotApproved,
    NotFree,
    OtherPlan,
    claim_again,
    claim_next,
)
from stagenorm_pipeline.engine.apply.events import BatchStarted, GroupSplit
from stagenorm_pipeline.engine.apply.group_size import GroupSize
from stagenorm_pipeline.engine.apply.messages import Messages, Ran
from stagenorm_pipeline.engine.apply.outcome import Completed, Failed, Gone, Outcome, Split, Taken
from stagenorm_pipeline.engine.apply.refusals import RewrittenError
from stagenorm_pipeline.engine.apply.row_updates import RowErrors
from stagenorm_pipeline.engine.apply.run_limits import BudgetEnd
from stagenorm_pipeline.engine.apply.session_threads import SessionEnd
from stagenorm_pipeline.engine.apply.shared_work import SharedWork
from stagenorm_pipeline.engine.approval.approval import require_approval
from stagenorm_pipeline.engine.plan.batch_types import Batch, BatchResult
from stagenorm_pipeline.engine.plan.queue import planned_target
from stagenorm_pipeline.engine.plan.vocabulary_check import require_same_vocabulary
from stagenorm_pipeline.engine.postgres.bounded_connection import UnconfirmedCommitError
from stagenorm_pipeline.engine.postgres.connection import first_line
from stagenorm_pipeline.engine.postgres.failpoints import Failpoint, failpoint, is_listening
from stagenorm_pipeline.engine.postgres.one_message import GuardError, OverdueError
from stagenorm_pipeline.engine.postgres.retry import Failure, classify
from stagenorm_pipeline.engine.postgres.sql_files import statement
from stagenorm_pipeline.engine.targets.target import Target
from stagenorm_pipeline.engine.throttle.probe import SHORTEST_BLOCKING_MS, Waiter, waiters_behind
from stagenorm_pipeline.errors import RefusedError, StagenormError


class Session:
    """Apply batches of the shared work, one group after another, in the order of plan and number."""

    def __init__(self, shared: SharedWork) -> None:
        self._shared = shared
        self._request = shared.request
        # Batches of a group that was rolled back. This session runs them before it takes new ones.
        self._again: tuple[Batch, ...] = ()
        self._messages = Messages(shared)
        self._has_run = self._has_more = False
        self._targets: dict[str, Target] = {}
        self._plans_with_same_vocabulary: list[int] = []
        self._pacer = Pacer(shared.request.pacing) if shared.request.pacing else None
        self._group_size = GroupSize()

    def run(self, should_leave: Callable[[], bool]) -> SessionEnd:
        """Run groups until no batch is waiting, a stop is requested, or `should_leave` says so between two groups."""
        shared = self._shared
        while True:
            if not self._again and not self._messages.ahead and should_leave():
                return SessionEnd.LEFT
            if shared.waits.may_wait():
                self._again = self._messages.release_ahead() + self._again
            if self._has_run and self._has_more:
                shared.waits.sleep()
            shared.waits.wait_while_throttled(shared.next_table)
            if shared.should_stop():
                self._again = self._messages.release_ahead() + self._again
                shared.note_stop(has_rest=bool(self._again))
                return SessionEnd.FINISHED
            failpoint(Failpoint.APPLY_BEFORE_CLAIM)
            match claim := self._claim_next():
                case NoneWaiting():
                    # The pause may have ended between the two reads: then a batch is waiting after all.
                    # With several sessions, another one may have used up the budget: the next round stops.
                    if shared.should_stop() or shared.waits.wait_while_paused() or self._again or shared.next_batch():
                        continue
                    return SessionEnd.FINISHED
                case Claimed(batches=batches, tuning=tuning):
                    failpoint(Failpoint.APPLY_CLAIMED)
                    shared.tune(tuning)
                    if self._pacer:
                        self._pacer.aim_at(tuning.target_ms)
                    shared.keep_entry()
                    outcomes = self._run_group(batches)
                    # The batch may have lost the connection by whose session the runner is known to be alive.
                    shared.keep_entry()
                    self._record(batches, outcomes)
                case NotFree(batch=batch):
                    self._record((batch,), [self._find_owner(batch)])
                case _:
                    assert_never(claim)
            self._has_more = claim.has_more or bool(self._again)
            failpoint(Failpoint.APPLY_BETWEEN_BATCHES)

    def _record(self, batches: Sequence[Batch], outcomes: Sequence[Outcome]) -> None:
        for outcome in outcomes:
            if isinstance(outcome, Split):
                self._again = outcome.batches + self._again
            self._shared.record(outcome)
            self._has_run = self._has_run or isinstance(outcome, Completed | Failed)
        self._group_size.adapt(batches, outcomes)

    def _claim_next(self) -> Claimed | NotFree | NoneWaiting:
        """Claim the rest of a group that was rolled back or, if there is none, the next batches of the shared work."""
        shared = self._shared
        if ahead := self._messages.take_ahead():
            return ahead
        if self._again:
            claim = shared.with_retries(self._claim_again)
            self._again = self._again[len(_batches_of(claim)) :]
            return claim
        with shared.order:
            if shared.budget_end() is not BudgetEnd.NONE:
                return NoneWaiting()
            claim = self._claim_new()
            if batches := _batches_of(claim):
                shared.position = (batches[-1].plan_id, batches[-1].number)
            if isinstance(claim, Claimed):
                shared.following = deque(claim.following)
                shared.rows_claimed += sum(batch.rows_planned for batch in batches)
        return claim

    def _claim_new(self) -> Claimed | NotFree | NoneWaiting:
        """Claim batches of plans that have the approval they need and were made with the current vocabulary.

        Raises ApprovalNeededError, OtherVocabularyError.
        """
        vocabulary = self._request.vocabulary
        while True:
            claim = self._shared.with_retries(self._send_claim)
            if isinstance(claim, NotApproved):
                # It does not raise if the approval was given since. Then the claim is sent again.
                with self._shared.transaction() as connection:
                    require_approval(connection, claim.plan_id)
                continue
            if not isinstance(claim, OtherPlan):
                return claim
            assert vocabulary is not None  # noqa: S101 - otherwise a claim takes every plan
            plan_id = claim.plan_id
            with self._shared.transaction() as connection:
                require_same_vocabulary(connection, plan_id, vocabulary)
            self._plans_with_same_vocabulary.append(plan_id)

    def _send_claim(self) -> Claim:
        request = ClaimRequest(
            scope=self._shared.scope,
            after=self._shared.position,
            worker=self._request.worker,
            rows=self._request.budget.most_rows(self._pacer.rows, self._shared.rows_claimed) if self._pacer else 0,
            most=self._group_size.most if self._pacer else 1,
            plans=None if self._request.vocabulary is None else self._plans_with_same_vocabulary,
        )
        return claim_next(self._shared.database, request, self._request.bounds)

    def _claim_again(self) -> Claimed | NotFree | NoneWaiting:
        """Claim the first batches of a group that was rolled back, fewer than before."""
        rows = self._pacer.rows if self._pacer else 0
        fitting = sum(1 for together in accumulate(batch.rows_planned for batch in self._again) if together <= rows)
        batches = self._again[: max(1, min(fitting, self._group_size.most))]
        with self._shared.transaction() as connection:
            return claim_again(connection, batches, self._request.bounds, worker=self._request.worker)

    def _run_group(self, batches: Sequence[Batch]) -> list[Outcome]:
        """Run the claimed batches in one transaction, and return an outcome for each batch, or Split for all."""
        for batch in batches:
            self._shared.watch(BatchStarted(batch=batch))
        if len(batches) == 1:
            return [self._run_with_retries(batches[0])]
        try:
            results = self._run_transaction(batches, RowErrors.NONE)
        except UnconfirmedCommitError:
            raise
        except (DBAPIError, psycopg.Error, UnavailableError, NeedsOwnTransactionError, StagenormError) as error:
            self._shared.watch(GroupSplit(batches=len(batches), reason=first_line(error)))
            if classify(error) is Failure.CONNECTION:
                self._shared.forget_session()
                # The commit may have succeeded although its answer was lost. Each batch alone finds out.
                return [self._run_with_retries(batch) for batch in batches]
            return [Split(batches=tuple(batches))]
        return [Completed(batch=batch, result=result) for batch, result in zip(batches, results, strict=True)]

    def _run_with_retries(self, batch: Batch) -> Outcome:
        """Run a batch in a transaction of its own: retry passing errors, and refuse rows that the database refuses."""
        row_errors = RowErrors.NONE
        while True:
            try:
                attempt = partial(self._run_transaction, [batch], row_errors)
                (result,) = self._shared.with_retries(attempt, batch)
            except UnavailableError:
                return self._find_owner(batch)
            except ClaimLostError:
                self._messages.release(batch)
                return Split(batches=(batch,))
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
        waits = self._shared.waits
        started = time.monotonic()
        results, waiters = self._send_or_step(batches, row_errors, started)
        failpoint(Failpoint.APPLY_AFTER_COMMIT)
        # Retries and row-by-row attempts are not timed: they would skew the batch size.
        if self._pacer and row_errors is RowErrors.NONE and not batches[0].was_tried:
            self._pacer.note(sum(result.rows_updated for result in results), (time.monotonic() - started) * 1_000)
        if waits.note_waiters(waiters) and self._pacer:
            self._pacer.slow_down()
        return results

    def _send_or_step(self, batches: Sequence[Batch], row_errors: RowErrors, started: float) -> Ran:
        """Run the batches in one message or, if that does not suffice, statement by statement."""
        target = self._target(batches[0])
        if row_errors is RowErrors.NONE and can_send(batches, target) and not is_listening():
            try:
                return self._messages.send(batches, target, may_claim=not self._again)
            except (GuardError, OverdueError):
                pass
            except RefusedError:
                # This role may not read pg_locks. The other path tells that from a missing privilege on the target.
                self._messages.reads_waiters = False
            finally:
                self._again = self._messages.take_unclaimed() + self._again
        return self._step(batches, target, row_errors, started)

    def _step(self, batches: Sequence[Batch], target: Target, row_errors: RowErrors, started: float) -> Ran:
        request = self._request
        with self._shared.transaction() as connection:
            results = run_batches(
                connection,
                batches,
                target,
                worker=request.worker,
                run_by=request.run_by,
                bounds=request.bounds,
                row_errors=row_errors,
            )
            waiters = self._sessions_waiting(connection, started)
            failpoint(Failpoint.APPLY_BEFORE_COMMIT)
        return results, waiters

    def _sessions_waiting(self, connection: sa.Connection, started: float) -> tuple[Waiter, ...]:
        """Read which sessions wait for locks of this transaction, if it took long enough to block any."""
        is_long = (time.monotonic() - started) * 1_000 >= SHORTEST_BLOCKING_MS
        return waiters_behind(connection) if is_long and self._shared.waits.has_throttle else ()

    def _find_owner(self, batch: Batch) -> Taken | Gone:
        """Find out why the batch could not be locked; by now it may be completed or cancelled."""
        row = self._shared.with_retries(lambda: self._read_status(batch), batch)
        # Not only `running`: while another runner's claim is uncommitted, the old status is read.
        if row is None or row.status not in WAITING_STATUSES:
            return Gone(batch=batch)
        # A failed claim of this runner may have overwritten the name of the runner that has the batch.
        is_known = row.worker is not None and row.worker != self._request.worker
        return Taken(batch=batch, worker=row.worker if is_known else None)

    def _record_failure(self, batch: Batch, message: str) -> Failed:
        def record() -> None:
            with self._shared.transaction() as connection:
                connection.exec_driver_sql(
                    statement("apply/fail_batch"),
                    {"batch_id": batch.batch_id, "error_message": message, "worker": self._request.worker},
                )

        self._shared.with_retries(record, batch)
        return Failed(batch=batch, error=message)

    def _target(self, batch: Batch) -> Target:
        if batch.target.name not in self._targets:
            with self._shared.transaction() as connection:
                # Bounded too, because resolving the target waits for the table's lock.
                bound_transaction(connection, self._request.bounds)
                self._targets[batch.target.name] = planned_target(connection, batch)
        return self._targets[batch.target.name]

    def _read_status(self, batch: Batch) -> sa.Row[Any] | None:
        """Read the status and the runner of a batch; None if the batch was deleted."""
        with self._shared.transaction() as connection:
            return connection.exec_driver_sql(
                "SELECT status, worker FROM stage_migration_batches WHERE batch_id = %(batch_id)s",
                {"batch_id": batch.batch_id},
            ).one_or_none()


def _batches_of(claim: Claimed | NotFree | NoneWaiting) -> tuple[Batch, ...]:
    match claim:
        case Claimed(batches=batches):
            return batches
        case NotFree(batch=batch):
            return (batch,)
        case NoneWaiting():
            return ()
