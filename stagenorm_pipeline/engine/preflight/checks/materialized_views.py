"""List the materialized views that keep the old spellings until they are refreshed."""

from collections.abc import Iterator

import sqlalchemy as sa

from stagenorm_pipeline.engine.postgres.sql_files import statement
from stagenorm_pipeline.engine.preflight.finding import PreflightCheck, PreflightFinding, PreflightLevel
from stagenorm_pipeline.engine.targets.target import Target


def check(connection: sa.Connection, target: Target) -> Iterator[PreflightFinding]:
    views = connection.exec_driver_sql(statement("preflight/materialized_views"), target.identity()).scalars().all()
    if views:
        yield PreflightFinding(
            check=PreflightCheck.MATERIALIZED_VIEWS,
            level=PreflightLevel.INFO,
            target=target.name,
            message=f"Materialized views with the stage keep the old spellings after the run: {', '.join(views)}.",
            remedy="Refresh them after the run, and after a rollback:\n"
            + "\n".join(f"REFRESH MATERIALIZED VIEW {view};" for view in views),
        )
