"""Run batches in one message: the normal path, in which the database refuses no row.

It runs the same statements as `batch_transaction`, with guards between them. A guard ends the transaction if anything
needs a decision of the program; `batch_transaction` then does the work statement by statement.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from stagenorm_pipeline.engine.apply.batch_transaction import Bounds
from stagenorm_pipeline.engine.apply.row_statements import row_statements, row_values
from stagenorm_pipeline.engine.plan.batch_types import Batch, BatchResult
from stagenorm_pipeline.engine.postgres.connection import Database
from stagenorm_pipeline.engine.postgres.failpoints import Failpoint, gate
from stagenorm_pipeline.engine.postgres.locks import BATCH_LOCK_CLASS
from stagenorm_pipeline.engine.postgres.one_message import GuardError, send_message
from stagenorm_pipeline.engine.postgres.sql_files import statement
from stagenorm_pipeline.engine.targets.target import Target
from stagenorm_pipeline.engine.throttle.probe import SHORTEST_BLOCKING_MS, Waiter, waiter_behind_us

# What the guard of sql/apply/apply_rows.sql writes into its error.
_INCOMPLETE = "stagenorm: incomplete batch"


class IncompleteError(Exception):
    """A row was not updated, and the message did not say how to record that. It changed nothing."""


def can_send(batches: Sequence[Batch], target: Target) -> bool:
    """Tell whether the normal path may suffice for the batches.

    Not for retries, which take only the refused rows, and not for targets whose triggers may change rows again.
    """
    return not batches[0].was_tried and not target.has_after_triggers


def send_batches(
    database: Database,
    batches: Sequence[Batch],
    target: Target,
    *,
    worker: str,
    run_by: str,
    bounds: Bounds,
    records_skipped: bool,
    reads_waiters: bool,
) -> tuple[tuple[BatchResult, ...], tuple[Waiter, ...]]:
    """Run the batches (of one plan, target and fund) in one message, and record each one's result.

    Returns the results and, if `reads_waiters`, the sessions that wait behind a transaction that took long. Raises
    IncompleteError if a row was not updated, unless `records_skipped`: then its batch is recorded too, by a statement
    that takes the server 0.7 ms of CPU time for each message, mostly to plan it. Raises GuardError or OverdueError if
    nothing was changed and the batches need a closer look. Raises the database's own error when a row is refused.
    """
    rows = row_statements(target)
    statements = (
        statement("apply/bound_transaction"),
        statement("apply/require_locks"),
        statement("apply/require_waiting"),
        *gate(Failpoint.APPLY_LOCKED),
        rows.apply_rows,
        *gate(Failpoint.APPLY_ROWS_CHANGED),
        # Deferred constraints and triggers run now, so that their errors are like those of the other path.
        "SET CONSTRAINTS ALL IMMEDIATE",
        *((rows.record_skipped,) if records_skipped else ()),
        *gate(Failpoint.APPLY_BEFORE_COMMIT),
        *((statement("throttle/waiters"),) if reads_waiters else ()),
    )
    values = {
        **bounds.settings(),
        **row_values(batches, target, run_by=run_by, worker=worker),
        "places": None,
        "is_guarded": True,
        "is_complete": not records_skipped,
        "lock_class": BATCH_LOCK_CLASS,
        "shortest_ms": SHORTEST_BLOCKING_MS,
    }
    try:
        answers = send_message(database, statements, values, wait_ms=bounds.statement_timeout_ms)
    except GuardError as error:
        if _INCOMPLETE in str(error):
            raise IncompleteError from error
        raise
    updated = {row.batch_id: row for row in answers[statements.index(rows.apply_rows)]}
    incomplete = answers[statements.index(rows.record_skipped)] if records_skipped else []
    skipped = {row.batch_id: row for row in incomplete}
    results = tuple(
        _partial_result(skipped[batch.batch_id]) if batch.batch_id in skipped else _result(updated[batch.batch_id])
        for batch in batches
    )
    return results, tuple(map(waiter_behind_us, answers[-1])) if reads_waiters else ()


def _result(row: Any) -> BatchResult:
    log_ids = (row.first_log_id, row.last_log_id) if row.updated else None
    return BatchResult(rows_updated=row.updated, log_ids=log_ids, duration_ms=row.duration_ms)


def _partial_result(row: Any) -> BatchResult:
    return replace(_result(row), rows_skipped_changed=row.changed, rows_skipped_deleted=row.deleted)
