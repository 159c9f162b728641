"""Find the plans that a verification judges, and the plans whose baselines it compares with."""

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from stagenorm_pipeline.engine.approval.rehearsals import RehearsalState, read_rehearsals, rehearsal_or_none
from stagenorm_pipeline.engine.plan.batch_types import PlanKind
from stagenorm_pipeline.engine.postgres.sql_files import statement
from stagenorm_pipeline.engine.targets.funds import FundScope
from stagenorm_pipeline.engine.verify.result import PlanFacts
from stagenorm_pipeline.engine.verify.starting_point import StartingPoint, starting_point_at
from stagenorm_pipeline.errors import PlanError


@dataclass(frozen=True, slots=True, kw_only=True)
class AppliedPlan:
    """A plan that was applied, with its targets and funds.

    `is_rolled_back`: rollbacks undid it, whatever its status says. `place`: its place in the order of opening.
    """

    facts: PlanFacts
    kind: PlanKind
    targets: frozenset[str]
    scope: FundScope
    is_rolled_back: bool
    place: int

    @property
    def plan_id(self) -> int:
        return self.facts.plan_id

    def covers(self, fund_id: str | None) -> bool:
        return self.scope.all_funds or self.scope.fund_id == fund_id


@dataclass(frozen=True, slots=True, kw_only=True)
class CoveredPlans:
    """The plans since the signed state, in the order in which they were opened.

    `in_force`: applied and not rolled back. `undone`: rolled back. `rollbacks`: the plans that rolled them back.
    `compared`: the plans that may be a baseline, preferred first: the plan asked for, the plans in force, then undone
    plans whose rows no plan in force covers.
    """

    in_force: tuple[AppliedPlan, ...]
    undone: tuple[AppliedPlan, ...]
    compared: tuple[AppliedPlan, ...]
    rollbacks: tuple[AppliedPlan, ...]

    @property
    def judged(self) -> list[int]:
        """The ids of the plans whose batches are judged, in the order in which they were opened."""
        plans = sorted((*self.in_force, *self.undone, *self.rollbacks), key=lambda plan: plan.place)
        return [plan.plan_id for plan in plans]

    def comparing(self, target: str) -> tuple[AppliedPlan, ...]:
        """The plans of `compared` that cover the target, in the same order."""
        return tuple(plan for plan in self.compared if target in plan.targets)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlansAsked:
    """Which plans to read: plans of the targets and the scope, since `start`.

    `plan_id`: start with this plan and prefer its baseline. `logged`: plans that log entries name.
    """

    targets: tuple[str, ...]
    scope: FundScope
    start: StartingPoint
    plan_id: int | None = None
    logged: tuple[int, ...] = ()


def start_of_plan(connection: sa.Connection, plan_id: int) -> StartingPoint:
    """Start at this plan, even if a later verification was signed. Raises PlanError if there is no such plan."""
    opened = connection.exec_driver_sql(
        "SELECT coalesce(opened_at, created_at) FROM stage_migration_plans WHERE plan_id = %(plan_id)s",
        {"plan_id": plan_id},
    ).scalar_one_or_none()
    if opened is None:
        raise _never_applied(plan_id)
    return starting_point_at(connection, opened, plan_id)


def read_plans(connection: sa.Connection, asked: PlansAsked) -> CoveredPlans:
    """Read the applied plans. Raises PlanError if `plan_id` was never applied to the targets and scope."""
    rows = connection.exec_driver_sql(
        statement("verify/plans"),
        {
            "targets": list(asked.targets),
            "all_funds": asked.scope.all_funds,
            "fund_id": asked.scope.fund_id,
            "after_id": asked.start.log_id,
            "opened_from": asked.start.opened_from,
            "logged_plans": list(asked.logged),
        },
    ).all()
    rehearsals = read_rehearsals(connection, [row.plan_id for row in rows])
    plans = [_applied(row, rehearsals[row.plan_id], place) for place, row in enumerate(rows)]
    normalizing = [plan for plan in plans if plan.kind is PlanKind.NORMALIZE]
    if asked.plan_id is not None and not any(plan.plan_id == asked.plan_id for plan in normalizing):
        raise _never_applied(asked.plan_id)
    in_force = tuple(plan for plan in normalizing if not plan.is_rolled_back)
    undone = tuple(plan for plan in normalizing if plan.is_rolled_back)
    bare = tuple(plan for plan in undone if not _is_replaced(plan, in_force, asked.targets, asked.scope))
    first = tuple(plan for plan in normalizing if plan.plan_id == asked.plan_id)
    compared = tuple(dict.fromkeys((*first, *in_force, *bare)))
    rollbacks = tuple(plan for plan in plans if plan.kind is PlanKind.ROLLBACK)
    return CoveredPlans(in_force=in_force, undone=undone, compared=compared, rollbacks=rollbacks)


def _never_applied(plan_id: int) -> PlanError:
    return PlanError(
        f"Plan {plan_id} was never applied to these tables and this fund.",
        remedy="`stagenorm status` shows the plans. Without --plan, the earliest applied plan is used.",
    )


def _is_replaced(
    undone: AppliedPlan, in_force: tuple[AppliedPlan, ...], targets: tuple[str, ...], scope: FundScope
) -> bool:
    """Whether plans in force cover every requested target and fund of an undone plan."""
    funds = scope if undone.scope.all_funds else undone.scope
    return all(
        any(
            target in plan.targets and (plan.scope.all_funds or (not funds.all_funds and plan.covers(funds.fund_id)))
            for plan in in_force
        )
        for target in undone.targets & set(targets)
    )


def _applied(row: Any, rehearsal: RehearsalState, place: int) -> AppliedPlan:
    facts = PlanFacts(
        plan_id=row.plan_id,
        status=row.status,
        created_at=row.created_at,
        created_by=row.created_by,
        vocabulary_version=row.vocabulary_version,
        is_baseline=False,
        code_version=row.code_version,
        opened_at=row.opened_at,
        completed_at=row.completed_at,
        rows_to_change=row.rows_to_change,
        author=row.author,
        approved_by=row.approved_by,
        approved_at=row.approved_at,
        ticket=row.ticket,
        rehearsal=rehearsal_or_none(rehearsal),
    )
    scope = FundScope(all_funds=row.all_funds, fund_id=None if row.all_funds else row.fund_id)
    return AppliedPlan(
        facts=facts,
        kind=PlanKind(row.kind),
        targets=frozenset(row.targets),
        scope=scope,
        is_rolled_back=row.is_undone,
        place=place,
    )
