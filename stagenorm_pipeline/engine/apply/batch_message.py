"""Run batches in one message: the normal path, in which every row is updated.

It runs the same statements as `batch_transaction`, with guards between them. A guard ends the transaction if anything
needs a decision of the program; `batch_transaction` then does the work statement by statement.
"""

from collections.abc import Sequence
from typing import Any

from stagenorm_pipeline.engine.apply.batch_transaction import Bounds
from stagenorm_pipeline.engine.apply.row_updates import RowStatements
from stagenorm_pipeline.engine.plan.batch_types import Batch, BatchResult
from stagenorm_pipeline.engine.postgres.connection import Database
from stagenorm_pipeline.engine.postgres.failpoints import Failpoint, gate
from stagenorm_pipeline.engine.postgres.locks import BATCH_LOCK_CLASS
from stagenorm_pipeline.engine.postgres.one_message import send_message
from stagenorm_pipeline.engine.postgres.sql_files import statement
from stagenorm_pipeline.engine.targets.target import Target
from stagenorm_pipeline.engine.throttle.probe import SHORTEST_BLOCKING_MS, Waiter, waiter_behind_us


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
    reads_waiters: bool,
) -> tuple[tuple[BatchResult, ...], tuple[Waiter, ...]]:
    """Run the batches (of one plan, target and fund) in one message, and record each one's result.

    Returns the results and, if `reads_waiters`, the sessions that wait behind a transaction that took long. Raises
    GuardError or OverdueError if nothing was changed and the batches need a closer look. Raises the database's own
    error when a row is refused.
    """
    rows = RowStatements(batches, target, run_by=run_by, worker=worker)
    statements = (
        statement("apply/bound_transaction"),
        statement("apply/require_locks"),
        statement("apply/require_waiting"),
        *gate(Failpoint.APPLY_LOCKED),
        rows.apply_rows,
        *gate(Failpoint.APPLY_ROWS_CHANGED),
        statement("apply/require_recorded"),
        # Deferred constraints and triggers run now, so that their errors are like those of the other path.
        "SET CONSTRAINTS ALL IMMEDIATE",
        *gate(Failpoint.APPLY_BEFORE_COMMIT),
        *((statement("throttle/waiters"),) if reads_waiters else ()),
    )
    values = {
        **bounds.settings(),
        **rows.values,
        "places": None,
        "lock_class": BATCH_LOCK_CLASS,
        "shortest_ms": SHORTEST_BLOCKING_MS,
    }
    answers = send_message(database, statements, values, wait_ms=bounds.statement_timeout_ms)
    counts = {row.batch_id: row for row in answers[statements.index(rows.apply_rows)]}
    waiters = answers[-1] if reads_waiters else []
    return tuple(_result(counts[batch.batch_id]) for batch in batches), tuple(map(waiter_behind_us, waiters))


def _result(count: Any) -> BatchResult:
    log_ids = (count.first_log_id, count.last_log_id)
    return BatchResult(rows_updated=count.updated, log_ids=log_ids, duration_ms=count.duration_ms)
