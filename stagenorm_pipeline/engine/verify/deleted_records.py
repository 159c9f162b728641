"""Find records that were deleted from the tracking tables: batches, plans, baselines. Judges nothing."""

from dataclasses import dataclass
from enum import StrEnum

from stagenorm_pipeline.engine.verify.snapshot import Snapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class LostRows:
    """Planned rows that no batch of their plan holds. Counted by target and fund, for a rollback as a whole.

    `rows` below 0: the batches hold more rows than were planned. `is_settled`: a later plan covers the lost rows.
    """

    plan_id: int
    target: str | None
    has_fund: bool
    fund_id: str | None
    rows: int
    is_settled: bool


class PlanProblem(StrEnum):
    """What was deleted of a plan; see sql/verify/missing_plans.sql."""

    PLAN = "plan"
    BASELINE = "baseline"


@dataclass(frozen=True, slots=True, kw_only=True)
class MissingPlan:
    """An applied plan that was deleted, or whose baseline was."""

    plan_id: int
    problem: PlanProblem


@dataclass(frozen=True, slots=True, kw_only=True)
class DeletedBatch:
    """A batch that has receipts but was deleted. `is_complete`: it had no rows left to do."""

    target: str
    fund_id: str | None
    plan_id: int
    batch_id: int
    rows_planned: int
    rows_updated: int
    is_complete: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class DeletedRecords:
    """What was deleted from the tracking tables: planned rows with their batches, batches, plans and baselines."""

    rows: tuple[LostRows, ...] = ()
    batches: tuple[DeletedBatch, ...] = ()
    plans: tuple[MissingPlan, ...] = ()


def read_deleted_records(
    snapshot: Snapshot, lost: tuple[LostRows, ...], logged_plans: tuple[int, ...]
) -> DeletedRecords:
    """Find records that receipts, digests or log entries name but that do not exist. `logged_plans`: from the log."""
    batches = tuple(
        DeletedBatch(
            target=row.target,
            fund_id=row.fund_id,
            plan_id=row.plan_id,
            batch_id=row.batch_id,
            rows_planned=row.rows_planned,
            rows_updated=row.rows_updated,
            is_complete=row.is_complete,
        )
        for row in snapshot.rows("verify/deleted_batches")
    )
    plans = tuple(
        MissingPlan(plan_id=row.plan_id, problem=PlanProblem(row.problem))
        for row in snapshot.rows("verify/missing_plans", {"logged_plans": list(logged_plans)})
    )
    return DeletedRecords(rows=lost, batches=batches, plans=plans)


def read_lost_rows(snapshot: Snapshot) -> tuple[LostRows, ...]:
    """Find plans whose batches do not hold exactly the planned rows."""
    return tuple(
        LostRows(
            plan_id=row.plan_id,
            target=row.target,
            has_fund=row.has_fund,
            fund_id=row.fund_id,
            rows=int(row.rows_lost),
            is_settled=row.is_settled,
        )
        for row in snapshot.rows("verify/missing_batches")
    )
