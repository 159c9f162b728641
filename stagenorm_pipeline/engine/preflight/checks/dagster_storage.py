"""Check that Dagster's own storage is not in the application's database."""

from collections.abc import Iterator

import sqlalchemy as sa

from stagenorm_pipeline.config.database_url import parse_database_url
from stagenorm_pipeline.engine.postgres.sql_files import statement
from stagenorm_pipeline.engine.preflight.finding import PreflightCheck, PreflightFinding, PreflightLevel

_REMEDY = (
    "Give Dagster its own database (it may be on the same server) and name it in STAGENORM_DAGSTER_URL:\n"
    "CREATE DATABASE dagster;"
)


def check(connection: sa.Connection, application: sa.URL, dagster_url: str | None) -> Iterator[PreflightFinding]:
    """Check; `application` is the database of the targets. Raises ConfigurationError for a bad `dagster_url`."""
    if dagster_url is not None and _place(parse_database_url(dagster_url)) == _place(application):
        yield PreflightFinding(
            check=PreflightCheck.DAGSTER_STORAGE,
            level=PreflightLevel.ERROR,
            target=None,
            message="Dagster's storage is set to the application's own database. Dagster creates and upgrades its own "
            "tables there, and records that in the table alembic_version, which the application may use too.",
            remedy=_REMEDY,
        )
    for row in connection.exec_driver_sql(statement("preflight/dagster_storage")):
        yield PreflightFinding(
            check=PreflightCheck.DAGSTER_STORAGE,
            level=PreflightLevel.WARNING,
            target=None,
            message=f"Dagster's own tables (runs, event_logs) are in schema {row.schema_name} of this database. Either "
            "DATABASE_URL names Dagster's database, or Dagster uses the application's database.",
            remedy=_REMEDY,
        )


def _place(url: sa.URL) -> tuple[object, ...]:
    """Return host, port and database of a URL. Two names of one host count as two hosts."""
    host = url.query.get("host") or url.host
    return host, url.port or url.query.get("port") or 5432, url.database or url.username
