"""Applying recorded batches, one transaction each, until none waits in the scope asked for.

PostgreSQL holds all progress: a runner that is killed leaves nothing to repair, and another one goes on. Does not
belong here: what happens inside a batch's transaction (see `batch_work`), or how progress is shown.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, TypeVar

import psycopg
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from stagenorm_pipeline.engine.batch_work import (
    WAITING,
    Bounds,
    RewrittenError,
    bound_claim,
    claim_batch,
    is_refusal,
    work_batch,
)
from stagenorm_pipeline.engine.batches import Batch, BatchResult, PlanKind
from stagenorm_pipeline.engine.configuration import TargetSetting
from stagenorm_pipeline.engine.connection import Database, first_line
from stagenorm_pipeline.engine.control import Control, read_control
from stagenorm_pipeline.engine.errors import ConnectionFailedError, RefusedError, StagenormError
from stagenorm_pipeline.engine.events import (
    BatchCompleted,
    BatchFailed,
    BatchHeld,
    BatchStarted,
    Event,
    Paused,
    Retrying,
    Sleeping,
    WorkFound,
)
from stagenorm_pipeline.engine.funds import FundScope
from stagenorm_pipeline.engine.migrations import require_migrations
from stagenorm_pipeline.engine.plan import close_finished_plans
from stagenorm_pipeline.engine.planned_batches import next_batch, planned_target, waiting_work
from stagenorm_pipeline.engine.request import DEFAULT_SLEEP_MS
from stagenorm_pipeline.engine.retry import with_retries
from stagenorm_pipeline.engine.statements import statement
from stagenorm_pipeline.engine.steps import Step, reach
from stagenorm_pipeline.engine.targets import Target, resolve_targets

# A full disk or a read-only server fails every batch alike: going on would only write the same error a thousand times.
_FAILURES_IN_A_ROW = 3

_PAUSE_POLL_S = 0.5
_SLICE_S = 0.05

T = TypeVar("T")


def _ignore(event: Event) -> None:
    """For callers who do not watch."""


def _never() -> bool:
    return False


@dataclass(frozen=True, slots=True)
class ApplyRequest:
    """What to apply and how. `plan_id` None: every open plan in the scope, of `kind` where one is given.

    `sleep_ms` is the pause between batches.
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


@dataclass(frozen=True, slots=True)
class ApplyResult:
    """What became of the batches that this runner took. `held`: batches that another worker had at the end."""

    batches: int = 0
    completed: int = 0
    failed: int = 0
    held: int = 0
    stopped: bool = False
    rows: BatchResult = field(default_factory=BatchResult)

    @property
    def ok(self) -> bool:
        return not (self.failed or self.held or self.stopped)


def apply_batches(database: Database, request: ApplyRequest) -> ApplyResult:
    """Take and do every waiting batch in the scope, each once.

    A batch that fails does not stop the others; three that fail in a row as a whole do. Raises StagenormError when the
    database cannot be reached after the retries, refuses the privileges, or lacks the migrations.
    """
    return _Runner(database, request).run()


