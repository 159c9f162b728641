"""Which plans a verification is about, and with which of them the rows are compared. Reads the plans' rows only."""

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from stagenorm_pipeline.engine.batches import PlanKind
from stagenorm_pipeline.engine.errors import PlanError
from stagenorm_pipeline.engine.funds import FundScope
from stagenorm_pipeline.engine.statements import statement
from stagenorm_pipeline.engine.verification.result import PlanFacts

_ROLLED_BACK = "rolled_back"


@dataclass(frozen=True, slots=True)
class AppliedPlan:
    """A plan that was opened for applying: what it is, and which targets and funds it is about."""

    facts: PlanFacts
    kind: PlanKind
    targets: frozenset[str]
    scope: FundScope

    @property
    def plan_id(self) -> int:
        return self.facts.plan_id

    @property
    def is_rolled_back(self) -> bool:
        return self.facts.status == _ROLLED_BACK

    def covers(self, fund_id: str | None) -> bool:
        return self.scope.all_funds or self.scope.fund_id == fund_id


@dataclass(frozen=True, slots=True)
class CoveredPlans:
    """The plans since the last signed-off verification, in the order in which they were made.

    `in_force`: applied, not rolled back. `undone`: rolled back. `compared`: the plans that may be a baseline, the
    preferred one first: the one asked for, those in force, and an undone one where none in force covers its rows.
    `rollbacks`: the plans that undid, since the first of those compared.
    """

    in_force: tuple[AppliedPlan, ...]
    undone: tuple[AppliedPlan, ...]
    compared: tuple[AppliedPlan, ...]
    rollbacks: tuple[AppliedPlan, ...]

    @property
    def judged(self) -> list[int]:
        """The plans whose batches and audit rows are judged."""
        return sorted(plan.plan_id for plan in (*self.compared, *self.rollbacks))

    @property
    def first(self) -> int | None:
        """The earliest of all plans, whose audit rows are the first to be counted."""
        plans = (*self.in_force, *self.undone, *self.rollbacks)
        return min((plan.plan_id for plan in plans), default=None)

    def comparing(self, target: str) -> tuple[AppliedPlan, ...]:
        """Those of `compared` that are about the target, in the same order."""
        return tuple(plan for plan in self.compared if target in plan.targets)

    def first_of(self, target: str) -> int | None:
        """The earliest plan whose audit rows of the target are judged; None: no plan covers it."""
        return min((plan.plan_id for plan in self.comparing(target)), default=None)


def read_plans(
    connection: sa.Connection, targets: tuple[str, ...], scope: FundScope, asked: int | None
) -> CoveredPlans:
    """The plans about these targets and funds; from `asked` on, where one is named.

    Raises PlanError when `asked` was never applied to them.
    """
    rows = connection.exec_driver_sql(
        statement("verify_plans"),
        {
            "targets": list(targets),
            "first_plan": asked,
            "all_funds": scope.all_funds,
            "fund_id": scope.fund_id,
        },
    )
    plans = [_applied(row) for row in rows]
    normalizing = [plan for plan in plans if plan.kind is PlanKind.NORMALIZE]
    if asked is not None and not any(plan.plan_id == asked for plan in normalizing):
        raise PlanError(
            f"Plan {asked} was never applied to these tables and this fund.",
            remedy="`stagenorm status` shows the plans; without --plan the earliest applied one is taken.",
        )
    in_force = tuple(plan for plan in normalizing if not plan.is_rolled_back)
    undone = tuple(plan for plan in normalizing if plan.is_rolled_back)
    bare = tuple(plan for plan in undone if not _is_replaced(plan, in_force, targets, scope))
    first = tuple(plan for plan in undone if plan.plan_id == asked)
    compared = tuple(dict.fromkeys((*first, *in_force, *bare)))
    start = min((plan.plan_id for plan in compared), default=0)
    rollbacks = tuple(plan for plan in plans if plan.kind is PlanKind.ROLLBACK and plan.plan_id > start)
    return CoveredPlans(in_force, undone, compared, rollbacks if compared else ())


def _is_replaced(
    undone: AppliedPlan, in_force: tuple[AppliedPlan, ...], targets: tuple[str, ...], scope: FundScope
) -> bool:
    """Whether plans in force cover every target and fund of an undone plan that is asked for."""
    funds = scope if undone.scope.all_funds else undone.scope
    return all(
        any(
            target in plan.targets and (plan.scope.all_funds or (not funds.all_funds and plan.covers(funds.fund_id)))
            for plan in in_force
        )
        for target in undone.targets & set(targets)
    )


def _applied(row: Any) -> AppliedPlan:
    facts = PlanFacts(
        row.plan_id,
        row.status,
        row.created_at,
        row.created_by,
        row.vocabulary_version,
        False,
        row.code_version,
        row.opened_at,
        row.completed_at,
        row.rows_to_change,
    )
    scope = FundScope(row.all_funds, None if row.all_funds else row.fund_id)
    return AppliedPlan(facts, PlanKind(row.kind), frozenset(row.targets), scope)
