"""Read the columns of a target's table, for a catalog that shows them."""

from dataclasses import dataclass

import sqlalchemy as sa

from stagenorm_pipeline.engine.postgres.sql_files import statement
from stagenorm_pipeline.engine.targets.target_id import TargetId


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column of a table. `type` as PostgreSQL writes it: `character varying(20)`."""

    name: str
    type: str
    is_nullable: bool


def read_columns(connection: sa.Connection, target: TargetId) -> tuple[Column, ...]:
    """Return the columns of the target's table in their order; empty if it is gone."""
    rows = connection.exec_driver_sql(statement("targets/read_columns"), target.identity())
    return tuple(Column(name=row.name, type=row.type, is_nullable=row.is_nullable) for row in rows)
