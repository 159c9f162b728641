"""Undo: restoring, from the audit log, rows that still hold what stagenorm wrote.

A rollback is a plan like any other (kind `rollback`): exact batches, compare and set, audited, resumable. A row that
somebody changed since, a user or a later plan, is listed and left. Does not belong here: applying its batches
(see `apply`).
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from psycopg import sql

from stagenorm_pipeline import __version__
from stagenorm_pipeline.engine.batches import PlanKind
from stagenorm_pipeline.engine.connection import Database
from stagenorm_pipeline.engine.enforce import enforced_by, refuse_to_restore
from stagenorm_pipeline.engine.locks import planning_transaction
from stagenorm_pipeline.engine.migrations import require_migrations
from stagenorm_pipeline.engine.plan import open_draft
from stagenorm_pipeline.engine.planner import by_hashing
from stagenorm_pipeline.engine.rollback_scope import RollbackRequest, RollbackScope, read_scope
from stagenorm_pipeline.engine.statements import statement
from stagenorm_pipeline.engine.steps import Step, reach
from stagenorm_pipeline.engine.targets import KeyKind, Target

__all__ = [
    "RollbackPreview",
    "RollbackRequest",
    "RollbackRow",
    "preview_rollback",
    "record_rollback",
    "rows_left",
]

_EXAMPLES = 20
_FETCH = 1_000
# The look-ups of one row took 12 microseconds (six million rows, all in memory): up to here less than a second, however
# large the table is.
_LOOKED_UP = 50_000


@dataclass(frozen=True, slots=True)
class RollbackRow:
    """A row of a rollback: `now` is what it holds, `expected` what we wrote, `restore` what it gets back.

    `later_plan`: the plan whose change of the row came after those in the scope.
    """

    target: str
    fund_id: str | None
    row_id: str
    state: str
    restore: str | None
    expected: str | None
    now: str | None
    later_plan: int | None = None


@dataclass(frozen=True, slots=True)
class RollbackPreview:
    """Rows by state (`restorable undone later changed null gone`), exactly, with the first ones of each.

    `repeated`: of the restorable, those that were changed several times within the scope. `waiting`: batches still to
    do in the scope, by plan, which the rollback would cancel. `left_out`: targets of the plan outside the scope.
    `enforced`: targets with rows to restore whose constraint (`stagenorm enforce`) would refuse the old spellings.
    """

    counts: Mapping[str, int]
    examples: tuple[RollbackRow, ...]
    repeated: int = 0
    waiting: Mapping[int, int] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()
    enforced: tuple[str, ...] = ()

    @property
    def restorable(self) -> int:
        return self.counts.get("restorable", 0)

    @property
    def left(self) -> int:
        return sum(self.counts.values()) - self.restorable


def preview_rollback(database: Database, request: RollbackRequest) -> RollbackPreview:
    """What a rollback would restore and would leave, in one read-only snapshot. Raises as `read_scope` does."""
    counts: dict[str, int] = {}
    examples: list[RollbackRow] = []
    repeated = 0
    enforced = []
    with database.snapshot() as connection:
        require_migrations(connection)
        scope = read_scope(connection, request)
        for target in scope.targets:
            values = {**scope.request.values(), **target.identity(), "shown": _EXAMPLES}
            query = statement("rollback_preview", candidates=_candidates(target))
            seen = set()
            with _looked_up_or_hashed(connection, values):
                rows = connection.exec_driver_sql(query, values).all()
            for row in rows:
                if row.state not in seen:
                    counts[row.state] = counts.get(row.state, 0) + row.total
                    repeated += row.repeated if row.state == "restorable" else 0
                    seen.add(row.state)
                examples.append(_row(target, row))
            if "restorable" in seen and enforced_by(connection, target):
                enforced.append(target.name)
        waiting = _waiting(connection, scope)
    return RollbackPreview(counts, tuple(examples), repeated, waiting, scope.left_out, tuple(enforced))


def rows_left(database: Database, request: RollbackRequest) -> Iterator[RollbackRow]:
    """Every row that a rollback would leave, streamed from one read-only snapshot. Raises as `read_scope` does."""
    with database.snapshot() as connection:
        require_migrations(connection)
        scope = read_scope(connection, request)
        for target in scope.targets:
            query = statement("rollback_left", candidates=_candidates(target))
            values = {**scope.request.values(), **target.identity()}
            options = {"stream_results": True, "yield_per": _FETCH}
            with (
                _looked_up_or_hashed(connection, values),
                connection.exec_driver_sql(query, values, execution_options=options) as result,
            ):
                for row in result:
                    yield _row(target, row)


def _row(target: Target, row: Any) -> RollbackRow:
    return RollbackRow(
        target.name, row.fund_id, row.row_id, row.state, row.restore, row.expected, row.stage_now, row.later_plan
    )


def _waiting(connection: sa.Connection, scope: RollbackScope) -> dict[int, int]:
    values = {**scope.request.values(), "targets": [target.name for target in scope.targets]}
    return {row.plan_id: row.batches for row in connection.exec_driver_sql(statement("rollback_waiting"), values)}


def record_rollback(database: Database, request: RollbackRequest, *, created_by: str) -> int:
    """Record the rollback as a plan and open it; `apply_batches` with its number then restores the rows.

    What older plans still had to do in the scope is cancelled. Returns the plan's number. Raises as `read_scope` does,
    and StagenormError where a target is enforced: its constraint would refuse the old spellings.
    """
    with planning_transaction(database) as connection:
        require_migrations(connection)
        scope = read_scope(connection, request)
        request = scope.request
        plan_id = _record_plan(connection, request, scope.targets, created_by)
        reach(Step.ROLLBACK_STARTED)
        batches = rows = 0
        for number, target in enumerate(scope.targets, start=1):
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
    integer = target.key_kind is KeyKind.INTEGER
    query = statement(
        "rollback_batches",
        candidates=_candidates(target),
        member_type=sql.SQL("bigint" if integer else "text"),
        member_column=sql.Identifier("row_numbers" if integer else "row_keys"),
    )
    with _looked_up_or_hashed(connection, values):
        connection.exec_driver_sql(statement("intern_log_spellings"), values)
        row = connection.exec_driver_sql(
            query, {**values, "batch_size": request.batch_size, "batches_before": batches_before}
        ).one()
    if row.batches:
        refuse_to_restore(connection, target)
    return row.batches, row.rows_planned


def _looked_up_or_hashed(connection: sa.Connection, values: Mapping[str, Any]) -> AbstractContextManager[None]:
    changed: int = connection.exec_driver_sql(statement("rollback_size"), values).scalar_one()
    return by_hashing(connection) if changed > _LOOKED_UP else nullcontext()


def _candidates(target: Target) -> sql.Composable:
    parts = target.sql_parts()
    names = ("key", "key_type", "stage", "table")
    return sql.SQL(statement("rollback_candidates", **{name: parts[name] for name in names}))
