"""Check that this role may read the target's key, stage and fund, and update its stage."""

from collections.abc import Iterator

import sqlalchemy as sa

from stagenorm_pipeline.engine.postgres.sql_files import statement
from stagenorm_pipeline.engine.preflight.finding import PreflightCheck, PreflightFinding, PreflightLevel
from stagenorm_pipeline.engine.targets.target import Target


def check(connection: sa.Connection, target: Target) -> Iterator[PreflightFinding]:
    values = {**target.identity(), "key_column": target.key_column, "fund_column": target.fund_column}
    for row in connection.exec_driver_sql(statement("preflight/target_privileges"), values):
        yield PreflightFinding(
            check=PreflightCheck.TARGET_PRIVILEGES,
            level=PreflightLevel.ERROR,
            target=target.name,
            message=f"The role {row.role_name} lacks {row.privilege} on ({row.columns}).",
            remedy=f"As the table's owner:\n{row.fix}",
        )
