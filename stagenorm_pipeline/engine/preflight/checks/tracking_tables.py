"""Check that stagenorm's own tables exist and that this role finds them."""

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa

from stagenorm_pipeline.engine.postgres.migrations import require_migrations
from stagenorm_pipeline.engine.postgres.sql_files import statement
from stagenorm_pipeline.engine.preflight.finding import PreflightCheck, PreflightFinding, PreflightLevel
from stagenorm_pipeline.errors import MissingMigrationError


def check(connection: sa.Connection) -> Iterator[PreflightFinding]:
    try:
        require_migrations(connection)
    except MissingMigrationError as error:
        elsewhere = connection.exec_driver_sql(statement("preflight/tracking_tables")).all()
        if not elsewhere:
            yield _finding(error.message, error.remedy or "")
        for row in elsewhere:
            yield _not_found(row)


def _not_found(row: Any) -> PreflightFinding:
    where = f"The tracking tables are in schema {row.schema_name}, "
    if not row.may_use:
        return _finding(
            f"{where}which the role {row.role_name} may not use.",
            f"Apply sql/roles.sql, or:\nGRANT USAGE ON SCHEMA {row.quoted_schema} TO {row.role_name};",
        )
    return _finding(
        f"{where}which is not on the search path of the role {row.role_name}.",
        f"Name the schema in stagenorm.toml ([tracking] schema), or put it on the search path:\n"
        f"ALTER ROLE {row.role_name} SET search_path = {row.quoted_schema}, public;",
    )


def _finding(message: str, remedy: str) -> PreflightFinding:
    return PreflightFinding(
        check=PreflightCheck.TRACKING_TABLES, level=PreflightLevel.ERROR, target=None, message=message, remedy=remedy
    )
