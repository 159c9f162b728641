"""Copy a recorded plan into a clone of its database, with numbers of the clone.

The clone may have the plan already, or other plans with its number, so its numbers are not reused. The baseline is not
copied: a rehearsal is not verified.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from stagenorm_pipeline.engine.plan.batch_types import PlanKind
from stagenorm_pipeline.engine.plan.life_cycle import RecordedPlan, find_plan
from stagenorm_pipeline.engine.plan.plan_writer import PlanWriter, array_literal, record_batches_statement
from stagenorm_pipeline.engine.plan.queue import planned_setting
from stagenorm_pipeline.engine.postgres.connection import Database
from stagenorm_pipeline.engine.postgres.locks import planning_transaction
from stagenorm_pipeline.engine.postgres.sql_files import statement
from stagenorm_pipeline.engine.targets.target import KeyKind, Target
from stagenorm_pipeline.engine.targets.visibility import visible_targets
from stagenorm_pipeline.errors import TargetError


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanCopy:
    """The copy of a plan in a clone, open, and its targets there by name."""

    plan_id: int
    targets: Mapping[str, Target]


def copy_plan(source: sa.Connection, clone: Database, plan_id: int, *, created_by: str) -> PlanCopy:
    """Copy a plan with its mapping and exact batches, and open the copy. `source`: a snapshot of the plan's database.

    Raises TargetError if the clone lacks a target or has it with another key, RefusedError if the role does not see
    every row there.
    """
    recorded = find_plan(source, plan_id)
    planned = source.exec_driver_sql(statement("plan/planned_targets"), {"plan_id": plan_id}).all()
    with planning_transaction(clone) as connection:
        settings = tuple(map(planned_setting, planned))
        targets = {target.name: target for target in visible_targets(connection, settings)}
        writer = PlanWriter(
            connection,
            kind=PlanKind.NORMALIZE,
            targets=tuple(targets.values()),
            scope=recorded.scope,
            batch_size=recorded.batch_size,
            created_by=created_by,
        )
        for number, target in enumerate(targets.values(), start=1):
            writer.record_target(number, target)
        _copy_batches(source, connection, recorded, writer.plan_id, targets)
        writer.record_totals(recorded.total_batches, recorded.counts)
        connection.exec_driver_sql(statement("plan/open_plan"), {"plan_id": writer.plan_id})
    return PlanCopy(plan_id=writer.plan_id, targets=targets)


def _copy_batches(
    source: sa.Connection, connection: sa.Connection, plan: RecordedPlan, copy_id: int, targets: Mapping[str, Target]
) -> None:
    """Copy the mapping, then batch by batch, so that memory holds one batch."""
    numbers = _copy_mapping(source, connection, plan.plan_id, copy_id)
    after = 0
    while batch := _next_batch(source, plan.plan_id, after):
        after = batch["batch_number"]
        target = targets[".".join((batch["schema_name"], batch["table_name"], batch["column_name"]))]
        is_integer = target.key_kind is KeyKind.INTEGER
        if (batch["row_numbers"] is not None) is not is_integer:
            raise TargetError(
                f"The key {target.key_column!r} of {target.schema}.{target.table} is of another type in the clone.",
                remedy="Restore a newer backup.",
            )
        connection.exec_driver_sql(
            record_batches_statement(target),
            {
                "plan_id": copy_id,
                "batches_before": after - 1,
                **target.identity(),
                "fund_ids": [batch["fund_id"]],
                "firsts": [1],
                "lasts": [batch["rows_planned"]],
                "keys": batch["row_numbers"] if is_integer else batch["row_keys"],
                "spelling_ids": array_literal(numbers[spelling_id] for spelling_id in batch["spelling_ids"]),
            },
        )


def _next_batch(source: sa.Connection, plan_id: int, after: int) -> dict[str, Any]:
    values = {"plan_id": plan_id, "after_number": after}
    row = source.exec_driver_sql(statement("plan/planned_batch"), values).mappings().one_or_none()
    return {} if row is None else dict(row)


def _copy_mapping(source: sa.Connection, connection: sa.Connection, plan_id: int, copy_id: int) -> dict[int, int]:
    """Copy the plan's spellings and their stages. Returns the clone's number of each spelling."""
    planned = source.exec_driver_sql(statement("plan/planned_spellings"), {"plan_id": plan_id}).all()
    digests = [bytes(row.spelling_sha256) for row in planned]
    interned = connection.exec_driver_sql(
        statement("plan/intern_spellings"), {"digests": digests, "spellings": [row.spelling for row in planned]}
    )
    ids = {bytes(row.spelling_sha256): row.spelling_id for row in interned}
    numbers = {row.spelling_id: ids[digest] for row, digest in zip(planned, digests, strict=True)}
    connection.exec_driver_sql(
        statement("plan/record_plan_spellings"),
        {
            "plan_id": copy_id,
            "spelling_ids": list(numbers.values()),
            "stages": [row.stage_after for row in planned],
        },
    )
    return numbers
