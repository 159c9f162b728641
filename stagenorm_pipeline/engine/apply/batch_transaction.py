"""One batch in one transaction: lock it, change its rows, narrow down to the rows that the database refuses, record.

Or a group of batches in one transaction, where all goes well. Does not belong here: which batch is next, retries,
sleeping (see `apply`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import takewhile
from typing import Any

import psycopg
import sqlalchemy as sa
from psycopg import sql
from sqlalchemy.exc import DBAPIError

from stagenorm_pipeline.engine.plan.batch import Batch, BatchResult, Refusal, RefusedRow
from stagenorm_pipeline.engine.postgres.connection import bound_waits, first_line, psycopg_error
from stagenorm_pipeline.engine.postgres.failpoints import Failpoint, failpoint
from stagenorm_pipeline.engine.postgres.locks import BATCH_LOCK_CLASS, try_lock_batches
from stagenorm_pipeline.engine.postgres.retry import Failure, classify, is_contention_of_a_row
from stagenorm_pipeline.engine.postgres.sql_files import log_sha256, statement
from stagenorm_pipeline.engine.targets.target import KeyKind, Target
from stagenorm_pipeline.errors import StagenormError

# A person reads the message; a hostile trigger could raise megabytes.
_LONGEST_MESSAGE = 500

# The statuses of a batch that has something left to do.
WAITING = ("pending", "running", "failed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """How long one transaction may wait and hold, in milliseconds."""

    lock_timeout_ms: int = 2_000
    statement_timeout_ms: int = 60_000
    idle_timeout_ms: int = 30_000


class RewrittenError(StagenormError):
    """A trigger stored something else than what we wrote."""

    def __init__(self) -> None:
        super().__init__(
            "A trigger stored another stage than the one that was written.",
            remedy="Change the trigger so that it keeps canonical stages, then run `stagenorm resume`.",
        )


class Narrowing(StrEnum):
    """Which errors `work_batch` takes for a row's fault, finding the row and letting the others through."""

    NONE = "none"
    REFUSED = "refused"
    # What a trigger raises with a code for contention (40001) looks passing; it counts when the retries are used up.
    RETRIED = "retried"

    def is_refused(self, error: BaseException) -> bool:
        """Whether `error` means that the database refused a row."""
        if isinstance(error, RewrittenError) or classify(error) is Failure.REFUSAL:
            return True
        return self is Narrowing.RETRIED and is_contention_of_a_row(error)

    def after(self, error: BaseException) -> "Narrowing | None":
        """How to do the batch again after `error`, raised when it was done this way; None: it failed as a whole."""
        for wider in list(Narrowing)[list(Narrowing).index(self) + 1 :]:
            if wider.is_refused(error):
                return wider
        return None


class NotTogetherError(Exception):
    """Batches could not go through in one transaction; nothing is wrong with those that can go alone.

    Raised for a single batch when somebody deleted it while it was at work.
    """


def bound_transaction(connection: sa.Connection, bounds: Bounds, *, synchronous_commit: str | None = None) -> None:
    """Apply the bounds to the transaction that `connection` is in."""
    bound_waits(connection, bounds.statement_timeout_ms)
    connection.exec_driver_sql(
        statement("apply/bound_transaction"),
        {
            "lock_timeout": f"{bounds.lock_timeout_ms}ms",
            "statement_timeout": f"{bounds.statement_timeout_ms}ms",
            "idle_timeout": f"{bounds.idle_timeout_ms}ms",
            "synchronous_commit": synchronous_commit,
            "application_name": "stagenorm batch",
        },
    )


def bound_claim(connection: sa.Connection, bounds: Bounds) -> None:
    """Apply the bounds to a transaction that only claims a batch.

    Losing a claim in a crash of the server loses nothing: it is information, and saves a flush of the log.
    """
    bound_transaction(connection, bounds, synchronous_commit="off")


def claim_batches(connection: sa.Connection, batches: Sequence[Batch], *, worker: str) -> tuple[Batch, ...]:
    """Note who takes the batches; those up to the first that somebody else is at, or has finished."""
    values = {"worker": worker, "batch_ids": [batch.batch_id for batch in batches], "lock_class": BATCH_LOCK_CLASS}
    claimed = {row.batch_id for row in connection.exec_driver_sql(statement("apply/claim_batch"), values)}
    failpoint(Failpoint.APPLY_CLAIM_BEFORE_COMMIT)
    return tuple(takewhile(lambda batch: batch.batch_id in claimed, batches))