class _Runner:
    def __init__(self, database: Database, request: ApplyRequest) -> None:
        self._database = database
        self._request = request
        self._targets: dict[str, Target] = {}
        self._names: list[str] | None = None
        self._failures_in_a_row = 0

    def run(self) -> ApplyResult:
        self._with_retries(None, self._look)
        result = ApplyResult()
        after = (0, 0)
        while True:
            if result.batches and self._request.sleep_ms > 0 and self._waits(after):
                self._sleep()
            if self._request.should_stop():
                result = replace(result, stopped=self._waits(after))
                break
            reach(Step.APPLY_BEFORE_CLAIM)
            batch, is_claimed = self._with_retries(None, partial(self._take, after))
            if batch is None:
                # Unpaused between the two looks: there is a batch after all.
                if self._is_paused() or self._waits(after):
                    continue
                break
            after = (batch.plan_id, batch.number)
            result = self._add(result, batch, self._do(batch) if is_claimed else None)
            reach(Step.APPLY_BETWEEN_BATCHES)
        reach(Step.APPLY_BEFORE_CLOSE)
        self._with_retries(None, self._close_finished_plans)
        return result

    def _look(self) -> None:
        """See that all is there, and what waits."""
        with self._database.transaction() as connection:
            require_migrations(connection)
            if self._request.targets is not None:
                self._names = [target.name for target in resolve_targets(connection, self._request.targets)]
            batches, rows = waiting_work(connection, **self._scope())
        self._request.watch(WorkFound(batches, rows))

    def _add(self, so_far: ApplyResult, batch: Batch, outcome: BatchResult | str | None) -> ApplyResult:
        if outcome is None:
            return _plus(so_far, held=1) if self._is_held(batch) else so_far
        if isinstance(outcome, str):
            self._request.watch(BatchFailed(batch, outcome))
            self._failures_in_a_row += 1
            if self._failures_in_a_row >= _FAILURES_IN_A_ROW:
                raise StagenormError(
                    f"{_FAILURES_IN_A_ROW} batches in a row failed as a whole; the last: {outcome}",
                    remedy="Mend the cause, then go on with `stagenorm resume`. Nothing is half done.",
                )
            return _plus(so_far, batches=1, failed=1)
        self._failures_in_a_row = 0
        self._request.watch(BatchCompleted(batch, outcome))
        failed = 1 if outcome.refusals else 0
        return _plus(so_far, batches=1, completed=1 - failed, failed=failed, rows=outcome)

    def _take(self, after: tuple[int, int]) -> tuple[Batch | None, bool]:
        """The next batch, and whether it could be claimed; one transaction for both, as it is paid for every batch."""
        with self._database.transaction() as connection:
            bound_claim(connection, self._request.bounds)
            batch = next_batch(connection, after, **self._scope())
            is_claimed = batch is not None and claim_batch(connection, batch, worker=self._request.worker)
        if is_claimed:
            reach(Step.APPLY_CLAIMED)
        return batch, is_claimed

    def _do(self, batch: Batch) -> BatchResult | str | None:
        """The batch's result; an error's text when it failed as a whole; None when it was not ours to do."""
        self._request.watch(BatchStarted(batch))
        try:
            try:
                return self._with_retries(batch, lambda: self._work(batch))
            except (DBAPIError, psycopg.Error, RefusedError, RewrittenError) as error:
                if not is_refusal(error):
                    raise
            return self._with_retries(batch, lambda: self._work(batch, is_narrowing=True))
        except ConnectionFailedError:
            raise
        except (DBAPIError, psycopg.Error) as error:
            message = first_line(error)
            self._with_retries(batch, lambda: self._fail(batch, message))
            return message

    def _work(self, batch: Batch, *, is_narrowing: bool = False) -> BatchResult | None:
        request = self._request
        with self._database.transaction() as connection:
            target = self._target(connection, batch)
            result = work_batch(
                connection,
                batch,
                target,
                worker=request.worker,
                run_by=request.run_by,
                bounds=request.bounds,
                is_narrowing=is_narrowing,
            )
            reach(Step.APPLY_BEFORE_COMMIT)
        reach(Step.APPLY_AFTER_COMMIT)
        return result

    def _fail(self, batch: Batch, message: str) -> None:
        with self._database.transaction() as connection:
            connection.exec_driver_sql(
                statement("fail_batch"),
                {"batch_id": batch.batch_id, "error_message": message, "worker": self._request.worker},
            )

    def _target(self, connection: sa.Connection, batch: Batch) -> Target:
        if batch.target not in self._targets:
            self._targets[batch.target] = planned_target(connection, batch)
        return self._targets[batch.target]

    def _waits(self, after: tuple[int, int]) -> bool:
        """Whether a batch beyond `after` waits, paused or not."""

        def look() -> bool:
            with self._database.transaction() as connection:
                return next_batch(connection, after, **self._scope(), even_if_paused=True) is not None

        return self._with_retries(None, look)

    def _scope(self) -> dict[str, Any]:
        request = self._request
        return {"plan_id": request.plan_id, "kind": request.kind, "scope": request.scope, "targets": self._names}

    def _is_held(self, batch: Batch) -> bool:
        """Whether somebody works on the batch, which we could not have; it may as well be done or cancelled by now."""
        row = self._with_retries(batch, lambda: self._status_and_worker(batch))
        # Not only `running`: while its holder writes the claim, others read the status before it.
        if row is None or row.status not in WAITING:
            return False
        # A claim of ours that came to nothing overwrote the name of the one at work.
        is_known = row.worker is not None and row.worker != self._request.worker
        self._request.watch(BatchHeld(batch, row.worker if is_known else "another worker"))
        return True

    def _status_and_worker(self, batch: Batch) -> sa.Row[Any] | None:
        with self._database.transaction() as connection:
            return connection.exec_driver_sql(
                "SELECT status, worker FROM stage_migration_batches WHERE batch_id = %(batch_id)s",
                {"batch_id": batch.batch_id},
            ).one_or_none()

    def _close_finished_plans(self) -> None:
        with self._database.transaction() as connection:
            close_finished_plans(connection)

    def _with_retries(self, batch: Batch | None, attempt: Callable[[], T]) -> T:
        return with_retries(
            attempt, lambda error, number, wait_s: self._request.watch(Retrying(batch, error, number, wait_s))
        )

    def _sleep(self) -> None:
        if self._request.sleep_ms > 0 and not self._request.should_stop():
            self._request.watch(Sleeping(self._request.sleep_ms))
            self._wait(self._request.sleep_ms / 1000)

    def _is_paused(self) -> bool:
        """Whether all work was paused; comes back when it is no more, or when we are to stop."""
        announced = False
        while (control := self._with_retries(None, self._control)).paused:
            if not announced:
                self._request.watch(Paused(control.reason or "no reason given", control.changed_by or "somebody"))
                announced = True
            self._wait(_PAUSE_POLL_S)
            if self._request.should_stop():
                break
        return announced

    def _control(self) -> Control:
        with self._database.transaction() as connection:
            return read_control(connection)

    def _wait(self, seconds: float) -> None:
        """Sleep in slices, so that a request to stop is heard at once."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0 and not self._request.should_stop():
            time.sleep(min(left, _SLICE_S))


def _plus(
    so_far: ApplyResult,
    *,
    batches: int = 0,
    completed: int = 0,
    failed: int = 0,
    held: int = 0,
    rows: BatchResult | None = None,
) -> ApplyResult:
    return ApplyResult(
        so_far.batches + batches,
        so_far.completed + completed,
        so_far.failed + failed,
        so_far.held + held,
        so_far.stopped,
        so_far.rows + rows if rows else so_far.rows,
    )
