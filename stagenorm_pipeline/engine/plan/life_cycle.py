"""The life cycle of a recorded plan: find, open, cancel, close."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from stagenorm_pipeline.engine.approval import approval
from stagenorm_pipeline.engine.approval.approval import Approval
from stagenorm_pipeline.engine.inventory.inventory import RowCounts
from stagenorm_pipeline.engine.plan.batch_types import PlanKind
from stagenorm_pipeline.engine.plan.vocabulary_check import require_same_vocabulary
from stagenorm_pipeline.engine.postgres.connection import Database
from stagenorm_pipeline.engine.postgres.locks import BATCH_LOCK_CLASS, planning_transaction
from stagenorm_pipeline.engine.postgres.migrations import require_migrations
from stagenorm_pipeline.engine.postgres.sql_files import statement
from stagenorm_pipeline.engine.receipts.plan_digest import record_plan_digests
from stagenorm_pipeline.engine.targets.funds import FundScope
from stagenorm_pipeline.errors import PlanError
from stagenorm_pipeline.vocabulary import Vocabulary


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedPlan:
    """The recorded row of a plan."""

    plan_id: int
    kind: PlanKind
    status: str
    created_at: datetime
    created_by: str
    vocabulary_version: str
    batch_size: int
    scope: FundScope
    total_batches: int
    counts: RowCounts


def find_plan(connection: sa.Connection, plan_id: int) -> RecordedPlan:
    """Read a recorded plan. Raises PlanError if there is none with this number."""
    row = connection.exec_driver_sql(
        "SELECT * FROM stage_migration_plans WHERE plan_id = %(plan_id)s", {"plan_id": plan_id}
    ).one_or_none()
    if row is None:
        raise PlanError(f"There is no plan {plan_id}.", remedy="`stagenorm status` shows the plans that there are.")
    return RecordedPlan(
        plan_id=row.plan_id,
        kind=PlanKind(row.kind),
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


def open_plan(database: Database, plan_id: int, vocabulary: Vocabulary | None = None) -> None:
    """Open a draft for applying; does nothing to a plan that is already open.

    Opening cancels the waiting batches of older plans, so it is refused unless the plan was made with `vocabulary`
    (None: not compared). Raises PlanError if there is no such plan, or if it was cancelled, completed or rolled back.
    Raises ApprovalNeededError if it waits for its approval.
    """
    with planning_transaction(database) as connection:
        require_migrations(connection)
        recorded = find_plan(connection, plan_id)
        if vocabulary is not None and recorded.status in ("draft", "open"):
            require_same_vocabulary(connection, plan_id, vocabulary)
        if recorded.status in ("draft", "open") and recorded.total_batches:
            approval.require_approved_contents(connection, plan_id)
        if recorded.status == "draft":
            open_draft(connection, plan_id, recorded.scope)
        elif recorded.status != "open":
            raise PlanError(
                f"Plan {plan_id} is {recorded.status} and cannot be applied.",
                remedy="Make a new plan with `stagenorm run`.",
            )


def open_draft(connection: sa.Connection, plan_id: int, scope: FundScope) -> str:
    """Cancel the waiting batches of older plans in the scope, open the draft, and return its new status.

    A draft without batches is completed at once. The caller holds the planning lock.
    """
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
            _mark_rolled_back(connection, plan_id)
    return str(opened.status)


def require_approval(database: Database, plan_id: int) -> None:
    """Raise ApprovalNeededError if the plan has batches, needs an approval and has none."""
    with database.snapshot() as connection:
        if find_plan(connection, plan_id).total_batches:
            approval.require_approval(connection, plan_id)


def approve_plan(database: Database, plan_id: int, *, ticket: str | None) -> Approval:
    """Approve a draft or an open plan as the role that logged in. Raises PlanError or RefusedError if it may not."""
    with database.transaction() as connection:
        require_migrations(connection)
        recorded = find_plan(connection, plan_id)
        if recorded.status not in ("draft", "open"):
            raise PlanError(
                f"Plan {plan_id} is {recorded.status}: there is nothing left to approve.",
                remedy="`stagenorm approval` lists the plans that wait.",
            )
        return approval.approve(connection, plan_id, ticket=ticket)


def cancel_plan(database: Database, plan_id: int) -> int:
    """Cancel the waiting batches of the plan, and return how many. Completed batches stay as they are.

    A batch that a runner is running now is not cancelled. Raises PlanError if there is no such plan, or nothing to
    cancel.
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


def close_finished_plans(connection: sa.Connection) -> None:
    """Close the open plans without waiting batches, and record their digests.

    The plans and batches that a completed rollback has undone are marked as rolled back.
    """
    closed = connection.exec_driver_sql(statement("plan/close_finished_plans")).all()
    record_plan_digests(connection, [row.plan_id for row in closed])
    for row in closed:
        if row.kind == PlanKind.ROLLBACK and row.status == "completed":
            _mark_rolled_back(connection, row.plan_id)


def _mark_rolled_back(connection: sa.Connection, rollback_plan_id: int) -> None:
    connection.exec_driver_sql(statement("rollback/mark_rolled_back"), {"plan_id": rollback_plan_id})
