"""Update and log the rows of batches, and find the rows that the database refuses."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

import psycopg
import sqlalchemy as sa
from psycopg import sql
from sqlalchemy.exc import DBAPIError

from stagenorm_pipeline.engine.plan.batch_types import Batch, BatchResult, Refusal, RefusedRow
from stagenorm_pipeline.engine.postgres.connection import first_line, psycopg_error
from stagenorm_pipeline.engine.postgres.retry import Failure, classify, is_contention_of_a_row
from stagenorm_pipeline.engine.postgres.sql_files import log_sha256, statement
from stagenorm_pipeline.engine.targets.target import KeyKind, Target
from stagenorm_pipeline.errors import StagenormError

# Entered before each attempt to update rows together. An exception that leaves it means that none of them was updated.
AroundPart = Callable[[], AbstractContextManager[None]]

# A trigger can raise megabytes of text.
_MAX_MESSAGE_LENGTH = 500


class RewrittenError(StagenormError):
    """A trigger stored another stage than the one that was written."""

    def __init__(self) -> None:
        super().__init__(
            "A trigger stored another stage than the one that was written.",
            remedy="Change the trigger so that it keeps canonical stages, then run `stagenorm resume`.",
        )


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
    around_part: AroundPart = nullcontext,
) -> BatchResult:
    """Update and log the rows at `places` of the batch (None: all rows), except those that the database refuses.

    Runs in the caller's transaction and records no result. The refused rows are in the returned result.
    """
    return RowUpdates(
        connection, (batch,), target, run_by=run_by, row_errors=row_errors, around_part=around_part
    ).update_accepted(places)


def read_refused_rows(connection: sa.Connection, batch: Batch, result: BatchResult) -> tuple[RefusedRow, ...]:
    """Read the keys of the refused rows, in the order of the batch."""
    messages = {refusal.place: refusal.message for refusal in result.refusals}
    rows = connection.exec_driver_sql(
        "SELECT place, coalesce(b.row_numbers[place]::text, b.row_keys[place]) AS row_id "
        "FROM stage_migration_batch_members b CROSS JOIN unnest(%(places)s::integer[]) AS place "
        "WHERE b.batch_id = %(batch_id)s ORDER BY place",
        {"places": list(messages), "batch_id": batch.batch_id},
    )
    return tuple(RefusedRow(batch=batch, row_id=row.row_id, message=messages[row.place]) for row in rows)


class RowStatements:
    """The statements that update the rows of batches of one plan, target and fund, and the values that they share.

    `worker`: record a batch's result together with its rows where every row was updated; None: record nothing.
    `changed_again` None: the target has no triggers that could change a row again.
    """

    def __init__(self, batches: Sequence[Batch], target: Target, *, run_by: str, worker: str | None = None) -> None:
        parts = target.sql_parts()
        member_column = sql.Identifier("row_numbers" if target.key_kind is KeyKind.INTEGER else "row_keys")
        names = ("key", "key_type", "table", "stage")
        common = {"member_column": member_column, **{name: parts[name] for name in names}}
        self.apply_rows = statement(
            "apply/apply_rows",
            stage_column=parts["stage_column"],
            stage_cast=parts["stage_cast"],
            log_sha256=log_sha256(),
            **common,
        )
        self.unchanged_rows = statement("apply/unchanged_rows", **common)
        self.record_skipped = statement("apply/record_skipped", log_sha256=log_sha256(), **common)
        self.changed_again = (
            statement("apply/rows_changed_again", **{name: parts[name] for name in names})
            if target.has_after_triggers
            else None
        )
        first = batches[0]
        self.values: dict[str, Any] = {
            "plan_id": first.plan_id,
            "batch_ids": [batch.batch_id for batch in batches],
            "group_rows": sum(batch.rows_planned for batch in batches),
            **target.identity(),
            "fund_id": first.fund_id,
            "run_by": run_by,
            "worker": worker,
            "action": first.kind.value,
        }


class RowUpdates:
    """Update the rows of batches of one plan, target and fund. `worker`: see RowStatements."""

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
        self._row_errors = row_errors
        self._statements = RowStatements(batches, target, run_by=run_by, worker=worker)
        self._values = self._statements.values

    def update_all(self, places: list[int] | None = None) -> list[UpdatedBatch]:
        """Update the rows at `places` (None: all rows of the batches), or raise and update none."""
        with self._around_part():
            return self._update_all(places)

    def _update_all(self, places: list[int] | None) -> list[UpdatedBatch]:
        values = {**self._values, "places": places, "is_guarded": False}
        counts = {row.batch_id: row for row in self._connection.exec_driver_sql(self._statements.apply_rows, values)}
        if any(count.rewritten for count in counts.values()):
            raise RewrittenError
        # Deferred constraints and triggers would otherwise fail at COMMIT, where no single row can be blamed.
        self._connection.exec_driver_sql("SET CONSTRAINTS ALL IMMEDIATE")
        updated = [self._updated_batch(batch, places, counts[batch.batch_id]) for batch in self._batches]
        self._require_unchanged(sum((one.result for one in updated), BatchResult()))
        return updated

    def update_accepted(self, places: list[int] | None) -> BatchResult:
        """Update the rows at `places` (None: all rows) of the only batch, except those that the database refuses."""
        (batch,) = self._batches
        result = self._bisect(places, list(range(1, batch.rows_planned + 1)) if places is None else places)
        # Checked again over all rows: an update of a later part may have made a trigger change an earlier part.
        self._require_unchanged(result)
        return result

    def _bisect(self, selection: list[int] | None, places: list[int]) -> BatchResult:
        """Update the rows at `places`, halving them after an error until each refused row is alone.

        `selection` is `places`, or None for all rows.
        """
        self._connection.exec_driver_sql("SAVEPOINT attempt")
        try:
            (updated,) = self.update_all(selection)
        except (DBAPIError, psycopg.Error, RewrittenError) as error:
            if not self._row_errors.include(error):
                raise
            # SQLAlchemy's begin_nested does not release a savepoint that it rolled back, so they nest: 20,000 refused
            # rows exhausted the lock table that all sessions of the server share.
            self._connection.exec_driver_sql("ROLLBACK TO SAVEPOINT attempt; RELEASE SAVEPOINT attempt")
            if len(places) == 1:
                return BatchResult(refusals=(_refusal(places[0], error),))
        else:
            self._connection.exec_driver_sql("RELEASE SAVEPOINT attempt")
            return updated.result
        middle = len(places) // 2
        return self._bisect(places[:middle], places[:middle]) + self._bisect(places[middle:], places[middle:])

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
        result = replace(self._explain_unchanged_rows(batch, places, count), log_ids=log_ids)
        return UpdatedBatch(batch=batch, result=result)

    def _explain_unchanged_rows(self, batch: Batch, places: list[int] | None, count: Any) -> BatchResult:
        """Read why rows of the batch were not updated: deleted, changed, or suppressed by a trigger."""
        values = {"batch_id": batch.batch_id, "places": places}
        unchanged = self._connection.exec_driver_sql(self._statements.unchanged_rows, values).one()
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
        place=place, message=first_line(error)[:_MAX_MESSAGE_LENGTH], sqlstate=cause.sqlstate if cause else None
    )
