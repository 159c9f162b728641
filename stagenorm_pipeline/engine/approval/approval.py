"""Approvals: whether plans need one, and who gave it. PostgreSQL fills in the names and keeps the rule."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from psycopg import sql

from stagenorm_pipeline.engine.approval.rehearsals import RehearsalState, read_rehearsal, read_rehearsals
from stagenorm_pipeline.engine.postgres.connection import Database
from stagenorm_pipeline.engine.postgres.migrations import require_migrations
from stagenorm_pipeline.engine.postgres.sql_files import statement
from stagenorm_pipeline.engine.receipts.plan_digest import plan_digest
from stagenorm_pipeline.errors import PlanError, RefusedError


class ApprovalNeededError(PlanError):
    """A plan waits for its approval."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalRule:
    """Whether plans need an approval, and who set it. `set_by` None: it was never set."""

    required: bool = False
    set_by: str | None = None
    set_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UnapprovedPlan:
    """A plan that waits for its approval. `author` None: it was recorded before authors were.

    `rehearsal`: whether exactly this plan was rehearsed on a clone.
    """

    plan_id: int
    created_at: datetime
    total_batches: int
    rows_to_change: int
    author: str | None
    rehearsal: RehearsalState


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalState:
    """The rule, and the plans that wait because of it."""

    rule: ApprovalRule
    waiting: tuple[UnapprovedPlan, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """An approval that was just given. `content_sha256`: what was approved. `rehearsal`: whether that was rehearsed."""

    plan_id: int
    approved_by: str
    content_sha256: str
    rehearsal: RehearsalState


def read_rule(connection: sa.Connection) -> ApprovalRule:
    """Read whether plans need an approval."""
    row = connection.exec_driver_sql(
        "SELECT required, set_by, set_at FROM stage_migration_approval_rules ORDER BY rule_id DESC LIMIT 1"
    ).one_or_none()
    return ApprovalRule() if row is None else ApprovalRule(**row._mapping)


def read_approval_state(database: Database) -> ApprovalState:
    """Read the rule and the plans that wait for an approval."""
    with database.snapshot() as connection:
        require_migrations(connection)
        rows = connection.exec_driver_sql(statement("approval/waiting_plans", is_approved=is_approved())).all()
        rehearsals = read_rehearsals(connection, [row.plan_id for row in rows])
        return ApprovalState(
            rule=read_rule(connection),
            waiting=tuple(UnapprovedPlan(**row._mapping, rehearsal=rehearsals[row.plan_id]) for row in rows),
        )


def set_rule(database: Database, *, required: bool) -> bool:
    """Require approvals, or lift the requirement. Returns whether anything changed."""
    with database.transaction() as connection:
        require_migrations(connection)
        return bool(connection.exec_driver_sql(statement("approval/set_rule"), {"required": required}).rowcount)


def is_approved() -> sql.SQL:
    """Return the SQL condition that plan `p` may be applied, as a part for `statement`."""
    return sql.SQL(statement("approval/is_approved"))


def require_approval(connection: sa.Connection, plan_id: int) -> None:
    """Raise ApprovalNeededError if the plan needs an approval and has none."""
    query = statement("approval/require_approval", is_approved=is_approved())
    row = connection.exec_driver_sql(query, {"plan_id": plan_id}).one_or_none()
    if row is not None and not row.is_approved:
        by = "" if row.author is None else f", other than {row.author},"
        raise ApprovalNeededError(
            f"Plan {plan_id} is recorded and waits for its approval.",
            remedy=f"A role that may approve{by} runs: stagenorm approve {plan_id}. "
            f"Then apply it: stagenorm run --plan {plan_id}",
        )


def require_approved_contents(connection: sa.Connection, plan_id: int) -> None:
    """Raise PlanError if the plan has no approval that it needs, or changes other rows than were approved.

    Reads the members of every batch, so only if approvals are required.
    """
    if not read_rule(connection).required:
        return
    require_approval(connection, plan_id)
    query = statement("approval/contents_changed", plan_digest=plan_digest())
    if connection.exec_driver_sql(query, {"plan_ids": [plan_id]}).scalar_one_or_none():
        raise PlanError(
            f"Plan {plan_id} is no longer what was approved: its batches or spellings were changed since.",
            remedy=f"Cancel it with `stagenorm cancel --plan {plan_id}`, and make a new one: stagenorm run",
        )


def approve(connection: sa.Connection, plan_id: int, *, ticket: str | None) -> Approval:
    """Approve the plan as the role that logged in. Raises PlanError or RefusedError if it may not.

    The caller has checked that the plan is a draft or open.
    """
    _require_approver(connection, plan_id)
    query = statement("approval/approve", plan_digest=plan_digest())
    row = connection.exec_driver_sql(query, {"plan_ids": [plan_id], "ticket": ticket}).one()
    return Approval(
        plan_id=plan_id,
        approved_by=row.approved_by,
        content_sha256=bytes(row.content_sha256).hex(),
        rehearsal=read_rehearsal(connection, plan_id),
    )


def _require_approver(connection: sa.Connection, plan_id: int) -> None:
    facts = connection.exec_driver_sql(statement("approval/facts"), {"plan_id": plan_id}).one()
    if facts.approved_by is not None:
        raise PlanError(
            f"Plan {plan_id} was approved by {facts.approved_by} already.",
            remedy=f"Apply it: stagenorm run --plan {plan_id}",
        )
    if facts.author is None:
        raise PlanError(
            f"Plan {plan_id} was recorded before authors were, so nobody can approve it.",
            remedy=f"Cancel it with `stagenorm cancel --plan {plan_id}`, and make a new one: stagenorm run",
        )
    if facts.author == facts.approver:
        raise RefusedError(
            f"The role {facts.approver} recorded plan {plan_id}, so it cannot approve it.",
            remedy="Connect as another role that may approve. sql/roles.sql makes one: -v approver=NAME",
        )
    if not facts.may_approve:
        raise RefusedError(
            f"The role {facts.approver} may not approve plans.",
            remedy="Connect as a role that may. sql/roles.sql makes one: -v approver=NAME",
        )
