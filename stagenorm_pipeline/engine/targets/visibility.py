"""Make sure that this role sees every row of a target, because row-level security hides rows without an error.

All code that reads a target calls `visible_targets` or `require_all_rows_visible` first.
`SET row_security = off` is not used: it also refuses roles whose policy is `USING (true)`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from psycopg import sql

from stagenorm_pipeline.config.settings import TargetSetting
from stagenorm_pipeline.engine.postgres.sql_files import statement
from stagenorm_pipeline.engine.targets.target import Target, resolve_targets
from stagenorm_pipeline.errors import RefusedError


@dataclass(frozen=True, slots=True, kw_only=True)
class RowSecurity:
    """Row-level security that applies to this role on a target. Names are quoted for SQL.

    `shows_every_row`: reading hides nothing. `allows_every_row`: nor does an update hide or refuse any row.
    `fixes`: SQL that lets the role see and change every row.
    """

    role: str
    policies: tuple[str, ...]
    shows_every_row: bool
    allows_every_row: bool
    fixes: tuple[str, ...]

    @property
    def policies_text(self) -> str:
        return f"the policies {', '.join(self.policies)}" if self.policies else "no policy that lets it see a row"


def read_row_security(connection: sa.Connection, target: Target) -> RowSecurity | None:
    """Read from the catalog what row-level security does to this role; None where it is off for the role."""
    row = connection.exec_driver_sql(statement("targets/row_security"), target.identity()).one_or_none()
    if row is None:
        return None
    bypass = row.fix_role if row.is_restricted else f"-- or, as a superuser: {row.fix_role}"
    return RowSecurity(
        role=row.role_name,
        policies=tuple(row.policies),
        shows_every_row=row.shows_every_row,
        allows_every_row=row.hides_nothing,
        fixes=(bypass,) if row.is_restricted else (row.fix_policy, bypass),
    )


def visible_targets(connection: sa.Connection, settings: tuple[TargetSetting, ...]) -> tuple[Target, ...]:
    """Resolve the targets and make sure that this role sees every row of each.

    Raises TargetError as `resolve_targets` does, and RefusedError as `require_all_rows_visible` does.
    """
    targets = resolve_targets(connection, settings)
    require_all_rows_visible(connection, targets)
    return targets


def require_all_rows_visible(connection: sa.Connection, targets: tuple[Target, ...]) -> None:
    """Lock each target against changes of its policies, until the transaction ends, and check that no row is hidden.

    Call it in the transaction that reads the rows. Raises RefusedError with role, policies and remedy.
    A policy that only blocks updates is no reason to refuse: such rows go to quarantine.
    """
    for target in targets:
        parts = target.sql_parts()
        query = sql.SQL("SELECT {key} FROM {table} AS t").format(key=parts["key"], table=parts["table"]).as_string(None)
        # Reading no row still locks the table. LOCK TABLE would need more than the column grants of sql/roles.sql.
        connection.exec_driver_sql(f"{query} LIMIT 0")
        found = read_row_security(connection, target)
        if found is not None and not (found.shows_every_row and _reads_unfiltered(connection, query)):
            raise RefusedError(
                f"The role {found.role} cannot see every row of {target.schema}.{target.table}: row-level security "
                f"applies to it, with {found.policies_text}. Hidden rows would be left out without an error.",
                remedy="Let the role see and change every row, or connect as a role that does:\n"
                + "\n".join(found.fixes),
            )


def _reads_unfiltered(connection: sa.Connection, query: str) -> bool:
    """Tell whether PostgreSQL runs a query without conditions as it is, with no policy's condition added.

    The catalog was read in the transaction's snapshot, which can be older than the lock. The plan never is.
    """
    plan = connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {query}").scalar_one()[0]["Plan"]
    return not any(key.endswith(("Filter", "Cond")) for node in _nodes(plan) for key in node)


def _nodes(plan: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield plan
    for child in plan.get("Plans", ()):
        yield from _nodes(child)
