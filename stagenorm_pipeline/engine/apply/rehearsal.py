"""Rehearse a plan on the primary: execute each batch of a draft and roll it back, so that triggers and constraints run.

A rehearsal holds each batch's row locks for as long as the batch takes, like the real run. What a trigger does outside
the database (a call over the network) is not rolled back.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import psycopg
from sqlalchemy.exc import DBAPIError

from stagenorm_pipeline.engine.apply.batch_transaction import Bounds, bound_transaction
from stagenorm_pipeline.engine.apply.events import BatchCompleted, BatchStarted, Event, Retrying, WorkFound
from stagenorm_pipeline.engine.apply.pause import Control, read_control, wait_while_paused
from stagenorm_pipeline.engine.apply.row_updates import RowErrors, read_refused_rows, update_accepted_rows
from stagenorm_pipeline.engine.plan.batch_types import Batch, BatchResult, RefusedRow
from stagenorm_pipeline.engine.plan.life_cycle import RecordedPlan, find_plan
from stagenorm_pipeline.engine.plan.queue import draft_batch, planned_target
from stagenorm_pipeline.engine.postgres.connection import Database
from stagenorm_pipeline.engine.postgres.migrations import require_migrations
from stagenorm_pipeline.engine.postgres.retry import with_retries
from stagenorm_pipeline.errors import PlanError

_MAX_REFUSED_SHOWN = 20
# docs/performance.md: 578 to 725 bytes, with the audit row. Full page images after a checkpoint come on top.
_WAL_BYTES_A_ROW = 600


@dataclass(frozen=True, slots=True, kw_only=True)
class RehearsalPrice:
    """What a rehearsal costs the primary, although it is rolled back.

    `rows_at_once`: how many are locked together. `dead_rows`: in the targets and in the audit log.
    """

    rows: int
    rows_at_once: int
    wal_bytes: int
    dead_rows: int


def rehearsal_price(plan: RecordedPlan) -> RehearsalPrice:
    """Estimate from the plan's figures what its rehearsal costs the primary."""
    rows = plan.counts.rows_to_change
    return RehearsalPrice(
        rows=rows, rows_at_once=min(rows, plan.batch_size), wal_bytes=rows * _WAL_BYTES_A_ROW, dead_rows=2 * rows
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class RehearsalResult:
    """What the run would do; `refused` are the first of `rows.rows_failed` refused rows."""

    batches: int = 0
    rows: BatchResult = field(default_factory=BatchResult)
    refused: tuple[RefusedRow, ...] = ()


class _RolledBack(Exception):  # noqa: N818 - not an error: it carries the result out of the transaction
    def __init__(self, result: RehearsalResult) -> None:
        self.result = result


def _ignore(event: Event) -> None:
    """Ignore the event, for callers who do not watch."""


def rehearse_plan(
    database: Database,
    plan_id: int,
    *,
    run_by: str,
    bounds: Bounds | None = None,
    watch: Callable[[Event], None] = _ignore,
    should_stop: Callable[[], bool] = lambda: False,
) -> RehearsalResult:
    """Execute every batch of the draft and roll each back. Waits while all work is paused.

    Raises PlanError if the plan is not a draft.
    """
    with database.transaction() as connection:
        require_migrations(connection)
        recorded = find_plan(connection, plan_id)
    if recorded.status != "draft":
        raise PlanError(f"Plan {plan_id} is {recorded.status}; a rehearsal needs a draft.", remedy="Make a new plan.")
    watch(WorkFound(batches=recorded.total_batches, rows=recorded.counts.rows_to_change))
    result = RehearsalResult()
    number = 0
    while not should_stop():
        # A rehearsal holds locks like the real run, so it obeys the pause switch too.
        wait_while_paused(partial(_read_control, database), watch=watch, should_stop=should_stop)
        batch = None if should_stop() else _next_batch(database, plan_id, number)
        if batch is None:
            break
        number = batch.number
        watch(BatchStarted(batch=batch))
        rehearsed = _rehearse_batch(database, batch, run_by, bounds or Bounds(), watch)
        watch(BatchCompleted(batch=batch, result=rehearsed.rows))
        result = _sum(result, rehearsed)
    return result


def _read_control(database: Database) -> Control:
    with database.transaction() as connection:
        return read_control(connection)


def _next_batch(database: Database, plan_id: int, after: int) -> Batch | None:
    with database.transaction() as connection:
        return draft_batch(connection, plan_id, after)


def _rehearse_batch(
    database: Database, batch: Batch, run_by: str, bounds: Bounds, watch: Callable[[Event], None]
) -> RehearsalResult:
    def attempt(row_errors: RowErrors) -> RehearsalResult:
        try:
            with database.transaction() as connection:
                bound_transaction(connection, bounds)
                target = planned_target(connection, batch)
                rows = update_accepted_rows(connection, batch, target, run_by=run_by, row_errors=row_errors)
                refused = read_refused_rows(connection, batch, rows)
                raise _RolledBack(RehearsalResult(batches=1, rows=rows, refused=refused))
        except _RolledBack as end:
            return end.result

    def announce(error: str, number: int, wait_s: float) -> None:
        watch(Retrying(batch=batch, error=error, attempt=number, wait_s=wait_s))

    try:
        return with_retries(partial(attempt, RowErrors.REFUSED), announce)
    except (DBAPIError, psycopg.Error) as error:
        if not RowErrors.REFUSED_OR_CONTENTION.include(error):
            raise
    return with_retries(partial(attempt, RowErrors.REFUSED_OR_CONTENTION), announce)


def _sum(so_far: RehearsalResult, more: RehearsalResult) -> RehearsalResult:
    return RehearsalResult(
        batches=so_far.batches + more.batches,
        rows=so_far.rows + more.rows,
        refused=(so_far.refused + more.refused)[:_MAX_REFUSED_SHOWN],
    )
