"""Update and log the rows of batches, and find the rows that the database refuses."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial
from typing import Any

import psycopg
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from stagenorm_pipeline.engine.apply.one_by_one import may_run, update_one_by_one
from stagenorm_pipeline.engine.apply.refusals import RewrittenError, refusal_of
from stagenorm_pipeline.engine.apply.row_statements import row_statements, row_values
from stagenorm_pipeline.engine.plan.batch_types import Batch, BatchResult, Refusal, RefusedRow
from stagenorm_pipeline.engine.postgres.retry import Failure, classify, is_contention_of_a_row
from stagenorm_pipeline.engine.targets.target import Target

# Entered before each attempt to update rows together. An exception that leaves it means that none of them was updated.
AroundPart = Callable[[], AbstractContextManager[None]]

# One statement takes these rows one by one, so that the statement timeout bounds as little as before.
_ONE_BY_ONE = 1_000


class RowErrors(StrEnum):
    """Which errors are blamed on a single row, which is then found and refused while the other rows are updated."""

    NONE = "none"
    REFUSED = "refused"
    # A trigger can raise a contention code (40001). Such an error is blamed on a row only after the retries failed.
    REFUSED_OR_CONTENTION = "refused or contention"

    def include(self, error: BaseException) -> bool:
        """Tell whether `error` is blamed on a single row."""
        if isinstance(error, RewrittenError) or classify(error) is Failure.REFUSAL:
            return True
        return self is RowErrors.REFUSED_OR_CONTENTION and is_contention_of_a_row(error)

    def next_wider(self, error: BaseException) -> "RowErrors | None":
        """Return the setting to retry with after `error`; None if the batch failed as a whole."""
        settings = list(RowErrors)
        return next((wider for wider in settings[settings.index(self) + 1 :] if wider.include(error)), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdatedBatch:
    """The result of updating a batch's rows. `duration_ms` None: the result is not recorded yet."""

    batch: Batch
    result: BatchResult
    duration_ms: int | None = None


def update_accepted_rows(
    connection: sa.Connection,
    batch: Batch,
    target: Target,
    *,
    run_by: str,
    row_errors: RowErrors,
    places: list[int] | None = None,
    failed_together: bool = False,
    around_part: AroundPart = nullcontext,
) -> BatchResult:
    """Update and log the rows at `places` of the batch (None: all rows), except those that the database refuses.

    Runs in the caller's transaction and records no result. The refused rows are in the returned result.
    `failed_together`: the rows were just tried together and one was refused, so they are not tried together again.
    """
    return RowUpdates(
        connection, (batch,), target, run_by=run_by, row_errors=row_errors, around_part=around_part
    ).update_accepted(places, failed_together=failed_together)


def read_refused_rows(connection: sa.Connection, batch: Batch, result: BatchResult) -> tuple[RefusedRow, ...]:
    """Read the keys of the refused rows, in the order of the batch."""
    messages = {refusal.place: refusal.message for refusal in result.refusals}
    rows = connection.exec_driver_sql(
        "SELECT m.place, coalesce(m.row_number::text, m.row_key) AS row_id FROM stage_migration_batch_members b "
        "CROSS JOIN LATERAL unnest(b.row_numbers, b.row_keys) WITH ORDINALITY AS m (row_number, row_key, place) "
        "WHERE b.batch_id = %(batch_id)s AND m.place = ANY (%(places)s::bigint[]) ORDER BY m.place",
        {"places": list(messages), "batch_id": batch.batch_id},
    )
    return tuple(RefusedRow(batch=batch, row_id=row.row_id, message=messages[row.place]) for row in rows)


