"""Plans: working one out, recording it, opening it.

A preview reads in one READ ONLY transaction and records nothing. Recording reads each target through one cursor, which
is one snapshot, and writes the plan, its baseline and its exact batches in the same transaction, all or nothing. One
session is enough, as behind a pooler. Does not belong here: changing business data.
"""

from dataclasses import dataclass
from datetime import datetime

import psycopg
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from stagenorm_pipeline.engine.inventory.inventory import (
    RowCounts,
    TargetInventory,
    read_inventory,
)
from stagenorm_pipeline.engine.plan.batch import PlanKind
from stagenorm_pipeline.engine.plan.large_funds import fund_too_large
from stagenorm_pipeline.engine.plan.request import PlanRequest
from stagenorm_pipeline.engine.plan.vocabulary_check import require_same_vocabulary
from stagenorm_pipeline.engine.plan.writer import PlanRecorder, count_batches
from stagenorm_pipeline.engine.postgres.connection import Database, psycopg_error
from stagenorm_pipeline.engine.postgres.failpoints import Failpoint, failpoint
from stagenorm_pipeline.engine.postgres.locks import BATCH_LOCK_CLASS, planning_transaction
from stagenorm_pipeline.engine.postgres.migrations import require_migrations
from stagenorm_pipeline.engine.postgres.sql_files import statement
from stagenorm_pipeline.engine.receipts.check import record_plan_digests
from stagenorm_pipeline.engine.targets.funds import FundScope
from stagenorm_pipeline.engine.targets.visibility import visible_targets
from stagenorm_pipeline.errors import PlanError
from stagenorm_pipeline.vocabulary import Vocabulary


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a plan would change. `plan_id` None: a preview, nothing is recorded."""

    plan_id: int | None
    status: str
    scope: FundScope
    batch_size: int
    vocabulary_version: str
    inventories: tuple[TargetInventory, ...]

    @property
    def counts(self) -> RowCounts:
        return sum((inventory.counts for inventory in self.inventories), RowCounts())

    @property
    def total_batches(self) -> int:
        """Each fund of each target is cut by itself; the last batch of a fund may be smaller."""
        return count_batches(self.inventories, self.batch_size)

    @property
    def funds_to_change(self) -> tuple[str | None, ...]:
        """The ids of the funds with rows to change, over all targets."""
        seen = {
            fund.fund_id: None
            for inventory in self.inventories
            for fund in inventory.funds
            if fund.counts.rows_to_change
        }
        return tuple(seen)


def preview_plan(database: Database, request: PlanRequest) -> Plan:
    """Work out what a plan would hold, in one read-only snapshot."""
    with database.snapshot() as connection:
        targets = visible_targets(connection, request.targets)
        inventories = read_inventory(connection, targets, request.scope, request.vocabulary)
    return Plan(
        plan_id=None,
        status="preview",
        scope=request.scope,
        batch_size=request.batch_size,
        vocabulary_version=request.vocabulary.version,
        inventories=inventories,
    )


def record_plan(database: Database, request: PlanRequest, *, created_by: str, as_draft: bool = False) -> Plan:
    """Record the plan with its baseline and batches and, unless `as_draft`, open it for applying.

    Raises PlanError naming the fund that is too large for one plan.
    """
    try:
        return _record_plan(database, request, created_by, as_draft=as_draft)
    except DBAPIError as error:
        if not isinstance(psycopg_error(error), psycopg.errors.ProgramLimitExceeded):
            raise
        raise fund_too_large(database, request) from error


def _record_plan(database: Database, request: PlanRequest, created_by: str, *, as_draft: bool) -> Plan:
    # READ COMMITTED: a cursor keeps the snapshot that it was opened with, which is after the lock, and opening the plan
    # must see what runners did to older plans in the meantime. A REPEATABLE READ transaction would fail there.
    with planning_transaction(database) as connection:
        require_migrations(connection)
        targets = visible_targets(connection, request.targets)
        plan_id, inventories = PlanRecorder(connection, request).record(targets, created_by)
        failpoint(Failpoint.PLAN_RECORDED)
        status = "draft" if as_draft else open_draft(connection, plan_id, request.scope)
        failpoint(Failpoint.PLAN_BEFORE_COMMIT)
    failpoint(Failpoint.PLAN_AFTER_COMMIT)
    return Plan(
        plan_id=plan_id,
        status=status,
        scope=request.scope,
        batch_size=request.batch_size,
        vocabulary_version=request.vocabulary.version,
        inventories=inventories,
    )


def open_plan(database: Database, plan_id: int, vocabulary: Vocabulary | None = None) -> None:
    """Open a recorded draft; does nothing to a plan that is open already.

    Raises PlanError when there is no such plan, when it was cancelled, completed or rolled back, and when it was made
    with another vocabulary than `vocabulary` (None: not compared): opening cancels what older plans have left to do.
    """
    with planning_transaction(database) as connection:
        require_migrations(connection)
        recorded = find_plan(connection, plan_id)
        if vocabulary is not None and recorded.status in ("draft", "open"):
            require_same_vocabulary(connection, plan_id, vocabulary)
        if recorded.status == "draft":
            open_draft(connection, plan_id, recorded.scope)
        elif recorded.status != "open":
            raise PlanError(
                f"Plan {plan_id} is {recorded.status} and cannot be applied.",
                remedy="Make a new plan with `stagenorm run`.",
            )


def cancel_plan(database: Database, plan_id: int) -> int:
    """Cancel what the plan still has to do; what it did stays done. Returns the number of batches cancelled.

    A batch that somebody works on right now is left to end. Raises PlanError when there is no such plan.
    """
    with planning_transaction(database) as connection:
        require_migrations(connection)
        recorded = find_plan(connection, plan_id)
        if recorded.status not in ("draft", "open"):
            raise PlanError(
                f"Plan {plan_id} is {recorded.status}: there is nothing left to cancel.",
                remedy="`stagenorm status` shows the plans.",
            )
        values = {"plan_id": plan_id, "lock_class": BATCH_LOCK_CLASS}
        cancelled = connection.exec_driver_sql(statement("plan/cancel_batches"), values).rowcount
        connection.exec_driver_sql(
            "UPDATE stage_migration_plans SET status = 'open' WHERE plan_id = %(plan_id)s AND status = 'draft'", values
        )
        close_finished_plans(connection)
    return cancelled


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedPlan:
    """A plan's row, for those who look one up."""

    plan_id: int
    status: str
    created_at: datetime
    created_by: str
    vocabulary_version: str
    batch_size: int
    scope: FundScope
    total_batches: int
    counts: RowCounts


