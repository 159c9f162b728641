"""Read the result of the plan that finished last, for the sensor that reports it. Reads only."""

from dataclasses import astuple, dataclass

from stagenorm_pipeline.engine.postgres.connection import Database
from stagenorm_pipeline.engine.postgres.migrations import require_migrations
from stagenorm_pipeline.engine.postgres.sql_files import statement


@dataclass(frozen=True, slots=True, kw_only=True)
class FinishedPlan:
    """A plan without pending or running batches. `batches_failed` of its batches can be retried."""

    plan_id: int
    batches_completed: int
    batches_failed: int
    rows_updated: int
    rows_skipped: int
    rows_failed: int

    @property
    def outcome(self) -> str:
        """A key that is equal for the same plan with the same result. A retry that succeeds changes it."""
        return "-".join(map(str, astuple(self)))


def read_finished_plan(database: Database) -> FinishedPlan | None:
    """Read the plan that finished last. None while any open plan has a pending or running batch, or before any run."""
    with database.snapshot() as connection:
        require_migrations(connection)
        row = connection.exec_driver_sql(statement("monitor/finished_plan")).one_or_none()
    return None if row is None else FinishedPlan(**row._mapping)
