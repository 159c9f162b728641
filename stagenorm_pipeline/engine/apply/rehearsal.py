"""Rehearsal: each batch of a draft is really executed and rolled back, so that triggers and constraints speak now.

Holds each batch's row locks for as long as the batch takes, like the real run. What a trigger does outside the
database (a call over the network) is not rolled back. Does not belong here: the real run (see `apply`).
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import psycopg
from sqlalchemy.exc import DBAPIError

from stagenorm_pipeline.engine.apply.batch_transaction import (
    Bounds,
    Narrowing,
    bound_transaction,
    change_rows,
    refused_rows,
)
from stagenorm_pipeline.engine.apply.events import BatchCompleted, BatchStarted, Event, Paused, Retrying, WorkFound
from stagenorm_pipeline.engine.apply.pause import read_control
from stagenorm_pipeline.engine.plan.batch import Batch, BatchResult, RefusedRow
from stagenorm_pipeline.engine.plan.plan import find_plan
from stagenorm_pipeline.engine.plan.queue import draft_batch, planned_target
from stagenorm_pipeline.engine.postgres.connection import Database
from stagenorm_pipeline.engine.postgres.migrations import require_migrations
from stagenorm_pipeline.engine.postgres.retry import with_retries
from stagenorm_pipeline.errors import PlanError


@dataclass(frozen=True, slots=True, kw_only=True)
class RehearsalResult:
    """What the run would come to; `refused` are the first of `rows.rows_failed` refused rows."""

    batches: int = 0
    rows: BatchResult = field(default_factory=BatchResult)
    refused: tuple[RefusedRow, ...] = ()


_SHOWN = 20
_PAUSE_POLL_S = 0.5

_Outcome = tuple[BatchResult, tuple[RefusedRow, ...]]


class _RolledBack(Exception):  # noqa: N818 - not an error: it carries the result out of the transaction
    def __init__(self, result: BatchResult, refused: tuple[RefusedRow, ...]) -> None:
        self.result = result
        self.refused = refused


def _unwatched(event: Event) -> None:
    """For callers who do not watch."""


def rehearse_plan(
    database: Database,
    plan_id: int,
    *,
    run_by: str,
    bounds: Bounds | None = None,
    watch: Callable[[Event], None] = _unwatched,
    should_stop: Callable[[], bool] = lambda: False,
) -> RehearsalResult:
    """Execute every batch of the draft and roll each back, waiting while all work is paused.

    Raises PlanError when the plan is not a draft.
    """
    with database.transaction() as connection:
        require_migrations(connection)
        recorded = find_plan(connection, plan_id)
    if recorded.status != "draft":
        raise PlanError(f"Plan {plan_id} is {recorded.status}; a rehearsal needs a draft.", remedy="Make a new plan.")
    watch(WorkFound(batches=recorded.total_batches, rows=recorded.counts.rows_to_change))
    result = RehearsalResult()
    number = 0
    while not _is_to_stop(database, watch, should_stop):
        batch = _next(database, plan_id, number)
        if batch is None:
            break
        number = batch.number
        watch(BatchStarted(batch=batch))
        outcome, refused = _rehearse(database, batch, run_by, bounds or Bounds(), watch)
        watch(BatchCompleted(batch=batch, result=outcome))
        result = _plus(result, outcome, refused)
    return result


def _is_to_stop(database: Database, watch: Callable[[Event], None], should_stop: Callable[[], bool]) -> bool:
    """Comes back when the work is not paused, or is to stop: a rehearsal holds locks as the real run does."""
    is_announced = False
    while not should_stop():
        with database.transaction() as connection:
            control = read_control(connection)
        if not control.paused:
            return False
        if not is_announced:
            watch(Paused(reason=control.reason or "no reason given", changed_by=control.changed_by or "somebody"))
            is_announced = True
        time.sleep(_PAUSE_POLL_S)
    return True


def _next(database: Database, plan_id: int, after: int) -> Batch | None:
    with database.transaction() as connection:
        return draft_batch(connection, plan_id, after)


def _rehearse(
    database: Database, batch: Batch, run_by: str, bounds: Bounds, watch: Callable[[Event], None]
) -> _Outcome:
    def attempt(narrowing: Narrowing) -> _Outcome:
        try:
            with database.transaction() as connection:
                bound_transaction(connection, bounds)
                target = planned_target(connection, batch)
                result = change_rows(connection, batch, target, run_by, narrowing=narrowing)
                raise _RolledBack(result, refused_rows(connection, batch, result))
        except _RolledBack as end:
            return end.result, end.refused

    def announce(error: str, number: int, wait_s: float) -> None:
        watch(Retrying(batch=batch, error=error, attempt=number, wait_s=wait_s))

    try:
        return with_retries(partial(attempt, Narrowing.REFUSED), announce)
    except (DBAPIError, psycopg.Error) as error:
        if not Narrowing.RETRIED.is_refused(error):
            raise
    return with_retries(partial(attempt, Narrowing.RETRIED), announce)


def _plus(so_far: RehearsalResult, result: BatchResult, refused: tuple[RefusedRow, ...]) -> RehearsalResult:
    return RehearsalResult(
        batches=so_far.batches + 1, rows=so_far.rows + result, refused=(so_far.refused + refused)[:_SHOWN]
    )
