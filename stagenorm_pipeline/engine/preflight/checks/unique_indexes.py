"""Could two rows collide because they get the same stage?"""

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
            message=f"The stage has a part in what {row.index_name} keeps unique ({row.definition}): two rows that "
            "differ only "
            "in the spelling of their stage cannot both become canonical. The second one is refused and set aside.",
            remedy="Run the rehearsal (--rehearse) to see whether there are such rows.",
        )
