"""Check that the table that the stage column refers to has every canonical stage."""

from collections.abc import Iterator
from typing import Any

import psycopg
import sqlalchemy as sa
from psycopg import sql

from stagenorm_pipeline.engine.postgres.sql_files import identifier, statement
from stagenorm_pipeline.engine.preflight.finding import PreflightCheck, PreflightFinding, PreflightLevel
from stagenorm_pipeline.engine.preflight.trial import attempt, verbatim
from stagenorm_pipeline.engine.targets.target import Target
from stagenorm_pipeline.vocabulary import Stage


def check(connection: sa.Connection, target: Target, stages: tuple[Stage, ...]) -> Iterator[PreflightFinding]:
    for row in connection.exec_driver_sql(statement("preflight/foreign_keys"), target.identity()):
        if not row.is_about_stage_alone:
            yield _finding(
                target,
                PreflightLevel.INFO,
                f"The foreign key {row.constraint_name} to {row.list_name} tests the stage together with other "
                "columns. Preflight cannot tell whether it allows every row.",
                "Run the rehearsal (`stagenorm run --rehearse`), which tries the real rows. In a run, refused rows go "
                "to quarantine and all others are changed.",
            )
        elif not row.is_readable:
            yield _finding(
                target,
                PreflightLevel.WARNING,
                f"The stage refers to {row.list_name} (foreign key {row.constraint_name}), which this role may not "
                "read. Updates to a stage that is missing there are refused.",
                f"Check that {', '.join(stages)} are in it, or let this role read it:\n{row.fix}",
            )
        elif missing := _missing(connection, row, stages):
            values = ", ".join(f"('{stage}')" for stage in missing)
            yield _finding(
                target,
                PreflightLevel.ERROR,
                f"{row.list_name}, which the stage refers to (foreign key {row.constraint_name}), has no "
                f"{', '.join(missing)}: updates to them are refused.",
                "Add them, with values for its other columns if they need any:\n"
                f"INSERT INTO {row.list_name} ({row.quoted_column}) VALUES {values};",
            )


def _missing(connection: sa.Connection, row: Any, stages: tuple[Stage, ...]) -> list[str]:
    query = (
        sql.SQL("SELECT EXISTS (SELECT 1 FROM {} AS l WHERE l.{} = %(stage)s::text::{})")
        .format(identifier(row.list_schema, row.list_table), identifier(row.list_column), verbatim(row.list_type))
        .as_string(None)
    )
    answers = {stage: attempt(connection, query, {"stage": str(stage)}) for stage in stages}
    return [stage for stage, found in answers.items() if _is_missing(found)]


def _is_missing(found: list[Any] | psycopg.Error) -> bool:
    # A value that the list's type refuses is not in the list. Any other error says nothing about the list.
    return isinstance(found, psycopg.DataError) if isinstance(found, psycopg.Error) else not found[0][0]


def _finding(target: Target, level: PreflightLevel, message: str, remedy: str) -> PreflightFinding:
    return PreflightFinding(
        check=PreflightCheck.FOREIGN_KEYS, level=level, target=target.name, message=message, remedy=remedy
    )
