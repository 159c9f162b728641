"""Check for prepared transactions that were never committed or rolled back."""

from collections.abc import Iterator

import sqlalchemy as sa

from stagenorm_pipeline.engine.postgres.sql_files import statement
from stagenorm_pipeline.engine.preflight.finding import PreflightCheck, PreflightFinding, PreflightLevel

# A two-phase commit takes moments. A prepared transaction that is minutes old was forgotten.
_LONG_S = 600


def check(connection: sa.Connection, *, older_than_s: int = _LONG_S) -> Iterator[PreflightFinding]:
    """Report transactions that were prepared more than `older_than_s` seconds ago."""
    for row in connection.exec_driver_sql(statement("preflight/prepared_transactions"), {"older_than_s": older_than_s}):
        yield PreflightFinding(
            check=PreflightCheck.PREPARED_TRANSACTIONS,
            level=PreflightLevel.WARNING,
            target=None,
            message=f"The prepared transaction {row.gid!r} of {row.owner} has been open for {row.seconds:,} s. It "
            "holds row locks, for which batches would wait in vain, and keeps vacuum from removing old row versions.",
            remedy=f"Ask its owner whether to commit it. If it was forgotten:\n{row.fix}",
        )
