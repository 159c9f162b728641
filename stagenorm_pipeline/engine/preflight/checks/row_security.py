"""Check that row-level security hides no row of the target from this role.

A hidden row would be neither planned nor changed, and verification, which reads as the same role, would not miss it.
So every command that reads a target refuses such a role (see `targets/visibility`).
"""

from collections.abc import Iterator

import sqlalchemy as sa

from stagenorm_pipeline.engine.preflight.finding import PreflightCheck, PreflightFinding, PreflightLevel
from stagenorm_pipeline.engine.targets.target import Target
from stagenorm_pipeline.engine.targets.visibility import read_row_security


def check(connection: sa.Connection, target: Target) -> Iterator[PreflightFinding]:
    found = read_row_security(connection, target)
    if found is not None and not found.allows_every_row:
        yield PreflightFinding(
            check=PreflightCheck.ROW_SECURITY,
            level=PreflightLevel.ERROR,
            target=target.name,
            message=f"Row-level security applies to the role {found.role}, with {found.policies_text}. Plan, "
            "verification and rollback need a role that sees every row. Rows that the role may not change are refused.",
            remedy="Let the role see and change every row, or run as the table's owner:\n" + "\n".join(found.fixes),
        )
