"""Require an approval before plans are applied, and approve plans."""

from __future__ import annotations

from stagenorm_pipeline.engine.approval import approval
from stagenorm_pipeline.engine.approval.approval import Approval, ApprovalState
from stagenorm_pipeline.engine.plan import life_cycle
from stagenorm_pipeline.service.context import ServiceContext


def read_approval_state(context: ServiceContext) -> ApprovalState:
    """Read whether plans need an approval, and which ones wait for it."""
    return approval.read_approval_state(context.database)


def require_approvals(context: ServiceContext) -> bool:
    """Require an approval before any plan is applied, open plans included. Returns whether anything changed."""
    return approval.set_rule(context.database, required=True)


def lift_approvals(context: ServiceContext) -> bool:
    """Lift the requirement. Returns whether anything changed."""
    return approval.set_rule(context.database, required=False)


def approve_plan(context: ServiceContext, *, plan_id: int, ticket: str | None = None) -> Approval:
    """Approve a plan as the database role that logged in. Raises PlanError or RefusedError if it may not.

    The author of a plan cannot approve it. `ticket`: recorded with the approval.
    """
    return life_cycle.approve_plan(context.database, plan_id, ticket=ticket)
