"""Does row-level security hide rows of the target from this role?

A hidden row would be neither planned nor changed, and verification, which reads as the same role, would not miss it.
"""

from collections.abc import Iterator

import sqlalchemy as sa

from stagenorm_pipeline.engine.preflight.finding import PreflightCheck, PreflightFinding, PreflightLevel
from stagenorm_pipeline.engine.statements import statement
from stagenorm_pipeline.engine.targets import Target


def check(connection: sa.Connection, target: Target) -> Iterator[PreflightFinding]:
    for row in connection.exec_driver_sql(statement("preflight_row_security"), target.identity()):
        if row.hides_nothing:
            continue
        policies = f"the policies {', '.join(row.policies)}" if row.policies else "no policy that lets it see a row"
        ways = [row.mend_role] if row.is_restricted else [row.mend_policy, f"-- or, as a superuser: {row.mend_role}"]
        yield PreflightFinding(
            PreflightCheck.ROW_SECURITY,
            PreflightLevel.ERROR,
            target.name,
            f"Row-level security applies to the role {row.role_name}, with {policies}: rows that it hides would be "
            "left out of plan, counts and verification without a word.",
            "Let the role see and change every row, or run as the table's owner:\n" + "\n".join(ways),
        )
