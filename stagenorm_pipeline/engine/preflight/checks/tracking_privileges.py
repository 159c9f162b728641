"""Check that this role may read and write stagenorm's own tables."""

from collections.abc import Iterator

import sqlalchemy as sa

from stagenorm_pipeline.engine.postgres.sql_files import statement
from stagenorm_pipeline.engine.postgres.tracking_schema import own_prefix
from stagenorm_pipeline.engine.preflight.finding import PreflightCheck, PreflightFinding, PreflightLevel


def check(connection: sa.Connection) -> Iterator[PreflightFinding]:
    values = {"prefix": own_prefix(connection)}
    for row in connection.exec_driver_sql(statement("preflight/tracking_privileges"), values):
        yield PreflightFinding(
            check=PreflightCheck.TRACKING_PRIVILEGES,
            level=PreflightLevel.ERROR,
            target=None,
            message=f"The role {row.role_name} lacks {row.privileges} on {row.table_name}.",
            remedy=f"Apply sql/roles.sql, or as the table's owner:\n{row.fix}",
        )