def work_batch(
    connection: sa.Connection,
    batch: Batch,
    target: Target,
    *,
    worker: str,
    run_by: str,
    bounds: Bounds,
    narrowing: Narrowing = Narrowing.NONE,
) -> BatchResult | None:
    """Do the batch in the caller's transaction; None when somebody else has it, or has finished or cancelled it.

    Raises the database's own error, or RewrittenError, when a row is refused: do it again, in a new transaction, with
    `narrowing.after(error)`, which finds the refused rows one by one and lets the others through.
    """
    bound_transaction(connection, bounds)
    if not try_lock_batches(connection, [batch.batch_id]):
        return None
    # A statement of its own: its snapshot must be newer than the lock.
    row = connection.exec_driver_sql(statement("apply/read_batch"), {"batch_ids": [batch.batch_id]}).one_or_none()
    if row is not None and row.status == "completed" and row.worker == worker:
        # Ours since we claimed it: its commit arrived, and the connection was lost before the answer did.
        return BatchResult(
            rows_updated=row.rows_updated,
            rows_skipped_changed=row.rows_skipped_changed,
            rows_skipped_deleted=row.rows_skipped_deleted,
            duration_ms=row.duration_ms,
        )
    # Not only `running`: a crash of the server can lose the claim, and the lock is ours all the same.
    if row is None or row.plan_status != "open" or row.status not in WAITING:
        return None
    failpoint(Failpoint.APPLY_LOCKED)
    earlier = BatchResult()
    places: list[int] = []
    is_retry = row.rows_updated is not None
    if is_retry:
        earlier = BatchResult(
            rows_updated=row.rows_updated,
            rows_skipped_changed=row.rows_skipped_changed,
            rows_skipped_deleted=row.rows_skipped_deleted,
        )
        places = _quarantined_places(connection, batch, row.rows_failed)
    duration_ms: int | None = None
    if is_retry or narrowing is not Narrowing.NONE:
        kind = Narrowing.REFUSED if narrowing is Narrowing.NONE else narrowing
        attempt = change_rows(connection, batch, target, run_by, places if is_retry else None, kind)
    else:
        ((attempt, duration_ms),) = _Rows(connection, (batch,), target, run_by, worker).change(None)
    failpoint(Failpoint.APPLY_ROWS_CHANGED)
    if duration_ms is None:
        duration_ms = _record(connection, batch, attempt, worker, batch.rows_planned, earlier if is_retry else None)
    failpoint(Failpoint.APPLY_RESULT_RECORDED)
    return replace(earlier + attempt, duration_ms=duration_ms)


def work_group(
    connection: sa.Connection, batches: Sequence[Batch], target: Target, *, worker: str, run_by: str, bounds: Bounds
) -> tuple[BatchResult, ...]:
    """Do the batches (of one plan, target and fund) in the caller's transaction, each with its lock, log and result.

    Raises NotTogetherError when one of them is not ours to do, was tried before, or had a row refused, RewrittenError
    and whatever the database does: roll back, and do fewer at once.
    """
    bound_transaction(connection, bounds)
    batch_ids = [batch.batch_id for batch in batches]
    if not try_lock_batches(connection, batch_ids):
        raise NotTogetherError("another worker is at one of them")
    rows = connection.exec_driver_sql(statement("apply/read_batch"), {"batch_ids": batch_ids}).all()
    is_fresh = [row.plan_status == "open" and row.status in WAITING and row.rows_updated is None for row in rows]
    if len(rows) != len(batches) or not all(is_fresh):
        raise NotTogetherError("one of them was tried, finished or cancelled meanwhile")
    failpoint(Failpoint.APPLY_LOCKED)
    outcomes = _Rows(connection, batches, target, run_by, worker).change(None)
    failpoint(Failpoint.APPLY_ROWS_CHANGED)
    for result, _ in outcomes:
        if result.refusals:
            raise NotTogetherError(result.refusals[0].message)
    group_rows = sum(batch.rows_planned for batch in batches)
    results = tuple(
        replace(
            result,
            duration_ms=_record(connection, batch, result, worker, group_rows) if duration_ms is None else duration_ms,
        )
        for batch, (result, duration_ms) in zip(batches, outcomes, strict=True)
    )
    failpoint(Failpoint.APPLY_RESULT_RECORDED)
    return results


