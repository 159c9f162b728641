"""Check that PostgreSQL accepts an update of the stage at all, before it looks at any row.

EXPLAIN prepares the statement without running it. So PostgreSQL itself reports what would refuse it: a published table
without a usable replica identity (with all rules of row filters and column lists), a rewrite rule, and whatever a later
version adds.
"""

from collections.abc import Iterator

import psycopg
import sqlalchemy as sa
from psycopg import sql

from stagenorm_pipeline.engine.postgres.connection import first_line
from stagenorm_pipeline.engine.postgres.sql_files import statement
from stagenorm_pipeline.engine.preflight.finding import PreflightCheck, PreflightFinding, PreflightLevel
from stagenorm_pipeline.engine.preflight.trial import attempt
from stagenorm_pipeline.engine.targets.target import Target

_REMEDIES = {
    # object_not_in_prerequisite_state
    "55000": "Give the table a replica identity that its publication can use, for example its primary key:\n"
    "ALTER TABLE {table} REPLICA IDENTITY DEFAULT;",
    # invalid_column_reference
    "42P10": "The row filter or column list of its publication needs columns that its replica identity does not have. "
    "If the primary key has them:\nALTER TABLE {table} REPLICA IDENTITY DEFAULT;",
    # feature_not_supported
    "0A000": "Remove the rewrite rule (`\\d {table}` in psql shows it): an audited update cannot be rewritten.",
    "55P03": "Find who holds the lock, and wait for it or end it:\n"
    "SELECT pid, mode, granted FROM pg_locks WHERE relation = {literal}::regclass;",
}


def check(connection: sa.Connection, target: Target) -> Iterator[PreflightFinding]:
    parts = target.sql_parts()
    refusal = attempt(
        connection, statement("preflight/update_accepted", table=parts["table"], stage_column=parts["stage_column"])
    )
    # `target_privileges` reports missing privileges, and what to grant.
    if not isinstance(refusal, psycopg.Error) or isinstance(refusal, psycopg.errors.InsufficientPrivilege):
        return
    table = sql.Identifier(target.schema, target.table).as_string(None)
    detail = ". ".join(part for part in (first_line(refusal), refusal.diag.message_detail) if part)
    what = "is locked by another session" if refusal.sqlstate == "55P03" else "cannot be updated"
    remedy = _REMEDIES.get(refusal.sqlstate or "", "Fix what PostgreSQL names. Until then {table} cannot be a target.")
    yield PreflightFinding(
        check=PreflightCheck.UPDATE_ACCEPTED,
        level=PreflightLevel.ERROR,
        target=target.name,
        message=f"The table {what}; PostgreSQL says: {detail}",
        remedy=remedy.format(table=table, literal=sql.Literal(table).as_string(None)),
    )
