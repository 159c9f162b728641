"""Which constraints may put off their verdict on an update of the stage?"""

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
            message=f"The {row.kind} {row.constraint_name} is deferrable. Each batch makes it speak before its "
            "commit, so that "
            "a row it refuses is set aside by itself: earlier than in the application's own transactions.",
            remedy="Nothing needs to be done, unless it counts on more changes following in the same transaction.",
        )
