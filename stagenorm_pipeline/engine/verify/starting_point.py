"""Where a verification starts to judge: at a log entry and a time."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from stagenorm_pipeline.engine.postgres.sql_files import statement


@dataclass(frozen=True, slots=True, kw_only=True)
class StartingPoint:
    """Judge the log entries after `log_id`, and the plans opened at `opened_from` or later (None: all plans)."""

    log_id: int = 0
    opened_from: datetime | None = None


def starting_point_at(connection: sa.Connection, since: datetime, plan_id: int | None = None) -> StartingPoint:
    """Start at a time, or at the first log entry of `plan_id` if that is earlier."""
    values = {"since": since, "plan_id": plan_id}
    log_id: int = connection.exec_driver_sql(statement("verify/starting_point"), values).scalar_one()
    return StartingPoint(log_id=log_id, opened_from=since)
