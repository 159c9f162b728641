"""Check whether the database treats different spellings of the column as equal."""

from collections.abc import Iterator

import sqlalchemy as sa

from stagenorm_pipeline.engine.preflight.checks.stage_column import read_stage_column
from stagenorm_pipeline.engine.preflight.finding import PreflightCheck, PreflightFinding, PreflightLevel
from stagenorm_pipeline.engine.targets.target import Target


def check(connection: sa.Connection, target: Target) -> Iterator[PreflightFinding]:
    column = read_stage_column(connection, target)
    why = f"its collation {column.collation_name} is nondeterministic" if column.collation_name else None
    if column.base_type_name == "citext":
        why = "its type is citext"
    if why:
        yield PreflightFinding(
            check=PreflightCheck.COLLATION,
            level=PreflightLevel.INFO,
            target=target.name,
            message=f"The application treats some different spellings as equal: {why}. stagenorm compares bytes: Seed "
            "and seed are two spellings, and Seed is changed although the application may see no difference.",
            remedy="You do not need to do anything. To count by hand as stagenorm does, compare "
            f'{column.column_name}::text COLLATE "C".',
        )
