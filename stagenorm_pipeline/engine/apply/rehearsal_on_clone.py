"""Rehearse a plan on a clone: a restored backup or a thin clone of the database, which is thrown away afterwards.

The batches are committed there as in the real run, because a rolled-back batch measures neither commits nor what the
next batches find. They run one after another, without sleeps and throttlers, also while all work is paused or an
approval is missing: the clone has copied both from its original.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import psycopg
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from stagenorm_pipeline.engine.apply.batch_transaction import Bounds, UnavailableError, run_batches
from stagenorm_pipeline.engine.apply.clone import CloneError, create_missing_tables, on_clone, require_clone
from stagenorm_pipeline.engine.apply.events import (
    BatchCompleted,
    BatchFailed,
    BatchStarted,
    Event,
    Retrying,
    WorkFound,
)
from stagenorm_pipeline.engine.apply.refusals import RewrittenError
from stagenorm_pipeline.engine.apply.rehearsal_effects import (
    EffectsTally,
    OtherValues,
    RowsWritten,
    Values,
)
from stagenorm_pipeline.engine.apply.row_updates import RowErrors, read_refused_rows
from stagenorm_pipeline.engine.approval.rehearsals import (
    Effects,
    Figures,
    Rehearsal,
    read_content_sha256,
    record_rehearsal,
)
from stagenorm_pipeline.engine.plan.batch_types import Batch, BatchResult, PlanKind
from stagenorm_pipeline.engine.plan.life_cycle import find_plan
from stagenorm_pipeline.engine.plan.plan_copy import PlanCopy, copy_plan
from stagenorm_pipeline.engine.plan.queue import QueueScope, next_batch
from stagenorm_pipeline.engine.postgres.connection import Database, first_line, psycopg_error
from stagenorm_pipeline.engine.postgres.migrations import require_migrations
from stagenorm_pipeline.engine.postgres.retry import with_retries
from stagenorm_pipeline.engine.postgres.sql_files import statement
from stagenorm_pipeline.engine.targets.funds import FundScope
from stagenorm_pipeline.engine.targets.target import Target
from stagenorm_pipeline.errors import (
    PlanError,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """The rehearsal ran to its end and is recorded."""

    rehearsal: Rehearsal
    effects: Effects

    @property
    def figures(self) -> Figures:
        return self.rehearsal


@dataclass(frozen=True, slots=True, kw_only=True)
class Stopped:
    """The rehearsal was stopped before its end, so it is not recorded."""

    figures: Figures
    effects: Effects


CloneRehearsal = Recorded | Stopped


@dataclass(frozen=True, slots=True, kw_only=True)
class CloneRequest:
    """What to rehearse on a clone, and who asks."""

    plan_id: int
    worker: str
    run_by: str
    watch: Callable[[Event], None]
    should_stop: Callable[[], bool]


def rehearse_on_clone(primary: Database, clone: Database, request: CloneRequest) -> CloneRehearsal:
    """Apply a draft or an open plan to the clone and record what was measured in the primary. Changes the clone.

    Creates stagenorm's own tables in the clone if they are missing. Raises PlanError for any other plan, CloneError if
    no row of the clone is as the plan saw it.
    """
    require_clone(primary, clone)
    with on_clone(clone):
        create_missing_tables(clone)
    with primary.snapshot() as connection:
        require_migrations(connection)
        _require_rehearsable(connection, request.plan_id)
        # In the snapshot that is copied: what is rehearsed has exactly this hash.
        content_sha256 = read_content_sha256(connection, request.plan_id)
        with on_clone(clone):
            copied = copy_plan(connection, clone, request.plan_id, created_by=request.run_by)
    with on_clone(clone):
        work = _CloneWork(clone, copied, request)
        is_stopped = work.run()
    figures, effects = work.figures(content_sha256), work.tally.effects()
    if is_stopped:
        return Stopped(figures=figures, effects=effects)
    if figures.rows_skipped and not figures.rows_updated + figures.rows_refused:
        raise CloneError(
            f"No row of the clone {clone.name} is as plan {request.plan_id} saw it, so nothing was rehearsed.",
            remedy="Restore a backup of the time when the plan was made. A clone serves for one rehearsal only.",
        )
    with primary.transaction() as connection:
        return Recorded(rehearsal=record_rehearsal(connection, figures, effects), effects=effects)


def _require_rehearsable(connection: sa.Connection, plan_id: int) -> None:
    recorded = find_plan(connection, plan_id)
    if recorded.status not in ("draft", "open"):
        raise PlanError(
            f"Plan {plan_id} is {recorded.status}; only a draft or an open plan can be rehearsed.",
            remedy="Make a new plan: stagenorm run --rehearse --on URL",
        )
    if recorded.kind is PlanKind.ROLLBACK:
        raise PlanError(
            f"Plan {plan_id} is a rollback, which cannot be rehearsed on a clone.",
            remedy="`stagenorm rollback` without --yes shows what it would restore.",
        )


class _CloneWork:
    """Applies the batches of a copied plan, and adds up what was measured."""

    def __init__(self, clone: Database, copied: PlanCopy, request: CloneRequest) -> None:
        self._clone = clone
        self._copied = copied
        self._request = request
        self._readers: dict[str, OtherValues] = {}
        self._batches = self._updated = self._skipped = self._refused = 0
        self._spent_s: list[float] = []
        self._wal_bytes = 0
        with clone.transaction() as connection:
            is_counted = connection.exec_driver_sql("SHOW track_counts").scalar_one() == "on"
        self.tally = EffectsTally(are_rows_counted=is_counted)

    def run(self) -> bool:
        """Apply every batch. Returns whether it was stopped before the end."""
        with self._clone.transaction() as connection:
            recorded = find_plan(connection, self._copied.plan_id)
        self._request.watch(WorkFound(batches=recorded.total_batches, rows=recorded.counts.rows_to_change))
        scope = QueueScope(plan_id=self._copied.plan_id, funds=FundScope())
        number = 0
        while True:
            with self._clone.transaction() as connection:
                batch = next_batch(connection, scope, (self._copied.plan_id, number))
            if batch is None:
                return False
            if self._request.should_stop():
                return True
            number = batch.number
            self._run_batch(batch)

    def figures(self, content_sha256: str) -> Figures:
        """Return what was measured so far."""
        return Figures(
            plan_id=self._request.plan_id,
            content_sha256=content_sha256,
            clone_name=self._clone.name,
            batches=self._batches,
            rows_updated=self._updated,
            rows_skipped=self._skipped,
            rows_refused=self._refused,
            duration_ms=round(sum(self._spent_s) * 1_000),
            slowest_batch_ms=round(max(self._spent_s, default=0) * 1_000),
            wal_bytes=self._wal_bytes,
        )

    def _run_batch(self, batch: Batch) -> None:
        """Apply one batch between two readings, which are neither timed nor counted as its WAL."""
        target = self._copied.targets[batch.target.name]
        self._request.watch(BatchStarted(batch=batch))
        self._spent_s.append(0)
        self._batches += 1
        before, written_before = self._read_before(batch, target)
        try:
            result = self._apply(batch, target)
        except (DBAPIError, psycopg.Error, RewrittenError) as error:
            self._note_failure(batch, error)
            result = BatchResult()
        with self._clone.transaction() as connection:
            self._wal_bytes += _wal_position(connection) - written_before
            self.tally.add_compared(target, before, self._readers[target.name].read(connection, batch))
            self.tally.add_refused(batch, result, read_refused_rows(connection, batch, result))
        self._updated += result.rows_updated
        self._skipped += result.rows_skipped
        self._refused += result.rows_failed

    def _read_before(self, batch: Batch, target: Target) -> tuple[Values, int]:
        with self._clone.transaction() as connection:
            if target.name not in self._readers:
                self._readers[target.name] = reader = OtherValues(connection, target)
                self.tally.unreadable_columns += reader.unreadable
            values = self._readers[target.name].read(connection, batch)
            return values, _wal_position(connection)

    def _apply(self, batch: Batch, target: Target) -> BatchResult:
        """Apply a batch as a runner does: retry passing errors, and refuse rows that the database refuses."""

        def announce(error: str, number: int, wait_s: float) -> None:
            self._request.watch(Retrying(batch=batch, error=error, attempt=number, wait_s=wait_s))

        row_errors = RowErrors.NONE
        while True:
            try:
                result = with_retries(partial(self._attempt, batch, target, row_errors), announce)
            except (DBAPIError, psycopg.Error, RewrittenError) as error:
                wider = row_errors.next_wider(error)
                if wider is None:
                    raise
                row_errors = wider
            else:
                self._request.watch(BatchCompleted(batch=batch, result=result))
                return result

    def _attempt(self, batch: Batch, target: Target, row_errors: RowErrors) -> BatchResult:
        """Run the batch in one transaction. Its time counts, also if it fails; that of counting does not."""
        began, counting_s = time.monotonic(), 0.0
        try:
            with self._clone.transaction() as connection:
                written = RowsWritten(connection, target)
                try:
                    (result,) = run_batches(
                        connection,
                        [batch],
                        target,
                        worker=self._request.worker,
                        run_by=self._request.run_by,
                        bounds=Bounds(),
                        row_errors=row_errors,
                        around_part=written.counting,
                    )
                finally:
                    counting_s = written.spent_s
        except UnavailableError as error:
            raise CloneError(
                f"Batch {batch.number} on the clone {self._clone.name} was taken by another runner.",
                remedy="Let nothing else run there, and rehearse on a new clone.",
            ) from error
        finally:
            self._spent_s[-1] += time.monotonic() - began - counting_s
        self.tally.add_written(written.beyond(result))
        return result

    def _note_failure(self, batch: Batch, error: Exception) -> None:
        """Count the rows of a batch that failed as a whole as refused. The real run continues after it too."""
        message, cause = first_line(error), psycopg_error(error)
        self._request.watch(BatchFailed(batch=batch, error=message))
        self._refused += batch.rows_planned
        self.tally.add_failed(batch, message, cause.sqlstate if cause else None)


def _wal_position(connection: sa.Connection) -> int:
    return int(connection.exec_driver_sql(statement("apply/wal_position")).scalar_one())
