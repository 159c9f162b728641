"""Check whether two rows could violate a unique index because they get the same stage."""

from collections.abc import Iterator

import sqlalchemy as sa

from stagenorm_pipeline.engine.postgres.sql_files import statement
from stagenorm_pipeline.engine.preflight.finding import PreflightCheck, PreflightFinding, PreflightLevel
from stagenorm_pipeline.engine.targets.target import Target


def check(connection: sa.Connection, target: Target) -> Iterator[PreflightFinding]:
    for row in connection.exec_driver_sql(statement("preflight/unique_indexes"), target.identity()):
        yield PreflightFinding(
            check=PreflightCheck.UNIQUE_INDEXES,
            level=PreflightLevel.INFO,
            target=target.name,
            message=f"The stage is part of what {row.index_name} keeps unique ({row.definition}). Two rows that differ "
            "only in the spelling of their stage cannot both become canonical: the second one goes to quarantine.",
            remedy="Run the rehearsal (`stagenorm run --rehearse`) to see whether there are such rows.",
        )
