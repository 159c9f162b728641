"""Choose the batches of a canary: a small part of the plan across its funds, applied and checked before the rest."""

from dataclasses import dataclass
from datetime import datetime

from stagenorm_pipeline.engine.apply.request import ApplyRequest
from stagenorm_pipeline.engine.plan.queue import waiting_work
from stagenorm_pipeline.engine.postgres.connection import Database
from stagenorm_pipeline.engine.postgres.migrations import require_migrations
from stagenorm_pipeline.engine.postgres.sql_files import statement


@dataclass(frozen=True, slots=True, kw_only=True)
class CanaryBatches:
    """Whole batches of recorded plans. `after_log_id`: the newest audit log entry before they are applied."""

    batch_ids: tuple[int, ...]
    plan_ids: tuple[int, ...]
    rows: int
    funds: int
    started_at: datetime
    after_log_id: int


def choose_canary(database: Database, request: ApplyRequest, rows: int) -> CanaryBatches:
    """Choose waiting batches of the request until they have `rows` rows. The plans stay as they are."""
    with database.transaction() as connection:
        require_migrations(connection)
        waiting, _ = waiting_work(connection, request.queue_scope(connection))
        found = connection.exec_driver_sql(
            statement("apply/canary_batches"), {"batch_ids": waiting, "rows": rows}
        ).one()
    return CanaryBatches(
        batch_ids=tuple(found.batch_ids),
        plan_ids=tuple(sorted(found.plan_ids)),
        rows=found.rows,
        funds=found.funds,
        started_at=found.started_at,
        after_log_id=found.after_log_id,
    )
