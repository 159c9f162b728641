"""Check that the table's CHECK constraints allow every canonical stage."""

from collections.abc import Iterator
from typing import Any

import psycopg
import sqlalchemy as sa
from psycopg import sql

from stagenorm_pipeline.engine.postgres.sql_files import identifier, statement
from stagenorm_pipeline.engine.preflight.checks.stage_column import StageColumn, read_stage_column
from stagenorm_pipeline.engine.preflight.finding import PreflightCheck, PreflightFinding, PreflightLevel
from stagenorm_pipeline.engine.preflight.trial import attempt, verbatim
from stagenorm_pipeline.engine.targets.target import Target
from stagenorm_pipeline.vocabulary import Stage


def check(connection: sa.Connection, target: Target, stages: tuple[Stage, ...]) -> Iterator[PreflightFinding]:
    constraints = connection.exec_driver_sql(statement("preflight/check_constraints"), target.identity()).all()
    column = read_stage_column(connection, target) if constraints else None
    for row in constraints:
        if column and row.is_about_stage_alone:
            yield from _refused_stages(connection, target, column, row, stages)
        elif row.is_about_stage:
            yield _finding(
                target,
                PreflightLevel.INFO,
                f"The CHECK constraint {row.constraint_name} tests the stage together with other columns. Preflight "
                "cannot tell whether it allows every row.",
                "Run the rehearsal (`stagenorm run --rehearse`), which tries the real rows. In a run, refused rows go "
                "to quarantine and all others are changed.",
            )
        if not row.is_validated:
            yield _finding(
                target,
                PreflightLevel.WARNING,
                f"The CHECK constraint {row.constraint_name} is NOT VALID. If a row violates it already, PostgreSQL "
                "will refuse to update the row's stage.",
                "Fix those rows, then validate the constraint:\n"
                f"ALTER TABLE {_table(target)} VALIDATE CONSTRAINT {row.quoted_name};",
            )


def _refused_stages(
    connection: sa.Connection, target: Target, column: StageColumn, row: Any, stages: tuple[Stage, ...]
) -> Iterator[PreflightFinding]:
    # Evaluate the constraint's own expression over one row that has only the stage.
    query = (
        sql.SQL("SELECT ({}) FROM (SELECT %(stage)s::text::{} AS {}) AS t")
        .format(
            verbatim(row.expression),
            verbatim(column.type_name),
            identifier(target.column),
        )
        .as_string(None)
    )
    refused = []
    for stage in stages:
        verdict = attempt(connection, query, {"stage": str(stage)})
        # `stage_column` reports what the type cannot hold.
        if isinstance(verdict, psycopg.Error):
            if column.refusal_of(connection, str(stage)) is None:
                refused.append(str(stage))
        elif verdict[0][0] is False:
            refused.append(str(stage))
    if refused:
        yield _finding(
            target,
            PreflightLevel.ERROR,
            f"The CHECK constraint {row.constraint_name} refuses {', '.join(refused)}.",
            "Until the run is done, replace it with one that allows the canonical stages and the old spellings:\n"
            f"ALTER TABLE {_table(target)} DROP CONSTRAINT {row.quoted_name};",
        )


def _table(target: Target) -> str:
    return sql.Identifier(target.schema, target.table).as_string(None)


def _finding(target: Target, level: PreflightLevel, message: str, remedy: str) -> PreflightFinding:
    return PreflightFinding(
        check=PreflightCheck.CHECK_CONSTRAINTS, level=level, target=target.name, message=message, remedy=remedy
    )
