"""Preview a rollback, record it, and restore the rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from stagenorm_pipeline.engine.apply.request import ApplyRequest
from stagenorm_pipeline.engine.plan.request import DEFAULT_BATCH_SIZE
from stagenorm_pipeline.engine.rollback import rollback as rollbacks
from stagenorm_pipeline.engine.rollback.rollback import RollbackPreview, RollbackRow
from stagenorm_pipeline.engine.rollback.scope import RollbackRequest
from stagenorm_pipeline.errors import ConfigurationError
from stagenorm_pipeline.service.applying import AppliedBatches, Pace, Watch, ignore_event, never_stop, run_batches
from stagenorm_pipeline.service.context import ServiceContext
from stagenorm_pipeline.service.selecting import Selection


@dataclass(frozen=True, slots=True, kw_only=True)
class RollbackConditions:
    """Which changes to undo: those that meet every condition given. At least one is needed.

    `spelling`: changes from exactly this spelling; `stage`: of these, only those to this stage. `row_id`: the key of
    one row; the selection then names its table. `only_untouched`: leave rows that another session updated or inserted
    again since.
    """

    plan_id: int | None = None
    batch_id: int | None = None
    since: datetime | None = None
    spelling: str | None = None
    stage: str | None = None
    row_id: str | None = None
    only_untouched: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedRow:
    """A row by its table and its key."""

    table: str
    row_id: str


def read_row(row: str, *, table: str | None = None) -> NamedRow:
    """Read `TABLE:ID`. `table`: the table that is chosen already.

    Raises ConfigurationError for another form, and for a row of another table than the chosen one.
    """
    named, colon, row_id = row.partition(":")
    if not (named and colon and row_id):
        raise ConfigurationError(f"{row!r} is not TABLE:ID.", remedy="Write it like portfoliocompanies:123.")
    if table not in (None, named):
        raise ConfigurationError(
            f"The row is in {named}, not in {table}.", remedy="Leave the table out: the row names it."
        )
    return NamedRow(table=named, row_id=row_id)


def rollback_request(
    *, selection: Selection, conditions: RollbackConditions, batch_size: int = DEFAULT_BATCH_SIZE
) -> RollbackRequest:
    """Combine the selection and the conditions. Raises ConfigurationError if they name nothing to undo."""
    return RollbackRequest(
        plan_id=conditions.plan_id,
        batch_id=conditions.batch_id,
        since=conditions.since,
        spelling=conditions.spelling,
        stage=conditions.stage,
        row_id=conditions.row_id,
        targets=selection.targets,
        scope=selection.scope,
        batch_size=batch_size,
        by_table=selection.is_one_table,
        only_untouched=conditions.only_untouched,
    )


def preview_rollback(context: ServiceContext, *, request: RollbackRequest) -> RollbackPreview:
    """Work out what a rollback would restore and would leave, in one READ ONLY snapshot."""
    return rollbacks.preview_rollback(context.database, request)


def list_rows_left(context: ServiceContext, *, request: RollbackRequest) -> Iterator[RollbackRow]:
    """Stream the rows that a rollback would leave, or restore only in part."""
    return rollbacks.rows_left(context.database, request)


def record_rollback(context: ServiceContext, *, request: RollbackRequest) -> int:
    """Record a rollback as a plan, open it, and return its number. `restore_rows` then restores the rows."""
    return rollbacks.record_rollback(context.database, request, created_by=context.user)


def restore_rows(
    context: ServiceContext,
    *,
    plan_id: int,
    pace: Pace | None = None,
    watch: Watch = ignore_event,
    should_stop: Callable[[], bool] = never_stop,
) -> AppliedBatches:
    """Apply a recorded rollback. It restores what the audit log holds, whatever spellings mean today."""
    request = ApplyRequest(
        worker=context.runner, run_by=context.user, plan_id=plan_id, watch=watch, should_stop=should_stop
    )
    return run_batches(context, request, pace=pace)


def roll_back(
    context: ServiceContext,
    *,
    request: RollbackRequest,
    pace: Pace | None = None,
    watch: Watch = ignore_event,
    should_stop: Callable[[], bool] = never_stop,
) -> AppliedBatches:
    """Record a rollback and restore its rows. This changes business data."""
    plan_id = record_rollback(context, request=request)
    return restore_rows(context, plan_id=plan_id, pace=pace, watch=watch, should_stop=should_stop)
