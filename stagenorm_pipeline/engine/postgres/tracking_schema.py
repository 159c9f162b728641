"""Add the schema to the names of stagenorm's own tables in every statement.

The SQL files name these tables without a schema. `[tracking] schema` in stagenorm.toml names the schema to add. Without
that setting, the names stay as they are if the search path finds the tables; else (`search_path = ''`) they get
`public`. stagenorm never sets the search path: users' triggers would see it.

Only table names in the text of a statement change. Bound values, names in double quotes, names that have a schema, and
columns (`stage_migration_batches.status`) stay. Of single-quoted texts only those that `to_regclass` or `::regclass`
reads change.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import sqlalchemy as sa
from psycopg import sql

_OWN = r"(?:stage_migration_\w+|stage_normalization_log|stage_verifications)\b"
_PARTS = re.compile(
    rf"""
      --[^\n]* | /\*.*?\*/                                                # comments
    | "(?:[^"]|"")*"                                                      # quoted identifiers
    | \$(?P<tag>\w*)\$.*?\$(?P=tag)\$                                     # dollar-quoted texts
    | \bto_regclass\(\s*'(?P<looked_up>{_OWN})'\s*\)
    | '(?P<cast>{_OWN})'\s*::\s*regclass\b
    | \b[eE]'(?:[^'\\]|''|\\.)*' | '(?:[^']|'')*'                         # texts
    | %\(\w+\)s                                                           # bound values
    | (?<![\w.$])(?P<name>{_OWN})(?!\s*\.)
    """,
    re.VERBOSE | re.DOTALL,
)
_DEFAULT = "public"
_OPTION = "tracking_schema"
# Sent once per process. `to_regclass` would fail for a schema that the role may not use.
_FIND = """
SELECT CASE WHEN to_regclass('stage_migration_plans') IS NOT NULL THEN ''
            WHEN EXISTS (SELECT 1 FROM pg_class WHERE relname = 'stage_migration_plans'
                         AND relnamespace = to_regnamespace('public')) THEN 'public' END
"""


class TrackingSchema:
    """The schema of stagenorm's tables in one database. Looked up at first use if the user did not name it."""

    def __init__(self, named: str | None) -> None:
        self.named = named
        # Empty: the search path finds the tables, so their names stay as they are.
        self._found = named

    def install(self, engine: sa.Engine) -> sa.Engine:
        """Make the engine add the schema to every statement. Returns the engine."""
        sa.event.listen(engine, "before_cursor_execute", self._add_schema, retval=True)
        engine.update_execution_options(**{_OPTION: self})
        return engine

    def prefix(self, driver: Any) -> str:
        """Return what to put before a table's name: a quoted schema and a dot, or nothing."""
        if self._found is None:
            row = driver.execute(_FIND).fetchone()
            # Before `init-db` there are no tables: look again next time.
            self._found = row[0] if row else None
        return f"{sql.Identifier(self._found).as_string(None)}." if self._found else ""

    def _add_schema(
        self, connection: sa.Connection, cursor: Any, statement: str, parameters: Any, *_: Any
    ) -> tuple[str, Any]:
        if "stage_" not in statement or connection.get_execution_options().get(_OPTION) is not self:
            return statement, parameters
        return qualified(statement, self.prefix(cursor.connection)), parameters


@lru_cache(maxsize=1_024)
def qualified(statement: str, prefix: str) -> str:
    """Return the statement with `prefix` before each name of our tables."""
    if not prefix:
        return statement
    # psycopg reads a percent sign as a placeholder.
    prefix = prefix.replace("%", "%%")
    literal = prefix.replace("'", "''")

    def with_schema(found: re.Match[str]) -> str:
        if found["looked_up"]:
            return f"to_regclass('{literal}{found['looked_up']}')"
        if found["cast"]:
            return f"'{literal}{found['cast']}'::regclass"
        return prefix + found["name"] if found["name"] else found[0]

    return _PARTS.sub(with_schema, statement)


def own_prefix(connection: sa.Connection) -> str:
    """Return what to put before the name of one of our tables in a bound value."""
    schema = connection.get_execution_options().get(_OPTION)
    if not isinstance(schema, TrackingSchema):
        return ""
    return schema.prefix(connection.connection.driver_connection)


def unqualified(connection: sa.Connection) -> sa.Connection:
    """Return the connection without the added schema, for scripts that set a search path."""
    return connection.execution_options(**{_OPTION: None})


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstOfSearchPath:
    """The schema that PostgreSQL chooses for a name without one."""


def schema_for_new_tables(connection: sa.Connection) -> str | FirstOfSearchPath:
    """Return the schema in which `init-db` creates our tables."""
    schema = connection.get_execution_options().get(_OPTION)
    if isinstance(schema, TrackingSchema) and schema.named is not None:
        return schema.named
    found = own_prefix(connection)
    has_path = connection.exec_driver_sql("SELECT current_schema() IS NOT NULL").scalar_one()
    return FirstOfSearchPath() if has_path and not found else _DEFAULT
