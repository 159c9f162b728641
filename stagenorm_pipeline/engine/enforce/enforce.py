"""Add, validate and remove the CHECK constraint of a target.

The constraint is added NOT VALID, which needs the strongest lock for an instant, and then validated under a lock that
blocks neither readers nor writers.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import psycopg
import sqlalchemy as sa
from psycopg import sql
from sqlalchemy.exc import DBAPIError

from stagenorm_pipeline.engine.enforce.alter_table import Announce, LockBounds, alter_table
from stagenorm_pipeline.engine.enforce.constraint import ADD, COMMENT, REMOVE, VALIDATE, Enforcement, EnforcementState
from stagenorm_pipeline.engine.postgres.connection import Database, psycopg_error
from stagenorm_pipeline.engine.postgres.sql_files import statement
from stagenorm_pipeline.errors import RefusedError, StagenormError


def require_enforceable(found: Enforcement) -> None:
    """Raise StagenormError if the constraint cannot be added or rows would violate it."""
    if found.state is EnforcementState.ENFORCED:
        return
    _require_ours_to_change(found)
    require_clean((found,))


def require_clean(found: Sequence[Enforcement]) -> None:
    """Raise StagenormError, with every table that is not clean, if rows would violate the constraints."""
    not_clean = [one for one in found if one.state is not EnforcementState.ENFORCED and one.rows_in_the_way]
    if not_clean:
        raise StagenormError(
            f"{' '.join(map(_rows_in_the_way, not_clean))} Nothing was changed.",
            remedy="Decide what the unknown spellings mean (`stagenorm decisions`), change the others "
            "(`stagenorm run`), then enforce again.",
        )


def _rows_in_the_way(found: Enforcement) -> str:
    return (
        f"{found.target.name} is not clean. Rows with an unknown spelling: {found.counts.rows_unknown:,}; with a "
        f"known spelling that is not canonical: {found.counts.rows_to_change:,}."
    )


def enforce(
    database: Database, found: Enforcement, *, done_by: str, announce: Announce, bounds: LockBounds | None = None
) -> None:
    """Add and validate the constraint, or finish what an earlier call left. Does nothing if it is enforced.

    Raises StagenormError as `require_enforceable` does, if the table's lock was not free (and names the holders), and
    if a row violates the constraint after all. In that case the constraint is removed again.
    """
    require_enforceable(found)
    bounds = bounds or LockBounds()
    if found.state is EnforcementState.OTHER_VALUES:
        _alter(database, found, {"removed": (REMOVE,), "added": (ADD, COMMENT)}, done_by, announce, bounds)
    elif found.state is EnforcementState.NONE:
        _alter(database, found, {"added": (ADD, COMMENT)}, done_by, announce, bounds)
    if found.state is not EnforcementState.ENFORCED:
        _validate(database, found, done_by, announce, bounds)


def remove_enforcement(
    database: Database, found: Enforcement, *, done_by: str, announce: Announce, bounds: LockBounds | None = None
) -> None:
    """Remove the constraint. Does nothing if there is none. Raises StagenormError as `enforce` does."""
    if found.state is EnforcementState.NONE:
        return
    _require_ours_to_change(found)
    _alter(database, found, {"removed": (REMOVE,)}, done_by, announce, bounds or LockBounds())


def _require_ours_to_change(found: Enforcement) -> None:
    if found.state is EnforcementState.FOREIGN:
        raise StagenormError(
            f"{found.target.name} has a constraint {found.constraint} that stagenorm did not make.",
            remedy="Rename or drop it by hand.",
        )
    if found.state is EnforcementState.INHERITED:
        raise StagenormError(
            f"The constraint {found.constraint} of {found.target.name} belongs to its parent table.",
            remedy="Name the parent table as the target.",
        )
    if not found.may_alter:
        raise RefusedError(
            f"Only its owner {found.owner} may change the table of {found.target.name}.",
            remedy=f"Run the same command as {found.owner} (DATABASE_URL), or have {found.owner} run the statements "
            "that the command shows without --yes.",
        )


def _validate(database: Database, found: Enforcement, done_by: str, announce: Announce, bounds: LockBounds) -> None:
    waiting = replace(bounds, lock_timeout_ms=bounds.validate_lock_timeout_ms, statement_timeout_ms=0)
    try:
        _alter(database, found, {"validated": (VALIDATE,)}, done_by, announce, waiting)
    except DBAPIError as error:
        if not isinstance(psycopg_error(error), psycopg.errors.CheckViolation):
            raise
        # A constraint that stays NOT VALID would refuse every update of that row, whichever column it changes.
        _alter(database, found, {"removed": (REMOVE,)}, done_by, announce, bounds)
        raise StagenormError(
            f"A row of {found.target.name} violates the constraint, so the constraint was removed again.",
            remedy="Another session wrote the row since the check, or row-level security hides it from this role. Find "
            "it with `stagenorm inventory`, change it with `stagenorm run`, then enforce again.",
        ) from error


def _alter(
    database: Database,
    found: Enforcement,
    actions: Mapping[str, Sequence[sql.SQL]],
    done_by: str,
    announce: Announce,
    bounds: LockBounds,
) -> None:
    """Run the steps and record each action, all in one transaction."""

    def work(connection: sa.Connection) -> None:
        # Recorded first, so that the table is locked only for the DDL and the commit.
        for action, steps in actions.items():
            _record(connection, found, action, found.statement(steps[0]), done_by)
        for step in (step for steps in actions.values() for step in steps):
            connection.exec_driver_sql(found.statement(step).replace("%", "%%"))

    alter_table(database, found.target, work, announce=announce, bounds=bounds)


def _record(connection: sa.Connection, found: Enforcement, action: str, text: str, done_by: str) -> None:
    connection.exec_driver_sql(
        statement("enforce/record"),
        {
            **found.target.identity(),
            "constraint_name": found.constraint,
            "action": action,
            "statement": text,
            "vocabulary_version": found.vocabulary_version,
            "done_by": done_by,
        },
    )
