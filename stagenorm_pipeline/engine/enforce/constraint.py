"""Keeping a clean column clean: a CHECK constraint that lets in canonical stages and what a decision leaves as it is.

The only DDL on targets, and only when it is asked for by name. The constraint is added NOT VALID, which needs the
strongest lock for an instant, and then validated under one that holds up neither readers nor writers. Does not belong
here: getting those locks (see `altering`), and changing rows.
"""

import hashlib
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

import psycopg
import sqlalchemy as sa
from psycopg import sql
from sqlalchemy.exc import DBAPIError

from stagenorm_pipeline.config.settings import TargetSetting
from stagenorm_pipeline.engine.enforce.alter_table import Announce, LockBounds, alter_table
from stagenorm_pipeline.engine.inventory.inventory import RowCounts, read_inventory
from stagenorm_pipeline.engine.postgres.connection import Database, psycopg_error
from stagenorm_pipeline.engine.postgres.migrations import require_migrations
from stagenorm_pipeline.engine.postgres.sql_files import statement
from stagenorm_pipeline.engine.targets.funds import FundScope
from stagenorm_pipeline.engine.targets.target import Target
from stagenorm_pipeline.engine.targets.visibility import visible_targets
from stagenorm_pipeline.errors import RefusedError, StagenormError
from stagenorm_pipeline.vocabulary import CANONICAL_STAGES, Vocabulary

# The longest name that PostgreSQL keeps, in bytes.
_LONGEST_NAME = 63
# How the constraint's comment begins, by which it is known as ours.
_MARK = "stagenorm enforce"

_ADD = sql.SQL(
    'ALTER TABLE {table} ADD CONSTRAINT {constraint} CHECK (({column}::text COLLATE "C") IN ({allowed})) NOT VALID'
)
_COMMENT = sql.SQL("COMMENT ON CONSTRAINT {constraint} ON {table} IS {mark}")
_VALIDATE = sql.SQL("ALTER TABLE {table} VALIDATE CONSTRAINT {constraint}")
_REMOVE = sql.SQL("ALTER TABLE {table} DROP CONSTRAINT {constraint}")


class EnforcementState(StrEnum):
    """What is in the database now."""

    NONE = "none"
    HALF_DONE = "half_done"  # added, and not yet validated
    ENFORCED = "enforced"
    OTHER_VALUES = "other_values"  # ours, from when other spellings were left as they are
    INHERITED = "inherited"  # its parent table's, which judges this one's rows too
    FOREIGN = "foreign"  # a constraint of that name that stagenorm did not make


