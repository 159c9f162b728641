"""Find the batches that come next, and the target of each. Reads only."""

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from psycopg import sql

from stagenorm_pipeline.config.configuration import TargetSetting
from stagenorm_pipeline.engine.plan.batch_types import Batch, PlanKind
from stagenorm_pipeline.engine.postgres.sql_files import statement
from stagenorm_pipeline.engine.targets.funds import FundScope
from stagenorm_pipeline.engine.targets.target import Target
from stagenorm_pipeline.engine.targets.target_id import TargetId
from stagenorm_pipeline.engine.targets.visibility import visible_targets


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueScope:
    """Which waiting batches a runner may apply. None: any plan, any kind, every target, any batch of the plans."""

    plan_id: int | None = None
    kind: PlanKind | None = None
    funds: FundScope
    targets: list[str] | None = None
    excluded_funds: frozenset[str | None] = frozenset()
    batch_ids: tuple[int, ...] | None = None

    def values(self) -> dict[str, object]:
        """Return the values for `waiting_batches` and `plan/waiting_work`."""
        return {
            "plan_id": self.plan_id,
            "kind": self.kind.value if self.kind else None,
            "fund_id": self.funds.fund_id,
            "targets": self.targets,
            "excluded_funds": [fund for fund in self.excluded_funds if fund is not None],
            "batch_ids": None if self.batch_ids is None else list(self.batch_ids),
        }

    @property
    def fund_condition(self) -> sql.Composable:
        # Not `IS NOT DISTINCT FROM`: PostgreSQL cannot use an index for it.
        conditions = [self.funds.condition(sql.SQL("b.fund_id"))]
        if self.excluded_funds:
            conditions.append(sql.SQL("(b.fund_id IS NULL OR b.fund_id <> ALL (%(excluded_funds)s::text[]))"))
        if None in self.excluded_funds:
            conditions.append(sql.SQL("b.fund_id IS NOT NULL"))
        return sql.SQL(" AND ").join(conditions)


def waiting_batches(scope: QueueScope) -> str:
    """Return the query for the first `limit` waiting batches after `after_plan` and `after_number`."""
    return statement("plan/next_batch", fund_condition=scope.fund_condition)


def next_batch(connection: sa.Connection, scope: QueueScope, after: tuple[int, int]) -> Batch | None:
    """Find the first waiting batch after `after` (plan, number), even while all work is paused."""
    values = {
        **scope.values(),
        "after_plan": after[0],
        "after_number": after[1],
        "even_if_paused": True,
        "limit": 1,
    }
    row = connection.exec_driver_sql(waiting_batches(scope), values).one_or_none()
    return None if row is None else batch_of(row, was_tried=row.was_tried)


def waiting_work(connection: sa.Connection, scope: QueueScope) -> tuple[list[int], int]:
    """Read the ids of the batches that are waiting in open plans of the scope, and how many rows they have.

    Of a failed batch, only the refused rows are waiting.
    """
    query = statement("plan/waiting_work", fund_condition=scope.fund_condition)
    row = connection.exec_driver_sql(query, scope.values()).one()
    return row.batch_ids, row.rows_waiting


def count_open_batches(connection: sa.Connection, *, targets: list[str], scope: FundScope) -> dict[int, int]:
    """Count by plan the open batches in some targets and funds: what a new plan or a rollback there cancels."""
    values = {"targets": targets, "all_funds": scope.all_funds, "fund_id": scope.fund_id}
    return {row.plan_id: row.batches for row in connection.exec_driver_sql(statement("plan/open_batches"), values)}


def count_deleted(connection: sa.Connection, batch_ids: list[int]) -> int:
    """Count which of the batches were deleted."""
    return int(connection.exec_driver_sql(statement("plan/deleted_batches"), {"batch_ids": batch_ids}).scalar_one())


def draft_batch(connection: sa.Connection, plan_id: int, after: int) -> Batch | None:
    """Find the first batch after number `after` of a draft; None if there is none."""
    values = {"plan_id": plan_id, "after_number": after}
    row = connection.exec_driver_sql(statement("plan/draft_batch"), values).one_or_none()
    return None if row is None else batch_of(row)


def planned_target(connection: sa.Connection, batch: Batch) -> Target:
    """Resolve the target of the batch with the key and fund column of its plan.

    Raises TargetError if the target has changed since, RefusedError if row-level security hides rows from this role:
    they would count as deleted.
    """
    row = connection.exec_driver_sql(
        "SELECT * FROM stage_migration_plan_targets WHERE plan_id = %(plan_id)s "
        "AND schema_name = %(schema_name)s AND table_name = %(table_name)s AND column_name = %(column_name)s",
        {"plan_id": batch.plan_id, **batch.target.identity()},
    ).one()
    return visible_targets(connection, (planned_setting(row),))[0]


def planned_setting(row: Any) -> TargetSetting:
    """Return the target of a row of `stage_migration_plan_targets`, as stagenorm.toml would name it."""
    return TargetSetting(
        table=row.table_name,
        column=row.column_name,
        schema=row.schema_name,
        key=row.key_column,
        fund_column=row.fund_column or "",
        fund_column_required=bool(row.fund_column),
    )


def batch_of(row: Any, *, was_tried: bool = False) -> Batch:
    """Return the batch of a row that has its columns and those of its plan."""
    return Batch(
        plan_id=row.plan_id,
        batch_id=row.batch_id,
        number=row.batch_number,
        total_batches=row.total_batches,
        target=TargetId(schema=row.schema_name, table=row.table_name, column=row.column_name),
        fund_id=row.fund_id,
        rows_planned=row.rows_planned,
        kind=PlanKind(row.kind),
        was_tried=was_tried,
    )
