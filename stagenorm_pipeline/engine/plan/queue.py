"""Recorded batches: which comes next, and the target that each is about. Reads only."""

from dataclasses import replace
from typing import Any

import sqlalchemy as sa
from psycopg import sql

from stagenorm_pipeline.config.settings import TargetSetting
from stagenorm_pipeline.engine.plan.batch import Batch, PlanKind
from stagenorm_pipeline.engine.postgres.sql_files import statement
from stagenorm_pipeline.engine.targets.funds import FundScope
from stagenorm_pipeline.engine.targets.target import Target
from stagenorm_pipeline.engine.targets.visibility import visible_targets


def next_group(
    connection: sa.Connection,
    after: tuple[int, int],
    *,
    plan_id: int | None,
    kind: PlanKind | None,
    scope: FundScope,
    targets: list[str] | None,
    rows: int = 0,
    most: int = 1,
    even_if_paused: bool = False,
) -> tuple[Batch, ...]:
    """The first batch beyond `after` (plan, number) that waits in an open plan, in the scope.

    With those that wait right behind it and may share its transaction: of the same plan, target and fund, none of them
    tried before, of `rows` rows together, `most` in all. Empty when none waits and, unless `even_if_paused`, while all
    work is paused.
    """
    values = {
        "after_plan": after[0],
        "after_number": after[1],
        **_in_scope(plan_id, kind, scope, targets),
        "even_if_paused": even_if_paused,
        "most": most,
    }
    query = statement("plan/next_batch", fund_condition=_fund_condition(scope))
    group: list[Batch] = []
    for row in connection.exec_driver_sql(query, values):
        batch = replace(_batch(row), was_tried=row.was_tried)
        together = sum(one.rows_planned for one in group) + batch.rows_planned
        if group and (batch.was_tried or together > rows or _kin(batch) != _kin(group[0])):
            break
        group.append(batch)
        if batch.was_tried:
            break
    return tuple(group)


def _kin(batch: Batch) -> tuple[object, ...]:
    return batch.plan_id, batch.target, batch.fund_id


def waiting_work(
    connection: sa.Connection,
    *,
    plan_id: int | None,
    kind: PlanKind | None,
    scope: FundScope,
    targets: list[str] | None,
) -> tuple[list[int], int]:
    """The batches, by number, and how many rows wait in open plans of the scope; of failed ones the refused rows."""
    query = statement("plan/waiting_work", fund_condition=_fund_condition(scope))
    row = connection.exec_driver_sql(query, _in_scope(plan_id, kind, scope, targets)).one()
    return row.batch_ids, row.rows_waiting


def count_vanished(connection: sa.Connection, batch_ids: list[int]) -> int:
    """How many of the batches somebody has deleted."""
    return int(connection.exec_driver_sql(statement("plan/vanished_batches"), {"batch_ids": batch_ids}).scalar_one())


def _in_scope(
    plan_id: int | None, kind: PlanKind | None, scope: FundScope, targets: list[str] | None
) -> dict[str, object]:
    return {
        "plan_id": plan_id,
        "kind": kind.value if kind else None,
        "fund_id": scope.fund_id,
        "targets": targets,
    }


def _fund_condition(scope: FundScope) -> sql.Composable:
    # Not `IS NOT DISTINCT FROM`, for which PostgreSQL takes no index.
    return scope.condition(sql.SQL("b.fund_id"))


def draft_batch(connection: sa.Connection, plan_id: int, after: int) -> Batch | None:
    """The first batch beyond number `after` of a plan that is still a draft; None at its end."""
    values = {"plan_id": plan_id, "after_number": after}
    row = connection.exec_driver_sql(statement("plan/draft_batch"), values).one_or_none()
    return None if row is None else _batch(row)


def planned_target(connection: sa.Connection, batch: Batch) -> Target:
    """The batch's target as its plan resolved it.

    Raises TargetError when it has changed since, RefusedError when row-level security hides rows from this role: they
    would count as deleted.
    """
    row = connection.exec_driver_sql(
        "SELECT key_column, fund_column FROM stage_migration_plan_targets WHERE plan_id = %(plan_id)s "
        "AND schema_name = %(schema)s AND table_name = %(table)s AND column_name = %(column)s",
        {"plan_id": batch.plan_id, "schema": batch.schema, "table": batch.table, "column": batch.column},
    ).one()
    setting = TargetSetting(
        table=batch.table,
        column=batch.column,
        schema=batch.schema,
        key=row.key_column,
        fund_column=row.fund_column or "",
        fund_column_required=bool(row.fund_column),
    )
    return visible_targets(connection, (setting,))[0]


def _batch(row: Any) -> Batch:
    return Batch(
        plan_id=row.plan_id,
        batch_id=row.batch_id,
        number=row.batch_number,
        total_batches=row.total_batches,
        schema=row.schema_name,
        table=row.table_name,
        column=row.column_name,
        fund_id=row.fund_id,
        rows_planned=row.rows_planned,
        kind=PlanKind(row.kind),
    )
