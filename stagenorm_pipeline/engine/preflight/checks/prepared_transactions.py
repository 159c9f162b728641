"""Are there prepared transactions that nobody ended?"""

from collections.abc import Iterator

import sqlalchemy as sa

from stagenorm_pipeline.engine.postgres.sql_files import statement
from stagenorm_pipeline.engine.preflight.finding import PreflightCheck, PreflightFinding, PreflightLevel

# Two-phase commit takes moments; what is left after minutes was forgotten.
_LONG_S = 600


def check(connection: sa.Connection, *, older_than_s: int = _LONG_S) -> Iterator[PreflightFinding]:
    """`older_than_s`: seconds since PREPARE TRANSACTION beyond which one counts as forgotten."""
    for row in connection.exec_driver_sql(statement("preflight/prepared_transactions"), {"older_than_s": older_than_s}):
        yield PreflightFinding(
            check=PreflightCheck.PREPARED_TRANSACTIONS,
            level=PreflightLevel.WARNING,
            target=None,
            message=f"The prepared transaction {row.gid!r} of {row.owner} has been left open for {row.seconds} s. It "
            "keeps its "
            "row locks, on which batches would wait in vain, and keeps vacuum from clearing old row versions.",
            remedy=f"Ask its owner whether it is to be committed; if it was forgotten:\n{row.fix}",
        )
