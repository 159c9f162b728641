"""The pause switch: one row in the database that every runner reads before each batch."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from stagenorm_pipeline.engine.postgres.connection import Database
from stagenorm_pipeline.engine.postgres.migrations import require_migrations


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """Whether all work is paused, why, by whom and since when."""

    paused: bool
    reason: str | None
    changed_by: str | None
    changed_at: datetime


def read_control(connection: sa.Connection) -> Control:
    row = connection.exec_driver_sql("SELECT paused, reason, changed_by, changed_at FROM stage_migration_control").one()
    return Control(**row._mapping)


def set_paused(database: Database, *, paused: bool, reason: str | None, changed_by: str) -> None:
    """Turn the switch. Runners notice before their next batch."""
    with database.transaction() as connection:
        require_migrations(connection)
        connection.exec_driver_sql(
            "UPDATE stage_migration_control SET paused = %(paused)s, reason = %(reason)s, "
            "changed_by = %(changed_by)s, changed_at = now()",
            {"paused": paused, "reason": reason, "changed_by": changed_by},
        )
