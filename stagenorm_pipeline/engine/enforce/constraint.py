"""Keeping a clean column clean: a CHECK constraint that lets in canonical stages and what a decision leaves as it is.

The only DDL on targets, and only when it is asked for by name. The constraint is added NOT VALID, which needs the
strongest lock for an instant, and then validated under one that holds up neither readers nor writers. Does not belong
here: getting those locks (see `altering`), and changing rows.
"""

import hashlib
import shlex
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from psycopg import sql

from stagenorm_pipeline.config.settings import TargetSetting
from stagenorm_pipeline.engine.inventory.inventory import RowCounts, read_inventory
from stagenorm_pipeline.engine.postgres.connection import Database
from stagenorm_pipeline.engine.postgres.migrations import require_migrations
from stagenorm_pipeline.engine.postgres.sql_files import statement
from stagenorm_pipeline.engine.targets.funds import FundScope
from stagenorm_pipeline.engine.targets.target import Target
from stagenorm_pipeline.engine.targets.visibility import visible_targets
from stagenorm_pipeline.errors import StagenormError
from stagenorm_pipeline.vocabulary import CANONICAL_STAGES, Vocabulary

# The longest name that PostgreSQL keeps, in bytes.
_LONGEST_NAME = 63
# How the constraint's comment begins, by which it is known as ours.
_MARK = "stagenorm enforce"

ADD = sql.SQL(
    'ALTER TABLE {table} ADD CONSTRAINT {constraint} CHECK (({column}::text COLLATE "C") IN ({allowed})) NOT VALID'
)
COMMENT = sql.SQL("COMMENT ON CONSTRAINT {constraint} ON {table} IS {mark}")
VALIDATE = sql.SQL("ALTER TABLE {table} VALIDATE CONSTRAINT {constraint}")
REMOVE = sql.SQL("ALTER TABLE {table} DROP CONSTRAINT {constraint}")


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
                steps: tuple[sql.SQL, ...] = (ADD, COMMENT, VALIDATE)
            case EnforcementState.HALF_DONE:
                steps = (VALIDATE,)
            case EnforcementState.OTHER_VALUES:
                steps = (REMOVE, ADD, COMMENT, VALIDATE)
            case _:
                steps = ()
        return tuple(self.statement(step) for step in steps)

    @property
    def to_remove(self) -> tuple[str, ...]:
        """The statement that would take it back, for people; none where there is none of ours."""
        return (self.statement(REMOVE),) if self.state in _OURS else ()

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
    allowed = (*map(str, CANONICAL_STAGES), *vocabulary.left_as_is)
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