_OURS = (EnforcementState.HALF_DONE, EnforcementState.ENFORCED, EnforcementState.OTHER_VALUES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Enforcement:
    """One target: its constraint as it is and as it would be. `counts` are of all its rows, funds or not."""

    target: Target
    constraint: str
    allowed: tuple[str, ...]
    vocabulary_version: str
    state: EnforcementState
    counts: RowCounts
    owner: str
    may_alter: bool

    @property
    def rows_in_the_way(self) -> int:
        return self.counts.rows_unknown + self.counts.rows_to_change

    @property
    def mark(self) -> str:
        """The constraint's comment: whose it is, and a hash by which its values are known again."""
        digest = hashlib.sha256("\0".join(self.allowed).encode()).hexdigest()[:16]
        return f"{_MARK}: {len(self.allowed)} allowed values, {digest}"

    @property
    def to_enforce(self) -> tuple[str, ...]:
        """The statements that would enforce it from here, for people; none where it is enforced."""
        match self.state:
            case EnforcementState.NONE:
                steps: tuple[sql.SQL, ...] = (_ADD, _COMMENT, _VALIDATE)
            case EnforcementState.HALF_DONE:
                steps = (_VALIDATE,)
            case EnforcementState.OTHER_VALUES:
                steps = (_REMOVE, _ADD, _COMMENT, _VALIDATE)
            case _:
                steps = ()
        return tuple(self.statement(step) for step in steps)

    @property
    def to_remove(self) -> tuple[str, ...]:
        """The statement that would take it back, for people; none where there is none of ours."""
        return (self.statement(_REMOVE),) if self.state in _OURS else ()

    def statement(self, step: sql.SQL) -> str:
        """The step's text for this target."""
        names = {
            "table": sql.Identifier(self.target.schema, self.target.table),
            "constraint": sql.Identifier(self.constraint),
            "column": sql.Identifier(self.target.column),
            "allowed": sql.SQL(", ").join(map(sql.Literal, self.allowed)),
            "mark": sql.Literal(self.mark),
        }
        return step.format(**names).as_string(None)


def read_enforcements(
    database: Database, settings: tuple[TargetSetting, ...], vocabulary: Vocabulary
) -> tuple[Enforcement, ...]:
    """What is, and what would be, of each target, in one read-only snapshot. One scan a table."""
    with database.snapshot() as connection:
        require_migrations(connection)
        targets = visible_targets(connection, settings)
        inventories = read_inventory(connection, targets, FundScope(), vocabulary, unknown_kept=0)
        return tuple(_read(connection, found.target, found.counts, vocabulary) for found in inventories)


def _read(connection: sa.Connection, target: Target, counts: RowCounts, vocabulary: Vocabulary) -> Enforcement:
    name = constraint_name(target)
    row = connection.exec_driver_sql(statement("enforce/state"), {**target.identity(), "constraint_name": name}).one()
    allowed = (*map(str, CANONICAL_STAGES), *vocabulary.kept)
    found = Enforcement(
        target=target,
        constraint=name,
        allowed=allowed,
        vocabulary_version=vocabulary.version,
        state=EnforcementState.NONE,
        counts=counts,
        owner=row.owner,
        may_alter=row.may_alter,
    )
    return replace(found, state=_state(row, found.mark))


def constraint_name(target: Target) -> str:
    """The constraint's name, which is also what a refused INSERT names."""
    name = f"stagenorm_{target.column}_canonical"
    if len(name.encode()) <= _LONGEST_NAME:
        return name
    return f"stagenorm_{hashlib.sha256(target.column.encode()).hexdigest()[:16]}_canonical"


def _state(row: Any, mark: str) -> EnforcementState:
    if row.is_validated is None:
        return EnforcementState.NONE
    if row.is_inherited:
        return EnforcementState.INHERITED
    if not (row.comment or "").startswith(_MARK):
        return EnforcementState.FOREIGN
    if row.comment != mark:
        return EnforcementState.OTHER_VALUES
    return EnforcementState.ENFORCED if row.is_validated else EnforcementState.HALF_DONE


def enforced_by(connection: sa.Connection, target: Target) -> str | None:
    """The constraint of ours on the target's stage, validated or not, its parent's too; None where there is none."""
    name = constraint_name(target)
    row = connection.exec_driver_sql(statement("enforce/state"), {**target.identity(), "constraint_name": name}).one()
    return None if _state(row, "") in (EnforcementState.NONE, EnforcementState.FOREIGN) else name


def refuse_to_restore(connection: sa.Connection, target: Target) -> None:
    """Raise StagenormError, with what to do, where rows are to get old spellings back that PostgreSQL would refuse."""
    name = enforced_by(connection, target)
    if name is not None:
        table = f"{target.schema}.{target.table}"
        raise StagenormError(
            f"{target.name} is enforced: its constraint {name} would refuse every old spelling. Nothing was changed.",
            remedy=f"Take the constraint back first: stagenorm enforce --remove --table {shlex.quote(table)} --yes",
        )


def require_enforceable(found: Enforcement) -> None:
    """Raise StagenormError, with what to do, where the constraint cannot be added, or would be broken by rows."""
    if found.state is EnforcementState.ENFORCED:
        return
    _require_ours_to_change(found)
    if found.rows_in_the_way:
        raise StagenormError(
            f"{found.target.name} is not clean: {found.counts.rows_unknown:,} row(s) hold an unknown spelling, "
            f"{found.counts.rows_to_change:,} a known one that is not canonical. Nothing was changed.",
            remedy="Decide what the unknown ones mean (`stagenorm decisions`), change the others (`stagenorm run`), "
            "then enforce again.",
        )


def enforce(
    database: Database, found: Enforcement, *, done_by: str, announce: Announce, bounds: LockBounds | None = None
) -> None:
    """Add and validate the constraint from wherever it is now; does nothing where it is enforced.

    Raises StagenormError where `require_enforceable` does, when the table's lock was not to be had (naming who holds
    it), and when a row that breaks it turns up after all: then the constraint is taken back.
    """
    require_enforceable(found)
    bounds = bounds or LockBounds()
    if found.state is EnforcementState.OTHER_VALUES:
        _alter(database, found, {"removed": (_REMOVE,), "added": (_ADD, _COMMENT)}, done_by, announce, bounds)
    elif found.state is EnforcementState.NONE:
        _alter(database, found, {"added": (_ADD, _COMMENT)}, done_by, announce, bounds)
    if found.state is not EnforcementState.ENFORCED:
        _validate(database, found, done_by, announce, bounds)


def remove_enforcement(
    database: Database, found: Enforcement, *, done_by: str, announce: Announce, bounds: LockBounds | None = None
) -> None:
    """Take the constraint back; does nothing where there is none. Raises StagenormError as `enforce` does."""
    if found.state is EnforcementState.NONE:
        return
    _require_ours_to_change(found)
    _alter(database, found, {"removed": (_REMOVE,)}, done_by, announce, bounds or LockBounds())


def _require_ours_to_change(found: Enforcement) -> None:
    if found.state is EnforcementState.FOREIGN:
        raise StagenormError(
            f"{found.target.name} has a constraint {found.constraint} that stagenorm did not make.",
            remedy="Rename or drop it by hand.",
        )
    if found.state is EnforcementState.INHERITED:
        raise StagenormError(
            f"The constraint {found.constraint} of {found.target.name} is that of its parent table.",
            remedy="Name the parent as the target.",
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
        _alter(database, found, {"validated": (_VALIDATE,)}, done_by, announce, waiting)
    except DBAPIError as error:
        if not isinstance(psycopg_error(error), psycopg.errors.CheckViolation):
            raise
        # Left as it is, it would refuse every update of that row, whatever the update is about.
        _alter(database, found, {"removed": (_REMOVE,)}, done_by, announce, bounds)
        raise StagenormError(
            f"A row of {found.target.name} breaks the constraint after all; it was taken back.",
            remedy="Somebody wrote it meanwhile, or row-level security hides it from this role: look with `stagenorm "
            "inventory`, change it with `stagenorm run`, then enforce again.",
        ) from error


def _alter(
    database: Database,
    found: Enforcement,
    actions: Mapping[str, Sequence[sql.SQL]],
    done_by: str,
    announce: Announce,
    bounds: LockBounds,
) -> None:
    """Do the steps and note each action, all in one transaction."""

    def work(connection: sa.Connection) -> None:
        # Noted first: the table is locked for its own statements and the commit alone.
        for action, steps in actions.items():
            _note(connection, found, action, found.statement(steps[0]), done_by)
        for step in (step for steps in actions.values() for step in steps):
            connection.exec_driver_sql(found.statement(step).replace("%", "%%"))

    alter_table(database, found.target, work, announce=announce, bounds=bounds)


def _note(connection: sa.Connection, found: Enforcement, action: str, text: str, done_by: str) -> None:
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
