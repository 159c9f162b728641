"""Recorded batches: which comes next, and the target that each is about. Reads only."""

from typing import Any

import sqlalchemy as sa
from psycopg import sql

from stagenorm_pipeline.engine.batches import Batch, PlanKind
from stagenorm_pipeline.engine.configuration import TargetSetting
from stagenorm_pipeline.engine.funds import FundScope
from stagenorm_pipeline.engine.statements import statement
from stagenorm_pipeline.engine.targets import Target, resolve_targets


def next_batch(
    connection: sa.Connection,
    after: tuple[int, int],
    *,
    plan_id: int | None,
    kind: PlanKind | None,
    scope: FundScope,
    targets: list[str] | None,
) -> Batch | None:
    """The first batch beyond `after` (plan, number) that waits in an open plan, in the scope; None when none does."""
    values = {
        "after_plan": after[0],
        "after_number": after[1],
        "plan_id": plan_id,
        "kind": kind.value if kind else None,
        "fund_id": scope.fund_id,
        "targets": targets,
    }
    # Not `IS NOT DISTINCT FROM`, for which PostgreSQL takes no index.
    query = statement("next_batch", fund_condition=scope.condition(sql.SQL("b.fund_id")))
    row = connection.exec_driver_sql(query, values).one_or_none()
    return None if row is None else _batch(row)


def draft_batch(connection: sa.Connection, plan_id: int, after: int) -> Batch | None:
    """The first batch beyond number `after` of a plan that is still a draft; None at its end."""
    values = {"plan_id": plan_id, "after_number": after}
    row = connection.exec_driver_sql(statement("draft_batch"), values).one_or_none()
    return None if row is None else _batch(row)


def planned_target(connection: sa.Connection, batch: Batch) -> Target:
    """The batch's target as its plan resolved it. Raises TargetError when it has changed since."""
    row = connection.exec_driver_sql(
        "SELECT key_column, fund_column FROM stage_migration_plan_targets WHERE plan_id = %(plan_id)s "
        "AND schema_name = %(schema)s AND table_name = %(table)s AND column_name = %(column)s",
        {"plan_id": batch.plan_id, "schema": batch.schema, "table": batch.table, "column": batch.column},
    ).one()
    setting = TargetSetting(
        batch.table, batch.column, batch.schema, row.key_column, row.fund_column or "", bool(row.fund_column)
    )
    return resolve_targets(connection, (setting,))[0]


def _batch(row: Any) -> Batch:
    return Batch(
        row.plan_id,
        row.batch_id,
        row.batch_number,
        row.total_batches,
        row.schema_name,
        row.table_name,
        row.column_name,
        row.fund_id,
        row.rows_planned,
        PlanKind(row.kind),
    )
