"""Read what PostgreSQL says about plans, funds, verifications and the pause switch. Reads only.

Dagster's pages are compared with this, so that they show what the tables hold.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa

from stagenorm_pipeline.engine.apply.pause import Control, read_control
from stagenorm_pipeline.engine.plan.batch_types import PlanKind
from stagenorm_pipeline.engine.postgres.connection import Database
from stagenorm_pipeline.engine.postgres.migrations import require_migrations
from stagenorm_pipeline.engine.postgres.sql_files import statement
from stagenorm_pipeline.engine.targets.funds import FundScope, fund_key, fund_order


class FundStatus(StrEnum):
    """How far a fund is with its newest plan."""

    DONE = "done"
    WAITING = "waiting"
    """No batch was applied yet."""
    PARTLY_DONE = "partly done"
    FAILED = "failed"
    """At least one batch failed. Others may wait."""
    ROLLED_BACK = "rolled back"
    CANCELLED = "cancelled"
    """All its batches were cancelled, and no other plan has changed the fund."""
    NO_PLAN = "no plan"
    """No plan has batches for the fund. It had some if a page shows it: somebody deleted them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FundState:
    """A fund with the figures of its newest plan. `failed_table`, `first_error`: of the first failed batch.

    `has_just_changed`: within the last 10 seconds, so a runner may be at work. `runner`: who applied a batch last.
    """

    fund_id: str | None
    plan_id: int | None = None
    kind: PlanKind = PlanKind.NORMALIZE
    batches: int = 0
    batches_completed: int = 0
    batches_waiting: int = 0
    batches_failed: int = 0
    batches_cancelled: int = 0
    batches_rolled_back: int = 0
    rows_planned: int = 0
    rows_updated: int = 0
    rows_skipped: int = 0
    rows_failed: int = 0
    rows_waiting: int = 0
    duration_ms: int = 0
    has_just_changed: bool = False
    runner: str | None = None
    failed_table: str | None = None
    first_error: str | None = None

    @property
    def key(self) -> str:
        return fund_key(self.fund_id)

    @property
    def status(self) -> FundStatus:
        if not self.batches:
            return FundStatus.NO_PLAN
        if self.batches_failed:
            return FundStatus.FAILED
        if self.batches_waiting:
            return FundStatus.PARTLY_DONE if self.batches_completed else FundStatus.WAITING
        if not self.batches_completed:
            return FundStatus.ROLLED_BACK if self.batches_rolled_back else FundStatus.CANCELLED
        return FundStatus.ROLLED_BACK if self.kind is PlanKind.ROLLBACK else FundStatus.DONE


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanState:
    """The newest open plan, or else the newest plan, with its totals."""

    plan_id: int
    kind: PlanKind
    status: str
    created_at: datetime
    created_by: str
    total_batches: int
    rows_to_change: int
    rows_seen: int
    rows_unknown: int
    funds: int
    funds_done: int
    funds_waiting: int
    funds_failed: int
    batches_left: int
    rows_updated: int
    rows_skipped: int
    rows_failed: int
    rows_waiting: int
    duration_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class VerificationState:
    """A recorded verification. `is_whole`: of all funds and targets. `is_current` None: not known, it is too old."""

    verification_id: int
    signed_off_by: str | None
    is_whole: bool
    is_current: bool | None
    has_failed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedState:
    """Everything in one snapshot. `open_plans`, `drafts`: the ids of all such plans, newest first."""

    plan: PlanState | None
    open_plans: tuple[int, ...]
    drafts: tuple[int, ...]
    funds: tuple[FundState, ...]
    control: Control
    verifications: tuple[VerificationState, ...]


def read_recorded_state(database: Database, *, targets: int) -> RecordedState:
    """Read it in one snapshot. `targets`: how many are configured. Raises MissingMigrationError."""
    with database.snapshot() as connection:
        require_migrations(connection)
        return RecordedState(
            plan=_read_plan(connection),
            open_plans=_read_plan_ids(connection, "open"),
            drafts=_read_plan_ids(connection, "draft"),
            funds=_read_funds(connection, FundScope()),
            control=read_control(connection),
            verifications=read_verification_states(connection, targets),
        )


def read_fund_state(database: Database, fund_id: str | None) -> FundState:
    """Read the state of one fund."""
    with database.snapshot() as connection:
        found = _read_funds(connection, FundScope.one(fund_id))
    return found[0] if found else FundState(fund_id=fund_id)


def _read_plan_ids(connection: sa.Connection, status: str) -> tuple[int, ...]:
    query = "SELECT plan_id FROM stage_migration_plans WHERE status = %(status)s ORDER BY plan_id DESC"
    return tuple(connection.exec_driver_sql(query, {"status": status}).scalars())


def _read_plan(connection: sa.Connection) -> PlanState | None:
    """Read the plan that matters now; None if no plan was recorded."""
    row = connection.exec_driver_sql(statement("monitor/plan_state")).mappings().one_or_none()
    return None if row is None else PlanState(**{**row, "kind": PlanKind(row["kind"])})


def _read_funds(connection: sa.Connection, scope: FundScope) -> tuple[FundState, ...]:
    values = {"all_funds": scope.all_funds, "fund_id": scope.fund_id}
    rows = connection.exec_driver_sql(statement("monitor/fund_states"), values).mappings()
    found = [FundState(**{**row, "kind": PlanKind(row["kind"])}) for row in rows]
    return tuple(sorted(found, key=lambda fund: fund_order(fund.fund_id)))


def read_verification_states(connection: sa.Connection, targets: int) -> tuple[VerificationState, ...]:
    """Read the newest verification of everything, and the newest one of a part if that is newer."""
    rows = connection.exec_driver_sql(statement("monitor/newest_verifications"), {"targets": targets}).mappings()
    return tuple(VerificationState(**row) for row in rows)
