"""Check that the stage column can hold every canonical stage."""

from collections.abc import Iterator
from dataclasses import dataclass

import psycopg
import sqlalchemy as sa
from psycopg import sql

from stagenorm_pipeline.engine.postgres.connection import first_line
from stagenorm_pipeline.engine.postgres.sql_files import statement
from stagenorm_pipeline.engine.preflight.finding import PreflightCheck, PreflightFinding, PreflightLevel
from stagenorm_pipeline.engine.preflight.trial import attempt, verbatim
from stagenorm_pipeline.engine.targets.target import Target
from stagenorm_pipeline.vocabulary import Stage


@dataclass(frozen=True, slots=True, kw_only=True)
class StageColumn:
    """The stage column as it is in the catalog. Types and names are quoted for SQL."""

    type_name: str
    base_type: str
    base_type_name: str
    is_domain: bool
    is_enum: bool
    is_text_like: bool
    is_generated: bool
    collation_name: str | None
    table_name: str
    column_name: str

    def refusal_of(self, connection: sa.Connection, stage: str) -> str | None:
        """Return why this type cannot hold the stage; None if it can."""
        # Compare the result, because an explicit cast to varchar(n) cuts the value without an error.
        query = sql.SQL("SELECT %(stage)s::text::{}::text").format(verbatim(self.type_name)).as_string(None)
        stored = attempt(connection, query, {"stage": stage})
        if isinstance(stored, psycopg.Error):
            return first_line(stored)
        return None if stored[0][0] == stage else f"it would be cut to {stored[0][0]!r}"


def read_stage_column(connection: sa.Connection, target: Target) -> StageColumn:
    return StageColumn(
        **connection.exec_driver_sql(statement("preflight/stage_column"), target.identity()).one()._mapping
    )


def check(connection: sa.Connection, target: Target, stages: tuple[Stage, ...]) -> Iterator[PreflightFinding]:
    column = read_stage_column(connection, target)
    if target.column == target.key_column:
        yield _finding(
            target,
            "The stage column is the table's primary key. Changing it would change the identity of the row.",
            "Name another column in stagenorm.toml. A primary key cannot be a target.",
        )
    elif column.is_generated:
        yield _finding(
            target,
            "The stage is a generated column: PostgreSQL computes it, and nobody can write it.",
            "Name the column that it is computed from in stagenorm.toml.",
        )
    elif not column.is_text_like:
        yield _finding(
            target,
            f"The stage is of type {column.type_name}, which is neither text nor an enum.",
            "Name a column of type text, varchar, char, citext or an enum, or a domain over one of them.",
        )
    else:
        yield from _too_narrow(connection, target, column, stages)


def _too_narrow(
    connection: sa.Connection, target: Target, column: StageColumn, stages: tuple[Stage, ...]
) -> Iterator[PreflightFinding]:
    refusals = {stage: column.refusal_of(connection, str(stage)) for stage in stages}
    refused = {stage: said for stage, said in refusals.items() if said is not None}
    if refused:
        yield _finding(
            target,
            f"The type {column.type_name} cannot hold {', '.join(refused)}: {next(iter(refused.values()))}.",
            _remedy(column, list(refused), longest=max(map(len, stages))),
        )


def _remedy(column: StageColumn, refused: list[Stage], *, longest: int) -> str:
    if column.is_enum:
        return "Add the labels:\n" + "\n".join(f"ALTER TYPE {column.base_type} ADD VALUE '{s}';" for s in refused)
    if column.is_domain:
        return f"Let the domain allow them: widen its type or its CHECK (ALTER DOMAIN {column.type_name} ...)."
    return (
        f"Widen the column to {longest} characters. For varchar this does not rewrite the table:\n"
        f"ALTER TABLE {column.table_name} ALTER COLUMN {column.column_name} TYPE varchar({longest});"
    )


def _finding(target: Target, message: str, remedy: str) -> PreflightFinding:
    return PreflightFinding(
        check=PreflightCheck.STAGE_COLUMN,
        level=PreflightLevel.ERROR,
        target=target.name,
        message=message,
        remedy=remedy,
    )
