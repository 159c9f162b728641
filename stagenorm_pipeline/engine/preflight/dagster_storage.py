"""Is Dagster's own storage kept out of the application's database?"""

from collections.abc import Iterator

import sqlalchemy as sa

from stagenorm_pipeline.config.database_url import parse_database_url
from stagenorm_pipeline.engine.postgres.sql_files import statement
from stagenorm_pipeline.engine.preflight.finding import PreflightCheck, PreflightFinding, PreflightLevel

_REMEDY = (
    "Give Dagster a database of its own, on the same server if you like, and name it in STAGENORM_DAGSTER_URL:\n"
    "CREATE DATABASE dagster;"
)


def check(connection: sa.Connection, application: sa.URL, dagster_url: str | None) -> Iterator[PreflightFinding]:
    """`application` is the database to work on. Raises ConfigurationError when `dagster_url` is no PostgreSQL URL."""
    if dagster_url is not None and _place(parse_database_url(dagster_url)) == _place(application):
        yield PreflightFinding(
            check=PreflightCheck.DAGSTER_STORAGE,
            level=PreflightLevel.ERROR,
            target=None,
            message="Dagster's storage is set to the application's own database. Dagster creates and upgrades its "
            "tables by "
            "itself, in the table alembic_version that the application's migrations may use too.",
            remedy=_REMEDY,
        )
    for row in connection.exec_driver_sql(statement("preflight/dagster_tables")):
        yield PreflightFinding(
            check=PreflightCheck.DAGSTER_STORAGE,
            level=PreflightLevel.WARNING,
            target=None,
            message=f"Dagster's own tables (runs, event_logs) are in schema {row.schema_name} of this database: "
            "either this is "
            "Dagster's database and not the application's, or the two are mixed up.",
            remedy=_REMEDY,
        )


def _place(url: sa.URL) -> tuple[object, ...]:
    """Where a URL leads; two names of one host count as two."""
    host = url.query.get("host") or url.host
    return host, url.port or url.query.get("port") or 5432, url.database or url.username
