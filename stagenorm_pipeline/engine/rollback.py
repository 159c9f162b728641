"""Undo: restoring, from the audit log, rows that still hold what stagenorm wrote.

A rollback is a plan like any other (kind `rollback`): exact batches, compare and set, audited, resumable. A row that
somebody changed since, a user or a later plan, is listed and left. Does not belong here: applying its batches
(see `apply`).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from psycopg import sql

from stagenorm_pipeline import __version__
from stagenorm_pipeline.engine.batches import PlanKind
from stagenorm_pipeline.engine.configuration import DEFAULT_TARGETS, TargetSetting
from stagenorm_pipeline.engine.connection import Database
from stagenorm_pipeline.engine.errors import ConfigurationError
from stagenorm_pipeline.engine.funds import FundScope
from stagenorm_pipeline.engine.locks import planning_transaction
from stagenorm_pipeline.engine.migrations import require_migrations
from stagenorm_pipeline.engine.plan import find_plan, open_draft
from stagenorm_pipeline.engine.request import DEFAULT_BATCH_SIZE
from stagenorm_pipeline.engine.statements import statement
from stagenorm_pipeline.engine.steps import Step, reach
from stagenorm_pipeline.engine.targets import KeyKind, Target, resolve_targets

_EXAMPLES = 20


@dataclass(frozen=True, slots=True)
class RollbackRequest:
    """What to undo: changes that meet every condition given. At least one of plan, batch and time must be."""

    plan_id: int | None = None
    batch_id: int | None = None
    since: datetime | None = None
    targets: tuple[TargetSetting, ...] = DEFAULT_TARGETS
    scope: FundScope = field(default_factory=FundScope)
    batch_size: int = DEFAULT_BATCH_SIZE

    def __post_init__(self) -> None:
        if self.plan_id is None and self.batch_id is None and self.since is None:
            raise ConfigurationError(
                "A rollback needs to know what to undo.", remedy="Name a plan, a batch, or a time to go back to."
            )

    def values(self) -> dict[str, Any]:
        return {
            "rolled_plan": self.plan_id,
            "rolled_batch": self.batch_id,
            "since": self.since,
            "all_funds": self.scope.all_funds,
            "fund_id": self.scope.fund_id,
        }


@dataclass(frozen=True, slots=True)
class RollbackRow:
    """A row of a rollback: `now` is what it holds, `expected` what we wrote, `restore` what it gets back."""

    target: str
    fund_id: str | None
    row_id: str
    state: str
    restore: str | None
    expected: str | None
    now: str | None


@dataclass(frozen=True, slots=True)
class RollbackPreview:
    """Rows by state (`restorable`, `later`, `changed`, `null`, `gone`), exactly, with the first ones of each."""

    counts: Mapping[str, int]
    examples: tuple[RollbackRow, ...]

    @property
    def restorable(self) -> int:
        return self.counts.get("restorable", 0)

    @property
    def left(self) -> int:
        return sum(self.counts.values()) - self.restorable


def preview_rollback(database: Database, request: RollbackRequest) -> RollbackPreview:
    """What a rollback would restore and would leave, in one read-only snapshot.

    Raises PlanError when `plan_id` names no plan.
    """
    counts: dict[str, int] = {}
    examples: list[RollbackRow] = []
    with database.snapshot() as connection:
        require_migrations(connection)
        if request.plan_id is not None:
            find_plan(connection, request.plan_id)
        for target in resolve_targets(connection, request.targets):
            values = {**request.values(), **target.identity(), "shown": _EXAMPLES}
            query = statement("rollback_preview", candidates=_candidates(target))
            seen = set()
            for row in connection.exec_driver_sql(query, values):
                if row.state not in seen:
                    counts[row.state] = counts.get(row.state, 0) + row.total
                    seen.add(row.state)
                examples.append(
                    RollbackRow(
                        target.name, row.fund_id, row.row_id, row.state, row.restore, row.expected, row.stage_now
                    )
                )
    return RollbackPreview(counts, tuple(examples))


def record_rollback(database: Database, request: RollbackRequest, *, created_by: str) -> int:
    """Record the rollback as a plan and open it; `apply_batches` with its number then restores the rows.

    What older plans still had to do in the scope is cancelled. Returns the plan's number.
    """
    with planning_transaction(database) as connection:
        require_migrations(connection)
        connection.exec_driver_sql("SET LOCAL jit = off")
        if request.plan_id is not None:
            find_plan(connection, request.plan_id)
        targets = resolve_targets(connection, request.targets)
        plan_id = _record_plan(connection, request, targets, created_by)
        reach(Step.ROLLBACK_STARTED)
        batches = rows = 0
        for number, target in enumerate(targets, start=1):
            recorded = _record_target(connection, request, plan_id, number, target, batches)
            batches, rows = batches + recorded[0], rows + recorded[1]
        connection.exec_driver_sql(
            "UPDATE stage_migration_plans SET total_batches = %(batches)s, rows_to_change = %(rows)s "
            "WHERE plan_id = %(plan_id)s",
            {"batches": batches, "rows": rows, "plan_id": plan_id},
        )
        open_draft(connection, plan_id, request.scope)
        reach(Step.ROLLBACK_BEFORE_COMMIT)
    reach(Step.ROLLBACK_AFTER_COMMIT)
    return plan_id


def _record_plan(
    connection: sa.Connection, request: RollbackRequest, targets: tuple[Target, ...], created_by: str
) -> int:
    undo = {
        "plan_id": request.plan_id,
        "batch_id": request.batch_id,
        "since": request.since.isoformat() if request.since else None,
    }
    scope = {"targets": [target.name for target in targets], **request.scope.as_json(), "rollback": undo}
    return int(
        connection.exec_driver_sql(
            statement("record_plan"),
            {
                "created_by": created_by,
                "kind": PlanKind.ROLLBACK.value,
                "vocabulary_version": "",
                "code_version": __version__,
                "batch_size": request.batch_size,
                "scope": json.dumps(scope),
            },
        ).scalar_one()
    )


def _record_target(
    connection: sa.Connection,
    request: RollbackRequest,
    plan_id: int,
    number: int,
    target: Target,
    batches_before: int,
) -> tuple[int, int]:
    values = {**request.values(), **target.identity(), "plan_id": plan_id}
    connection.exec_driver_sql(
        statement("record_plan_target"),
        {**values, "target_no": number, "key_column": target.key_column, "fund_column": target.fund_column},
    )
    connection.exec_driver_sql(statement("intern_log_spellings"), values)
    integer = target.key_kind is KeyKind.INTEGER
    query = statement(
        "rollback_batches",
        candidates=_candidates(target),
        member_type=sql.SQL("bigint" if integer else "text"),
        member_column=sql.Identifier("row_numbers" if integer else "row_keys"),
    )
    row = connection.exec_driver_sql(
        query, {**values, "batch_size": request.batch_size, "batches_before": batches_before}
    ).one()
    return row.batches, row.rows_planned


def _candidates(target: Target) -> sql.Composable:
    parts = target.sql_parts()
    names = ("key", "key_type", "stage", "table")
    return sql.SQL(statement("rollback_candidates", **{name: parts[name] for name in names}))