class RowUpdates:
    """Update the rows of batches of one plan, target and fund. `worker`: see `row_values`."""

    def __init__(
        self,
        connection: sa.Connection,
        batches: Sequence[Batch],
        target: Target,
        *,
        run_by: str,
        worker: str | None = None,
        row_errors: RowErrors = RowErrors.NONE,
        around_part: AroundPart = nullcontext,
    ) -> None:
        self._connection = connection
        self._around_part = around_part
        self._batches = batches
        self._target = target
        self._row_errors = row_errors
        self._statements = row_statements(target)
        self._values = row_values(batches, target, run_by=run_by, worker=worker)

    def update_all(self, places: list[int] | None = None) -> list[UpdatedBatch]:
        """Update the rows at `places` (None: all rows of the batches), or raise and update none."""
        with self._around_part():
            return self._update_all(places)

    def _update_all(self, places: list[int] | None) -> list[UpdatedBatch]:
        values = {**self._values, "places": places, "is_guarded": False, "is_complete": False}
        counts = {row.batch_id: row for row in self._connection.exec_driver_sql(self._statements.apply_rows, values)}
        if any(count.rewritten for count in counts.values()):
            raise RewrittenError
        # Deferred constraints and triggers would otherwise fail at COMMIT, where no single row can be blamed.
        self._connection.exec_driver_sql("SET CONSTRAINTS ALL IMMEDIATE")
        updated = [self._updated_batch(batch, places, counts[batch.batch_id]) for batch in self._batches]
        self._require_unchanged(sum((one.result for one in updated), BatchResult()))
        return updated

    def update_accepted(self, places: list[int] | None, *, failed_together: bool) -> BatchResult:
        """Update the rows at `places` (None: all rows) of the only batch, except those that the database refuses."""
        (batch,) = self._batches
        attempt = None if failed_together else self._attempt(partial(self._update_part, places))
        if isinstance(attempt, BatchResult):
            result = attempt
        else:
            some = list(range(1, batch.rows_planned + 1)) if places is None else places
            parts = (some[start : start + _ONE_BY_ONE] for start in range(0, len(some), _ONE_BY_ONE))
            # `around_part` needs parts that are updated or undone as a whole, and one by one undoes some of its own.
            is_whole = self._around_part is not nullcontext
            narrow_down = self._one_by_one if not is_whole and may_run(self._connection) else self._bisect
            result = sum(map(narrow_down, parts), BatchResult())
        # Checked again over all rows: an update of a later part may have made a trigger change an earlier part.
        self._require_unchanged(result)
        return result

    def _update_part(self, places: list[int] | None) -> BatchResult:
        (updated,) = self.update_all(places)
        return updated.result

    def _attempt(self, update: Callable[[], BatchResult]) -> "BatchResult | _Undone":
        """Run `update`, and undo it if an error is blamed on a single row."""
        self._connection.exec_driver_sql("SAVEPOINT attempt")
        try:
            result = update()
        except (DBAPIError, psycopg.Error, RewrittenError) as error:
            if not self._row_errors.include(error):
                raise
            # SQLAlchemy's begin_nested does not release a savepoint that it rolled back, so they nest: 20,000 refused
            # rows exhausted the lock table that all sessions of the server share.
            self._connection.exec_driver_sql("ROLLBACK TO SAVEPOINT attempt; RELEASE SAVEPOINT attempt")
            return _Undone(error=error)
        self._connection.exec_driver_sql("RELEASE SAVEPOINT attempt")
        return result

    def _one_by_one(self, places: list[int]) -> BatchResult:
        """Update the rows at `places` one by one on the server. Bisect where it cannot tell if a row is the cause."""
        attempt = self._attempt(partial(self._update_one_by_one, places))
        return attempt if isinstance(attempt, BatchResult) else self._bisect(places)

    def _update_one_by_one(self, places: list[int]) -> BatchResult:
        (batch,) = self._batches
        found = update_one_by_one(
            self._connection,
            self._statements.one_by_one,
            {
                **self._values,
                "batch_id": batch.batch_id,
                "places": places,
                "has_after_triggers": self._target.has_after_triggers,
            },
            with_contention=self._row_errors is RowErrors.REFUSED_OR_CONTENTION,
        )
        refused = {refusal.place for refusal in found.refusals}
        others = [place for place in places if place not in refused]
        result = self._explain(batch, others, attempted=len(others), updated=found.updated)
        return replace(result, refusals=found.refusals + result.refusals, log_ids=found.log_ids)

    def _bisect(self, places: list[int]) -> BatchResult:
        """Update the rows at `places`, halving them after an error until each refused row is alone."""
        match self._attempt(partial(self._update_part, places)):
            case BatchResult() as result:
                return result
            case _Undone(error=error) if len(places) == 1:
                return BatchResult(refusals=(refusal_of(places[0], error),))
            case _Undone():
                middle = len(places) // 2
                return self._bisect(places[:middle]) + self._bisect(places[middle:])

    def _require_unchanged(self, result: BatchResult) -> None:
        """Raise RewrittenError if an AFTER trigger changed one of the rows that `result` counts as updated."""
        changed_again = self._statements.changed_again
        if changed_again is None or result.log_ids is None:
            return
        first_log_id, last_log_id = result.log_ids
        values = {**self._values, "first_log_id": first_log_id, "last_log_id": last_log_id}
        if self._connection.exec_driver_sql(changed_again, values).scalar_one():
            raise RewrittenError

    def _updated_batch(self, batch: Batch, places: list[int] | None, count: Any) -> UpdatedBatch:
        log_ids = (count.first_log_id, count.last_log_id) if count.updated else None
        if count.attempted == count.updated:
            result = BatchResult(rows_updated=count.updated, log_ids=log_ids)
            return UpdatedBatch(batch=batch, result=result, duration_ms=count.duration_ms)
        result = self._explain(batch, places, attempted=count.attempted, updated=count.updated)
        return UpdatedBatch(batch=batch, result=replace(result, log_ids=log_ids))

    def _explain(self, batch: Batch, places: list[int] | None, *, attempted: int, updated: int) -> BatchResult:
        """Find out why rows at `places` were not updated, if any: deleted, changed, or suppressed by a trigger."""
        if attempted == updated:
            return BatchResult(rows_updated=updated)
        values = {"batch_id": batch.batch_id, "places": places}
        unchanged = self._connection.exec_driver_sql(self._statements.unchanged_rows, values).one()
        suppressed = tuple(
            Refusal(place=place, message="The update was suppressed: a BEFORE trigger returned no row.", sqlstate=None)
            for place in unchanged.suppressed_places
        )
        return BatchResult(
            rows_updated=updated,
            rows_skipped_changed=attempted - updated - unchanged.deleted - len(suppressed),
            rows_skipped_deleted=unchanged.deleted,
            refusals=suppressed,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Undone:
    """An attempt that was undone, with the error."""

    error: Exception
