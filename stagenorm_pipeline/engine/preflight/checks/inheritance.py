"""Check whether the target has inheritance children: its primary key does not cover their rows."""

from collections.abc import Iterator

import psycopg
import sqlalchemy as sa

from stagenorm_pipeline.engine.postgres.sql_files import statement
from stagenorm_pipeline.engine.preflight.finding import PreflightCheck, PreflightFinding, PreflightLevel
from stagenorm_pipeline.engine.preflight.trial import attempt
from stagenorm_pipeline.engine.targets.target import Target


def check(connection: sa.Connection, target: Target) -> Iterator[PreflightFinding]:
    children = connection.exec_driver_sql(statement("preflight/inheritance_children"), target.identity()).all()
    names = ", ".join(child.relation for child in children)
    foreign = ", ".join(child.relation for child in children if child.is_foreign)
    if foreign:
        yield _finding(
            target,
            PreflightLevel.ERROR,
            f"Rows of the target are on another server (foreign table {foreign}), so a change and its audit row would "
            "not be one transaction.",
            f"Take it out of the inheritance (ALTER FOREIGN TABLE {foreign} NO INHERIT ...), and run stagenorm on the "
            "other server for its rows.",
        )
    elif children:
        repeated = _repeated_key(connection, target)
        if repeated is not None:
            yield _finding(
                target,
                PreflightLevel.ERROR,
                f"The key {repeated} occurs more than once in the target and its inheritance children ({names}). An "
                "audit entry could not say which row it means.",
                "Make the keys unique over parent and children first.",
            )
        else:
            yield _finding(
                target,
                PreflightLevel.WARNING,
                f"The rows of {names} (inheritance) belong to the target too, but its primary key does not cover them: "
                "a key could occur twice, and an audit entry could not say which row it means.",
                "Make sure that parent and children take their keys from one sequence.",
            )


def _repeated_key(connection: sa.Connection, target: Target) -> str | None:
    """Return a key that occurs more than once. None if none does, or if this role may not read the rows."""
    parts = target.sql_parts()
    found = attempt(connection, statement("preflight/repeated_key", key=parts["key"], table=parts["table"]))
    return None if isinstance(found, psycopg.Error) or not found else str(found[0].row_id)


def _finding(target: Target, level: PreflightLevel, message: str, remedy: str) -> PreflightFinding:
    return PreflightFinding(
        check=PreflightCheck.INHERITANCE, level=level, target=target.name, message=message, remedy=remedy
    )
