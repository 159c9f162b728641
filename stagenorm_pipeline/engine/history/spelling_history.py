"""Explain one spelling: what it means, what plans made of it and why, and what these rows hold now."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from stagenorm_pipeline.config.configuration import TargetSetting
from stagenorm_pipeline.engine.history.recorded_facts import (
    Checked,
    PlanOrigin,
    Reasons,
    Signed,
    checked_of,
    plan_of,
    signed_of,
    verifications,
)
from stagenorm_pipeline.engine.postgres.connection import Database
from stagenorm_pipeline.engine.postgres.migrations import require_migrations
from stagenorm_pipeline.engine.postgres.sql_files import statement
from stagenorm_pipeline.engine.rollback.rollback import RollbackPreview, RollbackRequest, read_preview
from stagenorm_pipeline.engine.rollback.scope import read_scope
from stagenorm_pipeline.engine.targets.target import Target
from stagenorm_pipeline.vocabulary import Decisions, MeaningReason, reason_today


@dataclass(frozen=True, slots=True, kw_only=True)
class RowsNow:
    """How many rows of a target hold the spelling now, and in how many funds."""

    target: str
    rows: int
    funds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SpellingChange:
    """What one plan did with the spelling in one target: `rows` rows became `stage`, or were restored from it.

    `plan`: None if it was deleted, or another tool wrote the entries. `by`: who applied it. `reason`: of a plan that
    is no rollback; None if the vocabulary was not kept.
    """

    plan_id: int | None
    is_rollback: bool
    target: str
    stage: str
    rows: int
    last_at: datetime
    by: tuple[str, ...]
    plan: PlanOrigin | None
    reason: MeaningReason | None
    checked: Checked | None
    signed: Signed | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SpellingHistory:
    """All that is known of one spelling. `reason`: why it means what it means today.

    `changes`: oldest first. `undo`: what a rollback of the spelling would restore, and what it would leave.
    """

    spelling: str
    reason: MeaningReason
    now: tuple[RowsNow, ...]
    changes: tuple[SpellingChange, ...]
    undo: RollbackPreview


def read_spelling_history(
    database: Database, settings: tuple[TargetSetting, ...], spelling: str, *, decisions: Decisions
) -> SpellingHistory:
    """Read everything about a spelling in one snapshot. `decisions`: the decisions file of today.

    Unlike a rollback, it trusts the log without comparing it with its receipts. Raises the errors of `read_scope`.
    """
    request = RollbackRequest(spelling=spelling, targets=settings)
    with database.snapshot() as connection:
        require_migrations(connection)
        scope = read_scope(connection, request)
        return SpellingHistory(
            spelling=spelling,
            reason=reason_today(spelling, decisions),
            now=tuple(_rows_now(connection, target, spelling) for target in scope.targets),
            changes=_changes(connection, scope.targets, spelling, decisions),
            undo=read_preview(connection, scope),
        )


def _rows_now(connection: sa.Connection, target: Target, spelling: str) -> RowsNow:
    parts = {name: target.sql_parts()[name] for name in ("table", "stage", "fund")}
    row = connection.exec_driver_sql(statement("history/spelling_now", **parts), {"spelling": spelling}).one()
    return RowsNow(target=target.name, rows=row.row_count, funds=row.funds)


def _changes(
    connection: sa.Connection, targets: tuple[Target, ...], spelling: str, decisions: Decisions
) -> tuple[SpellingChange, ...]:
    values = {"spelling": spelling, "targets": [target.name for target in targets]}
    query = statement("history/spelling_changes", verifications=verifications())
    rows = connection.exec_driver_sql(query, values).all()
    reasons = Reasons(connection, (row.vocabulary_version for row in rows), decisions)
    return tuple(
        SpellingChange(
            plan_id=row.plan_id,
            is_rollback=row.action == "rollback",
            target=row.target,
            stage=row.stage,
            rows=row.row_count,
            last_at=row.last_at,
            by=tuple(row.run_by),
            plan=plan_of(row),
            reason=reasons.of(spelling, row.vocabulary_version),
            checked=checked_of(row),
            signed=signed_of(row),
        )
        for row in rows
    )
