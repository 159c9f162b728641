"""Read recorded plans: a list with their progress, or one with its batches. Reads only."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from stagenorm_pipeline.engine.approval.rehearsals import RehearsalState, read_rehearsal
from stagenorm_pipeline.engine.postgres.connection import Database
from stagenorm_pipeline.engine.postgres.migrations import require_migrations
from stagenorm_pipeline.engine.postgres.sql_files import statement
from stagenorm_pipeline.engine.targets.funds import FundScope
from stagenorm_pipeline.errors import PlanError


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanOverview:
    """A recorded plan and its progress. `batches_left`: pending, running and failed ones.

    `author`: the database role that recorded it; None for older plans. `approved_by` None: not approved.
    """

    plan_id: int
    kind: str
    status: str
    created_at: datetime
    created_by: str
    opened_at: datetime | None
    completed_at: datetime | None
    scope: FundScope
    batch_size: int
    vocabulary_version: str
    code_version: str
    total_batches: int
    rows_seen: int
    rows_unknown: int
    rows_to_change: int
    rows_updated: int
    rows_skipped: int
    rows_failed: int
    batches_completed: int
    batches_left: int
    batches_failed: int
    author: str | None = None
    approved_by: str | None = None
    approved_at: datetime | None = None
    ticket: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchRecord:
    """A recorded batch. The counts are None until it has a result."""

    batch_number: int
    batch_id: int
    target: str
    fund_id: str | None
    range_start: str
    range_end: str
    rows_planned: int
    status: str
    rows_updated: int | None
    rows_skipped: int | None
    rows_failed: int | None
    attempts: int
    started_at: datetime | None
    completed_at: datetime | None
    duration_ms: int | None
    worker: str | None
    error_message: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedChange:
    """A spelling that a plan changes, and the stage it becomes."""

    spelling: str
    stage_after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanRecord:
    """All that is recorded of one plan. A rollback has no `changes`: it restores what the audit log has.

    `rehearsal`: whether exactly this plan was rehearsed on a clone.
    """

    overview: PlanOverview
    batches: tuple[BatchRecord, ...]
    changes: tuple[PlannedChange, ...]
    rehearsal: RehearsalState


def list_plans(database: Database, *, most: int) -> tuple[PlanOverview, ...]:
    """List the newest plans, newest first."""
    with database.snapshot() as connection:
        require_migrations(connection)
        rows = connection.exec_driver_sql(statement("plan/list_plans"), {"plan_id": None, "most": most})
        return tuple(map(_overview, rows))


def read_plan_record(database: Database, plan_id: int) -> PlanRecord:
    """Read one plan in one snapshot. Raises PlanError if there is none with this number."""
    values = {"plan_id": plan_id, "most": 1}
    with database.snapshot() as connection:
        require_migrations(connection)
        row = connection.exec_driver_sql(statement("plan/list_plans"), values).one_or_none()
        if row is None:
            raise PlanError(f"There is no plan {plan_id}.", remedy="`stagenorm plans` lists the plans that there are.")
        batches = connection.exec_driver_sql(statement("plan/list_batches"), values)
        changes = connection.exec_driver_sql(statement("plan/list_changes"), values)
        return PlanRecord(
            overview=_overview(row),
            batches=tuple(BatchRecord(**batch._mapping) for batch in batches),
            changes=tuple(PlannedChange(**change._mapping) for change in changes),
            rehearsal=read_rehearsal(connection, plan_id),
        )


def _overview(row: Any) -> PlanOverview:
    scope = FundScope(all_funds=row.scope["all_funds"], fund_id=row.scope.get("fund_id"))
    return PlanOverview(**{**row._mapping, "scope": scope})
