"""List the deferrable constraints that an update of the stage can fire."""

from collections.abc import Iterator

import sqlalchemy as sa

from stagenorm_pipeline.engine.postgres.sql_files import statement
from stagenorm_pipeline.engine.preflight.finding import PreflightCheck, PreflightFinding, PreflightLevel
from stagenorm_pipeline.engine.targets.target import Target


def check(connection: sa.Connection, target: Target) -> Iterator[PreflightFinding]:
    for row in connection.exec_driver_sql(statement("preflight/deferrable_constraints"), target.identity()):
        yield PreflightFinding(
            check=PreflightCheck.DEFERRABLE_CONSTRAINTS,
            level=PreflightLevel.INFO,
            target=target.name,
            message=f"The {row.kind} {row.constraint_name} is deferrable. Each batch checks it before its commit, so "
            "that only the rows it refuses go to quarantine. That is earlier than in the application's transactions.",
            remedy="You do not need to do anything, unless the constraint relies on later changes in the same "
            "transaction.",
        )
