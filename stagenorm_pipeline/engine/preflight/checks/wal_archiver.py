"""Check that the archiver works: the server keeps all WAL that is not archived."""

from collections.abc import Iterator

import sqlalchemy as sa

from stagenorm_pipeline.engine.postgres.sql_files import statement
from stagenorm_pipeline.engine.preflight.finding import PreflightCheck, PreflightFinding, PreflightLevel


def check(connection: sa.Connection) -> Iterator[PreflightFinding]:
    for row in connection.exec_driver_sql(statement("preflight/wal_archiver")):
        yield PreflightFinding(
            check=PreflightCheck.WAL_ARCHIVER,
            level=PreflightLevel.WARNING,
            target=None,
            message=f"The archiver fails: its last attempt, for {row.wal}, did not succeed, and nothing was archived "
            f"for {row.seconds:,} s. The server keeps the WAL of the run until it is archived, and a point-in-time "
            "recovery cannot reach the run.",
            remedy="Read the server's log for the error of archive_command or archive_library, and fix it before the "
            "run.",
        )