def change_rows(
    connection: sa.Connection,
    batch: Batch,
    target: Target,
    run_by: str,
    places: list[int] | None = None,
    narrowing: Narrowing = Narrowing.REFUSED,
) -> BatchResult:
    """Change and log the rows at `places` of the batch (None: all of them), in the caller's transaction.

    Rows that the database refuses are found one by one, and are in the result.
    """
    rows = _Rows(connection, (batch,), target, run_by, None, narrowing)
    return rows.narrow_down(places, list(range(1, batch.rows_planned + 1)) if places is None else places)


def refused_rows(connection: sa.Connection, batch: Batch, result: BatchResult) -> tuple[RefusedRow, ...]:
    """The keys of the rows that were refused, in the batch's order."""
    places = {refusal.place: refusal.message for refusal in result.refusals}
    rows = connection.exec_driver_sql(
        "SELECT place, coalesce(b.row_numbers[place]::text, b.row_keys[place]) AS row_id "
        "FROM stage_migration_batch_members b CROSS JOIN unnest(%(places)s::integer[]) AS place "
        "WHERE b.batch_id = %(batch_id)s ORDER BY place",
        {"places": list(places), "batch_id": batch.batch_id},
    )
    return tuple(RefusedRow(batch=batch, row_id=row.row_id, message=places[row.place]) for row in rows)


def _quarantined_places(connection: sa.Connection, batch: Batch, rows_failed: int) -> list[int]:
    places = [
        row.place
        for row in connection.exec_driver_sql(statement("apply/quarantined_places"), {"batch_id": batch.batch_id})
    ]
    if len(places) != rows_failed:
        raise StagenormError(
            f"Batch {batch.batch_id} has {rows_failed} failed rows, but {len(places)} of them wait in quarantine.",
            remedy="Make a new plan for this fund: `stagenorm run` plans these rows anew.",
        )
    return places


def _record(
    connection: sa.Connection,
    batch: Batch,
    attempt: BatchResult,
    worker: str,
    group_rows: int,
    earlier: BatchResult | None = None,
) -> int:
    """Record the batch's result and this attempt's receipt; `earlier`: what the attempts before a retry came to."""
    result = attempt if earlier is None else earlier + attempt
    if result.refusals:
        _quarantine(connection, batch, result.refusals)
    if earlier is not None:
        connection.exec_driver_sql(
            statement("apply/release_quarantine"),
            {"batch_id": batch.batch_id, "refused": [refusal.place for refusal in result.refusals]},
        )
    message = None
    if result.refusals:
        message = f"{result.rows_failed} row(s) refused by the database, first: {result.refusals[0].message}"
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
            "error_message": message,
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
        raise NotTogetherError("it was deleted while it was at work")
    return int(duration_ms)


def _quarantine(connection: sa.Connection, batch: Batch, refusals: tuple[Refusal, ...]) -> None:
    connection.exec_driver_sql(
        statement("apply/quarantine_rows"),
        {
            "plan_id": batch.plan_id,
            "batch_id": batch.batch_id,
            "schema_name": batch.schema,
            "table_name": batch.table,
            "column_name": batch.column,
            "fund_id": batch.fund_id,
            "places": [refusal.place for refusal in refusals],
            "messages": [refusal.message for refusal in refusals],
            "sqlstates": [refusal.sqlstate for refusal in refusals],
        },
    )


