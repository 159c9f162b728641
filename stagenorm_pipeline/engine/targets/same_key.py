"""Refuse to read a plan's log entries if the target's primary key is another column now than in the plan."""

from collections.abc import Sequence

import sqlalchemy as sa

from stagenorm_pipeline.engine.postgres.sql_files import statement
from stagenorm_pipeline.engine.targets.target import Target
from stagenorm_pipeline.errors import TargetError


def require_same_key(connection: sa.Connection, target: Target, plans: Sequence[int] | None, *, remedy: str) -> None:
    """Raise TargetError if one of `plans` (None: any opened plan) named the target's rows by another key column."""
    # The log names rows by the key of that time: in another column the same values could mean other rows.
    values = {
        **target.identity(),
        "key_column": target.key_column,
        "plans": None if plans is None else list(plans),
    }
    row = connection.exec_driver_sql(statement("targets/plan_with_other_key"), values).one_or_none()
    if row is not None:
        raise TargetError(
            f"Plan {row.plan_id} named the rows of {target.schema}.{target.table} by their key {row.key_column!r}; "
            f"its primary key is {target.key_column!r} now.",
            remedy=remedy,
        )
