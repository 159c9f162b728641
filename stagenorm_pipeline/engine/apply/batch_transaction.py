"""Run 1 to n batches inside one transaction: lock, update the rows, record the results."""

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa

from stagenorm_pipeline.engine.apply.row_updates import (
    AroundPart,
    RowErrors,
    RowUpdates,
    UpdatedBatch,
    update_accepted_rows,
)
from stagenorm_pipeline.engine.plan.batch_types import Batch, BatchResult, Refusal
from stagenorm_pipeline.engine.postgres.connection import bound_waits
from stagenorm_pipeline.engine.postgres.failpoints import Failpoint, failpoint
from stagenorm_pipeline.engine.postgres.locks import try_lock_batches
from stagenorm_pipeline.engine.postgres.sql_files import log_sha256, statement
from stagenorm_pipeline.engine.targets.target import Target
from stagenorm_pipeline.errors import StagenormError

# The statuses of a batch that still has something to do.
WAITING_STATUSES = ("pending", "running", "failed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Timeouts of one transaction, in milliseconds."""

    lock_timeout_ms: int = 2_000
    statement_timeout_ms: int = 60_000
    idle_timeout_ms: int = 30_000

    def settings(self, *, synchronous_commit: str | None = None) -> dict[str, str | None]:
        """Return the values for `apply/bound_transaction`. `synchronous_commit` None: as the session has it."""
        return {
            "lock_timeout": f"{self.lock_timeout_ms}ms",
            "statement_timeout": f"{self.statement_timeout_ms}ms",
            "idle_timeout": f"{self.idle_timeout_ms}ms",
            "synchronous_commit": synchronous_commit,
            "application_name": "stagenorm batch",
        }


class UnavailableError(Exception):
    """A batch is locked by another runner, or has nothing left to do."""


class NeedsOwnTransactionError(Exception):
    """A batch of a group was tried before or has refused rows, so it cannot share a transaction."""


def bound_transaction(connection: sa.Connection, bounds: Bounds, *, synchronous_commit: str | None = None) -> None:
    """Set the timeouts of the transaction that `connection` is in."""
    bound_waits(connection, bounds.statement_timeout_ms)
    settings = bounds.settings(synchronous_commit=synchronous_commit)
    connection.exec_driver_sql(statement("apply/bound_transaction"), settings)


def run_batches(
    connection: sa.Connection,
    batches: Sequence[Batch],
    target: Target,
    *,
    worker: str,
    run_by: str,
    bounds: Bounds,
    row_errors: RowErrors = RowErrors.NONE,
    around_part: AroundPart = nullcontext,
) -> tuple[BatchResult, ...]:
    """Run the batches (of one plan, target and fund) in the caller's transaction, and record each one's result.

    A single batch may have been tried before, and may have refused rows. Raises UnavailableError, and for several
    batches NeedsOwnTransactionError. Raises the database's own error, or RewrittenError, when a row is refused: for a
    single batch retry in a new transaction with `row_errors.next_wider(error)`, for several retry fewer at once.
    `around_part`: see AroundPart.
    """
    bound_transaction(connection, bounds)
    batch_ids = [batch.batch_id for batch in batches]
    if not try_lock_batches(connection, batch_ids):
        raise UnavailableError("another runner has taken one of them")
    # A separate statement, because its snapshot must be newer than the lock.
    rows = connection.exec_driver_sql(statement("apply/read_batch"), {"batch_ids": batch_ids}).all()
    is_single = len(batches) == 1
    if is_single and rows and rows[0].status == "completed" and rows[0].worker == worker:
        # This runner completed it: the commit succeeded, but the connection was lost before the answer arrived.
        return (replace(_recorded_result(rows[0]), duration_ms=rows[0].duration_ms),)
    if len(rows) != len(batches) or not all(map(_is_waiting, rows)):
        raise UnavailableError("one of them was completed, cancelled or deleted")
    is_retry = any(row.rows_updated is not None for row in rows)
    if is_retry and not is_single:
        raise NeedsOwnTransactionError("one of them was tried before")
    failpoint(Failpoint.APPLY_LOCKED)
    earlier: BatchResult | None = None
    if is_retry or row_errors is not RowErrors.NONE:
        (batch,) = batches
        places: list[int] | None = None
        if is_retry:
            earlier = _recorded_result(rows[0])
            places = _quarantined_places(connection, batch, rows[0].rows_failed)
        blamed = RowErrors.REFUSED if row_errors is RowErrors.NONE else row_errors
        attempt = update_accepted_rows(
            connection,
            batch,
            target,
            run_by=run_by,
            row_errors=blamed,
            places=places,
            # Errors of contention pass, so after them the rows may succeed together.
            failed_together=row_errors is RowErrors.REFUSED,
            around_part=around_part,
        )
        updated = [UpdatedBatch(batch=batch, result=attempt)]
    else:
        updates = RowUpdates(connection, batches, target, run_by=run_by, worker=worker, around_part=around_part)
        updated = updates.update_all()
    failpoint(Failpoint.APPLY_ROWS_CHANGED)
    for one in updated:
        if one.result.refusals and not is_single:
            raise NeedsOwnTransactionError(one.result.refusals[0].message)
    group_rows = sum(batch.rows_planned for batch in batches)
    results = tuple(_record_result(connection, one, worker, group_rows, earlier) for one in updated)
    failpoint(Failpoint.APPLY_RESULT_RECORDED)
    return results


def _is_waiting(row: Any) -> bool:
    # Not only `running`: a server crash can lose the claim, but this transaction holds the lock.
    return row.plan_status == "open" and row.status in WAITING_STATUSES


def _recorded_result(row: Any) -> BatchResult:
    """Return the counts that earlier attempts recorded with the batch."""
    return BatchResult(
        rows_updated=row.rows_updated,
        rows_skipped_changed=row.rows_skipped_changed,
        rows_skipped_deleted=row.rows_skipped_deleted,
    )


def _quarantined_places(connection: sa.Connection, batch: Batch, rows_failed: int) -> list[int]:
    """Read the places in the batch of its quarantined rows: a retry takes only these."""
    places = [
        row.place
        for row in connection.exec_driver_sql(statement("apply/quarantined_places"), {"batch_id": batch.batch_id})
    ]
    if len(places) != rows_failed:
        raise StagenormError(
            f"Batch {batch.batch_id} has {rows_failed:,} refused rows, but {len(places):,} of them are in quarantine.",
            remedy="Make a new plan for this fund: `stagenorm run` plans these rows again.",
        )
    return places


def _record_result(
    connection: sa.Connection, updated: UpdatedBatch, worker: str, group_rows: int, earlier: BatchResult | None
) -> BatchResult:
    """Record the result of the batch and the receipt of this attempt, unless they were recorded with its rows.

    `earlier`: the result of earlier attempts; None: this is the first.
    """
    batch, attempt = updated.batch, updated.result
    result = attempt if earlier is None else earlier + attempt
    if updated.duration_ms is not None:
        return replace(result, duration_ms=updated.duration_ms)
    if result.refusals:
        _quarantine(connection, batch, result.refusals)
    if earlier is not None:
        connection.exec_driver_sql(
            statement("apply/release_quarantine"),
            {"batch_id": batch.batch_id, "refused": [refusal.place for refusal in result.refusals]},
        )
    first_log_id, last_log_id = attempt.log_ids or (None, None)
    duration_ms = connection.exec_driver_sql(
        statement("apply/record_result", log_sha256=log_sha256()),
        {
            "batch_id": batch.batch_id,
            "status": "failed" if result.refusals else "completed",
            "worker": worker,
            "rows_updated": result.rows_updated,
            "rows_skipped_changed": result.rows_skipped_changed,
            "rows_skipped_deleted": result.rows_skipped_deleted,
            "rows_failed": result.rows_failed,
            "error_message": _refusal_message(result),
            "group_rows": group_rows,
            "action": batch.kind.value,
            "attempt_updated": attempt.rows_updated,
            "attempt_skipped": attempt.rows_skipped,
            "attempt_failed": attempt.rows_failed,
            "first_log_id": first_log_id,
            "last_log_id": last_log_id,
        },
    ).scalar_one_or_none()
    if duration_ms is None:
        raise UnavailableError("one of them was deleted while it was running")
    return replace(result, duration_ms=int(duration_ms))


def _refusal_message(result: BatchResult) -> str | None:
    """Say how many rows the database refused, and why the first one. None if it refused none."""
    if not result.refusals:
        return None
    rows = "1 row" if result.rows_failed == 1 else f"{result.rows_failed:,} rows"
    return f"{rows} refused by the database, first: {result.refusals[0].message}"


def _quarantine(connection: sa.Connection, batch: Batch, refusals: tuple[Refusal, ...]) -> None:
    connection.exec_driver_sql(
        statement("apply/quarantine_rows"),
        {
            "plan_id": batch.plan_id,
            "batch_id": batch.batch_id,
            **batch.target.identity(),
            "fund_id": batch.fund_id,
            "places": [refusal.place for refusal in refusals],
            "messages": [refusal.message for refusal in refusals],
            "sqlstates": [refusal.sqlstate for refusal in refusals],
        },
    )
