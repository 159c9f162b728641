"""Check that this role can see the lag of the replicas."""

from collections.abc import Iterator

import sqlalchemy as sa

from stagenorm_pipeline.engine.postgres.sql_files import statement
from stagenorm_pipeline.engine.preflight.finding import PreflightCheck, PreflightFinding, PreflightLevel


def check(connection: sa.Connection) -> Iterator[PreflightFinding]:
    row = connection.exec_driver_sql(statement("preflight/replica_lag")).one()
    if row.hidden:
        yield PreflightFinding(
            check=PreflightCheck.REPLICA_LAG,
            level=PreflightLevel.INFO,
            target=None,
            message=f"Connected replicas: {row.replicas}. This role may not see their lag.",
            remedy="Watch the lag by other means and sleep longer between batches (--sleep-ms 500), or let this role "
            "see it:\n"
            f"{row.fix}",
        )
