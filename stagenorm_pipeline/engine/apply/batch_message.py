"""Run batches in one message: the normal path, in which the database refuses no row.

It runs the same statements as `batch_transaction`, with guards between them. A guard ends the transaction if anything
needs a decision of the program; `batch_transaction` then does the work statement by statement.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from psycopg import sql

from stagenorm_pipeline.engine.apply.batch_transaction import Bounds
from stagenorm_pipeline.engine.apply.row_statements import row_statements, row_values
from stagenorm_pipeline.engine.apply.tuning import Tuning
from stagenorm_pipeline.engine.approval.approval import is_approved
from stagenorm_pipeline.engine.plan.batch_types import Batch, BatchResult
from stagenorm_pipeline.engine.postgres.connection import Database
from stagenorm_pipeline.engine.postgres.failpoints import Failpoint, gate
from stagenorm_pipeline.engine.postgres.locks import BATCH_LOCK_CLASS
from stagenorm_pipeline.engine.postgres.one_message import GuardError, send_message
from stagenorm_pipeline.engine.postgres.sql_files import statement
from stagenorm_pipeline.engine.targets.target import Target
from stagenorm_pipeline.engine.throttle.probe import SHORTEST_BLOCKING_MS, Waiter, waiter_behind_us

# What the guards of sql/apply write into their errors: apply_rows, require_locks and require_waiting.
_INCOMPLETE = "stagenorm: incomplete batch"
_UNAVAILABLE = ("stagenorm: a batch is taken", "stagenorm: a batch does not wait")


class IncompleteError(Exception):
    """A row was not updated, and the message did not say how to record that. It changed nothing."""


class ClaimLostError(Exception):
    """A batch that was claimed ahead may not run now: another runner has taken it, all work is paused, or the like."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """The results of batches, and the sessions that waited behind them.

    `ahead`: the pace that is set for all runners, if the next batch was claimed. None: not asked for, or not free.
    """

    results: tuple[BatchResult, ...]
    waiters: tuple[Waiter, ...]
    ahead: Tuning | None


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
    following: Batch | None,
    were_claimed_ahead: bool,
    records_skipped: bool,
    reads_waiters: bool,
) -> Sent:
    """Run the batches (of one plan, target and fund) in one message, and record each one's result.

    `following`: claim this batch too, if it is free. `were_claimed_ahead`: the batches were claimed so, which did not
    check that they may run. `reads_waiters`: read the sessions that wait, if the transaction took long. Raises
    IncompleteError if a row was not updated, unless `records_skipped`: then its batch is recorded too, by a statement
    that takes the server 0.7 ms of CPU time for each message, mostly to plan it. Raises ClaimLostError, and GuardError
    or OverdueError if the batches need a closer look. After each of these nothing was changed. Raises the database's
    own error when a row is refused.
    """
    rows = row_statements(target)
    statements = (
        statement("apply/bound_transaction"),
        statement("apply/require_locks"),
        _require_waiting(were_claimed_ahead=were_claimed_ahead),
        *gate(Failpoint.APPLY_LOCKED),
        rows.apply_rows,
        *gate(Failpoint.APPLY_ROWS_CHANGED),
        # Deferred constraints and triggers run now, so that their errors are like those of the other path.
        "SET CONSTRAINTS ALL IMMEDIATE",
        *((rows.record_skipped,) if records_skipped else ()),
        *((statement("apply/claim_ahead"),) if following else ()),
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
        "next_id": following.batch_id if following else None,
        "shortest_ms": SHORTEST_BLOCKING_MS,
    }
    try:
        answers = send_message(database, statements, values, wait_ms=bounds.statement_timeout_ms)
    except GuardError as error:
        if _INCOMPLETE in str(error):
            raise IncompleteError from error
        if were_claimed_ahead and any(guard in str(error) for guard in _UNAVAILABLE):
            raise ClaimLostError from error
        raise
    updated = {row.batch_id: row for row in answers[statements.index(rows.apply_rows)]}
    incomplete = answers[statements.index(rows.record_skipped)] if records_skipped else []
    skipped = {row.batch_id: row for row in incomplete}
    results = tuple(
        _partial_result(skipped[batch.batch_id]) if batch.batch_id in skipped else _result(updated[batch.batch_id])
        for batch in batches
    )
    claimed = answers[statements.index(statement("apply/claim_ahead"))] if following else []
    return Sent(
        results=results,
        waiters=tuple(map(waiter_behind_us, answers[-1])) if reads_waiters else (),
        ahead=Tuning(**claimed[0]._asdict()) if claimed else None,
    )


@cache
def _require_waiting(*, were_claimed_ahead: bool) -> str:
    may_start: sql.Composable = sql.SQL("true")
    if were_claimed_ahead:
        may_start = sql.SQL("NOT EXISTS (SELECT 1 FROM stage_migration_control WHERE paused) AND {}").format(
            is_approved()
        )
    return statement("apply/require_waiting", may_start=may_start)


def _result(row: Any) -> BatchResult:
    log_ids = (row.first_log_id, row.last_log_id) if row.updated else None
    return BatchResult(rows_updated=row.updated, log_ids=log_ids, duration_ms=row.duration_ms)


def _partial_result(row: Any) -> BatchResult:
    return replace(_result(row), rows_skipped_changed=row.changed, rows_skipped_deleted=row.deleted)