def find_plan(connection: sa.Connection, plan_id: int) -> RecordedPlan:
    """Look a plan up. Raises PlanError when there is none."""
    row = connection.exec_driver_sql(
        "SELECT * FROM stage_migration_plans WHERE plan_id = %(plan_id)s", {"plan_id": plan_id}
    ).one_or_none()
    if row is None:
        raise PlanError(f"There is no plan {plan_id}.", remedy="`stagenorm status` shows the plans that there are.")
    return RecordedPlan(
        plan_id=row.plan_id,
        status=row.status,
        created_at=row.created_at,
        created_by=row.created_by,
        vocabulary_version=row.vocabulary_version,
        batch_size=row.batch_size,
        scope=FundScope(all_funds=row.scope["all_funds"], fund_id=row.scope.get("fund_id")),
        total_batches=row.total_batches,
        counts=RowCounts(
            rows_seen=row.rows_seen,
            rows_canonical=row.rows_canonical,
            rows_null=row.rows_null,
            rows_unknown=row.rows_unknown,
            rows_left_as_is=row.rows_left_as_is,
            rows_to_change=row.rows_to_change,
        ),
    )


def open_draft(connection: sa.Connection, plan_id: int, scope: FundScope) -> str:
    connection.exec_driver_sql(
        statement("plan/supersede_batches"),
        {
            "plan_id": plan_id,
            "all_funds": scope.all_funds,
            "fund_id": scope.fund_id,
            "lock_class": BATCH_LOCK_CLASS,
        },
    )
    close_finished_plans(connection)
    opened = connection.exec_driver_sql(statement("plan/open_plan"), {"plan_id": plan_id}).one()
    if opened.status == "completed":
        record_plan_digests(connection, [plan_id])
        if opened.kind == PlanKind.ROLLBACK:
            connection.exec_driver_sql(statement("rollback/mark_rolled_back"), {"plan_id": plan_id})
    return str(opened.status)


def close_finished_plans(connection: sa.Connection) -> None:
    """Close the open plans without waiting batches and record their digests; a rollback marks what it undid."""
    closed = connection.exec_driver_sql(statement("plan/close_finished_plans")).all()
    record_plan_digests(connection, [row.plan_id for row in closed])
    for row in closed:
        if row.kind == PlanKind.ROLLBACK and row.status == "completed":
            connection.exec_driver_sql(statement("rollback/mark_rolled_back"), {"plan_id": row.plan_id})
