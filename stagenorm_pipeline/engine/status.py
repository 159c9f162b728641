"""How far the work is: progress, by fund, failures, who is running, the pause switch. Reads only."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from stagenorm_pipeline.engine.connection import Database
from stagenorm_pipeline.engine.control import Control, read_control
from stagenorm_pipeline.engine.inventory import fund_order
from stagenorm_pipeline.engine.locks import BATCH_LOCK_CLASS
from stagenorm_pipeline.engine.migrations import require_migrations
from stagenorm_pipeline.engine.statements import statement

_FAILURES_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Status:
    """What the database says of the work, each row as a mapping with the columns of the view that it comes from.

    `progress`: `stage_migration_progress`. `funds`: `stage_migration_progress_by_fund`. `failures`: the first of
    `failures_total` rows of `stage_migration_failures`. `plans`: the newest, newest first. `running`: batches at work.
    """

    progress: Mapping[str, Any]
    funds: tuple[Mapping[str, Any], ...]
    failures: tuple[Mapping[str, Any], ...]
    failures_total: int
    plans: tuple[Mapping[str, Any], ...]
    running: tuple[Mapping[str, Any], ...]
    control: Control


def read_status(database: Database) -> Status:
    """Read it all in one snapshot."""
    with database.snapshot() as connection:
        require_migrations(connection)

        def rows(query: str, **values: Any) -> tuple[Mapping[str, Any], ...]:
            return tuple(dict(row) for row in connection.exec_driver_sql(query, values).mappings())

        funds = rows("SELECT * FROM stage_migration_progress_by_fund")
        return Status(
            progress=rows("SELECT * FROM stage_migration_progress")[0],
            funds=tuple(sorted(funds, key=lambda fund: fund_order(fund["fund_id"]))),
            failures=rows(f"SELECT * FROM stage_migration_failures LIMIT {_FAILURES_SHOWN}"),  # noqa: S608 - a constant
            failures_total=rows("SELECT count(*) AS total FROM stage_migration_failures")[0]["total"],
            plans=rows(statement("status_plans")),
            running=rows(statement("status_running"), lock_class=BATCH_LOCK_CLASS),
            control=read_control(connection),
        )
