"""Try a statement in a savepoint, to learn whether PostgreSQL accepts it.

The transaction around it is READ ONLY, so a trial cannot change anything.
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
    """Return the rows of `query`, or the error with which the database refuses it. Raises if the connection is lost."""
    try:
        with connection.begin_nested():
            return list(connection.exec_driver_sql(query, dict(values or {})))
    except DBAPIError as error:
        refusal = psycopg_error(error)
        # `connection_invalidated` too: a terminated backend also sends a SQLSTATE.
        if refusal is None or refusal.sqlstate is None or error.connection_invalidated:
            raise
        return refusal


def verbatim(text: str) -> sql.SQL:
    """Return a type or expression that PostgreSQL wrote, with its percent signs doubled for the driver."""
    return sql.SQL(text.replace("%", "%%"))
