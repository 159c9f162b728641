"""Check for transactions that have been open for very long."""

from collections.abc import Iterator

import sqlalchemy as sa

from stagenorm_pipeline.engine.postgres.sql_files import statement
from stagenorm_pipeline.engine.preflight.finding import PreflightCheck, PreflightFinding, PreflightLevel

LONG_S = 3_600


def check(connection: sa.Connection, *, older_than_s: int = LONG_S) -> Iterator[PreflightFinding]:
    """Report transactions that have been open for more than `older_than_s` seconds."""
    for row in connection.exec_driver_sql(statement("preflight/open_transactions"), {"older_than_s": older_than_s}):
        yield PreflightFinding(
            check=PreflightCheck.OPEN_TRANSACTIONS,
            level=PreflightLevel.WARNING,
            target=None,
            message=f"Session {row.pid} of {row.role_name} has had a transaction open for {row.seconds:,} s "
            f"({row.state}). It keeps vacuum from removing the old row versions that the run leaves, so the tables "
            "grow. It may also hold locks on rows.",
            remedy=f"Ask its owner to end it, or end it yourself:\nSELECT pg_terminate_backend({row.pid});",
        )
    if not connection.exec_driver_sql("SELECT pg_has_role('pg_read_all_stats', 'USAGE')").scalar_one():
        yield PreflightFinding(
            check=PreflightCheck.OPEN_TRANSACTIONS,
            level=PreflightLevel.INFO,
            target=None,
            message="This role may not see how long other roles' transactions have been open.",
            remedy="Ask a role with pg_monitor to look at pg_stat_activity.xact_start, or grant pg_monitor to this "
            "role (optional in sql/roles.sql).",
        )
