"""The plan that was worked to its end last, and what came of it. Reads only."""

from dataclasses import astuple, dataclass

from stagenorm_pipeline.engine.postgres.connection import Database
from stagenorm_pipeline.engine.postgres.migrations import require_migrations
from stagenorm_pipeline.engine.postgres.sql_files import statement


@dataclass(frozen=True, slots=True, kw_only=True)
class FinishedPlan:
    """A plan of which no batch is pending or at work any more. `batches_failed` of them may be tried again."""

    plan_id: int
    batches_completed: int
    batches_failed: int
    rows_updated: int
    rows_skipped: int
    rows_failed: int

    @property
    def outcome(self) -> str:
        """The same for the same plan with the same result; a retry that mends something makes it another one."""
        return "-".join(map(str, astuple(self)))


def read_finished_plan(database: Database) -> FinishedPlan | None:
    """That plan. None while any open plan has a batch pending or at work, and when none was ever applied."""
    with database.snapshot() as connection:
        require_migrations(connection)
        row = connection.exec_driver_sql(statement("monitor/finished_plan")).one_or_none()
    return None if row is None else FinishedPlan(**row._mapping)