class _Rows:
    """Changes the rows of batches; a set of one that the database refuses is halved until the refused stand alone."""

    def __init__(
        self,
        connection: sa.Connection,
        batches: Sequence[Batch],
        target: Target,
        run_by: str,
        worker: str | None,
        narrowing: Narrowing = Narrowing.NONE,
    ) -> None:
        self._connection = connection
        self._batches = batches
        self._narrowing = narrowing
        parts = target.sql_parts()
        member_column = sql.Identifier("row_numbers" if target.key_kind is KeyKind.INTEGER else "row_keys")
        names = ("key", "key_type", "table", "stage")
        common = {"member_column": member_column, **{name: parts[name] for name in names}}
        self._apply_rows = statement(
            "apply/apply_rows",
            stage_column=parts["stage_column"],
            stage_cast=parts["stage_cast"],
            log_sha256=log_sha256(),
            **common,
        )
        self._unchanged_rows = statement("apply/unchanged_rows", **common)
        self._changed_again = (
            statement("apply/rows_changed_again", **{name: parts[name] for name in names})
            if target.has_after_triggers
            else None
        )
        first = batches[0]
        self._values: dict[str, Any] = {
            "plan_id": first.plan_id,
            "batch_ids": [batch.batch_id for batch in batches],
            "group_rows": sum(batch.rows_planned for batch in batches),
            **target.identity(),
            "fund_id": first.fund_id,
            "run_by": run_by,
            "worker": worker,
            "action": first.kind.value,
        }

    def narrow_down(self, selection: list[int] | None, places: list[int]) -> BatchResult:
        """Change the rows at `places` except the refused ones; `selection`: the same list, or None for all of them."""
        result = self._narrow(selection, places)
        # Once more over all of them: changing a later part may have made a trigger change an earlier part again.
        self._require_unchanged(result)
        return result

    def _narrow(self, selection: list[int] | None, places: list[int]) -> BatchResult:
        self._connection.exec_driver_sql("SAVEPOINT attempt")
        try:
            ((result, _),) = self.change(selection)
        except (DBAPIError, psycopg.Error, RewrittenError) as error:
            if not self._narrowing.is_refused(error):
                raise
            # Released as well, which SQLAlchemy's begin_nested leaves out: its savepoints stay open inside one another,
            # and 20,000 refused rows exhausted the lock table that all sessions of the server share.
            self._connection.exec_driver_sql("ROLLBACK TO SAVEPOINT attempt; RELEASE SAVEPOINT attempt")
            if len(places) == 1:
                return BatchResult(refusals=(_refusal(places[0], error),))
        else:
            self._connection.exec_driver_sql("RELEASE SAVEPOINT attempt")
            return result
        middle = len(places) // 2
        return self._narrow(places[:middle], places[:middle]) + self._narrow(places[middle:], places[middle:])

    def change(self, selection: list[int] | None) -> list[tuple[BatchResult, int | None]]:
        """Change the rows at `selection` (None: whole batches), all or none.

        For each batch its result, and its duration in milliseconds where that has been recorded along with it.
        """
        values = {**self._values, "places": selection}
        counts = {row.batch_id: row for row in self._connection.exec_driver_sql(self._apply_rows, values)}
        if any(count.rewritten for count in counts.values()):
            raise RewrittenError
        # Deferred constraints and constraint triggers would speak at COMMIT, when no row can be singled out any more.
        self._connection.exec_driver_sql("SET CONSTRAINTS ALL IMMEDIATE")
        outcomes = [self._outcome(batch, selection, counts[batch.batch_id]) for batch in self._batches]
        self._require_unchanged(sum((result for result, _ in outcomes), BatchResult()))
        return outcomes

    def _require_unchanged(self, result: BatchResult) -> None:
        """Raise RewrittenError where an AFTER trigger changed one of the rows that `result` counts as updated."""
        if self._changed_again is None or result.log_ids is None:
            return
        first_log_id, last_log_id = result.log_ids
        values = {**self._values, "first_log_id": first_log_id, "last_log_id": last_log_id}
        if self._connection.exec_driver_sql(self._changed_again, values).scalar_one():
            raise RewrittenError

    def _outcome(self, batch: Batch, selection: list[int] | None, count: Any) -> tuple[BatchResult, int | None]:
        log_ids = (count.first_log_id, count.last_log_id) if count.updated else None
        if count.attempted == count.updated:
            return BatchResult(rows_updated=count.updated, log_ids=log_ids), count.duration_ms
        return replace(self._with_missed(batch, selection, count), log_ids=log_ids), None

    def _with_missed(self, batch: Batch, selection: list[int] | None, count: Any) -> BatchResult:
        """The result of a batch of which some rows did not change, and why each did not."""
        values = {"batch_id": batch.batch_id, "places": selection}
        unchanged = self._connection.exec_driver_sql(self._unchanged_rows, values).one()
        suppressed = tuple(
            Refusal(place=place, message="The update was suppressed: a BEFORE trigger returned no row.", sqlstate=None)
            for place in unchanged.suppressed_places
        )
        changed = count.attempted - count.updated - unchanged.deleted - len(suppressed)
        return BatchResult(
            rows_updated=count.updated,
            rows_skipped_changed=changed,
            rows_skipped_deleted=unchanged.deleted,
            refusals=suppressed,
        )


def _refusal(place: int, error: Exception) -> Refusal:
    if isinstance(error, RewrittenError):
        return Refusal(place=place, message=error.message, sqlstate=None)
    cause = psycopg_error(error)
    return Refusal(
        place=place, message=first_line(error)[:_LONGEST_MESSAGE], sqlstate=cause.sqlstate if cause else None
    )
