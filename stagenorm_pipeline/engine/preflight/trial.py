"""Trying a statement in a savepoint: the surest way to learn what PostgreSQL says to it.

The transaction around it is READ ONLY, so that a trial changes nothing, whatever it runs into.
"""

from collections.abc import Mapping
from typing import Any

import psycopg
import sqlalchemy as sa
from psycopg import sql
from sqlalchemy.exc import DBAPIError

from stagenorm_pipeline.engine.postgres.connection import psycopg_error


def attempt(
    connection: sa.Connection, query: str, values: Mapping[str, Any] | None = None
) -> list[Any] | psycopg.Error:
    """The rows of `query`, or the database's refusal. A lost connection is raised."""
    try:
        with connection.begin_nested():
            return list(connection.exec_driver_sql(query, dict(values or {})))
    except DBAPIError as error:
        refusal = psycopg_error(error)
        # A terminated backend sends a SQLSTATE too.
        if refusal is None or refusal.sqlstate is None or error.connection_invalidated:
            raise
        return refusal


def verbatim(text: str) -> sql.SQL:
    """A type or an expression as PostgreSQL wrote it itself, with the percent signs that the driver would read."""
    return sql.SQL(text.replace("%", "%%"))
