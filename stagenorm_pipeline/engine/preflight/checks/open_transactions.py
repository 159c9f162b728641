"""Has somebody had a transaction open for very long?"""

from collections.abc import Iterator

import sqlalchemy as sa

from stagenorm_pipeline.engine.postgres.sql_files import statement
from stagenorm_pipeline.engine.preflight.finding import PreflightCheck, PreflightFinding, PreflightLevel

_LONG_S = 3_600


def check(connection: sa.Connection, *, older_than_s: int = _LONG_S) -> Iterator[PreflightFinding]:
    """`older_than_s`: seconds beyond which an open transaction is worth a word."""
    for row in connection.exec_driver_sql(statement("preflight/open_transactions"), {"older_than_s": older_than_s}):
        yield PreflightFinding(
            check=PreflightCheck.OPEN_TRANSACTIONS,
            level=PreflightLevel.WARNING,
            target=None,
            message=f"Session {row.pid} of {row.role_name} has had a transaction open for {row.seconds} s "
            f"({row.state}). It "
            "keeps vacuum from clearing the row versions that the run leaves, so that the tables grow, and it may hold "
            "locks on rows.",
            remedy=f"Ask its owner to end it, or end it yourself:\nSELECT pg_terminate_backend({row.pid});",
        )
    if not connection.exec_driver_sql("SELECT pg_has_role('pg_read_all_stats', 'USAGE')").scalar_one():
        yield PreflightFinding(
            check=PreflightCheck.OPEN_TRANSACTIONS,
            level=PreflightLevel.INFO,
            target=None,
            message="This role may not see since when other roles' transactions have been open.",
            remedy="Have somebody who may look at pg_stat_activity.xact_start, or grant the optional pg_monitor of "
            "sql/roles.sql.",
        )
