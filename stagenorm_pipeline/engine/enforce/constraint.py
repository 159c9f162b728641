"""Read the CHECK constraint that keeps a clean column clean, and build its SQL.

The constraint allows NULL, the canonical stages, and the spellings that a decision keeps.
"""

import hashlib
import shlex
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from psycopg import sql

from stagenorm_pipeline.config.configuration import TargetSetting
from stagenorm_pipeline.engine.inventory.inventory import RowCounts, read_inventory
from stagenorm_pipeline.engine.postgres.connection import Database
from stagenorm_pipeline.engine.postgres.migrations import require_migrations
from stagenorm_pipeline.engine.postgres.sql_files import statement
from stagenorm_pipeline.engine.targets.funds import FundScope
from stagenorm_pipeline.engine.targets.target import Target
from stagenorm_pipeline.engine.targets.visibility import visible_targets
from stagenorm_pipeline.errors import StagenormError
from stagenorm_pipeline.vocabulary import Vocabulary

# The longest name that PostgreSQL keeps, in bytes.
_LONGEST_NAME = 63
# The constraint's comment begins with this. It identifies the constraint as ours.
_MARK = "stagenorm enforce"

ADD = sql.SQL(
    'ALTER TABLE {table} ADD CONSTRAINT {constraint} CHECK (({column}::text COLLATE "C") IN ({allowed})) NOT VALID'
)
COMMENT = sql.SQL("COMMENT ON CONSTRAINT {constraint} ON {table} IS {mark}")
VALIDATE = sql.SQL("ALTER TABLE {table} VALIDATE CONSTRAINT {constraint}")
REMOVE = sql.SQL("ALTER TABLE {table} DROP CONSTRAINT {constraint}")


class EnforcementState(StrEnum):
    """The constraint that is in the database now."""

    NONE = "none"
    HALF_DONE = "half_done"  # added, and not yet validated
    ENFORCED = "enforced"
    OTHER_VALUES = "other_values"  # made by stagenorm when other spellings were kept
    INHERITED = "inherited"  # the parent table's, which checks this table's rows too
    FOREIGN = "foreign"  # a constraint of that name that stagenorm did not make


_OURS = (EnforcementState.HALF_DONE, EnforcementState.ENFORCED, EnforcementState.OTHER_VALUES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Enforcement:
    """The constraint of one target: what is there, and what it should be. `counts` cover all rows of the target."""

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
        """The constraint's comment: it marks it as ours, with a hash of the allowed values."""
        digest = hashlib.sha256("\0".join(self.allowed).encode()).hexdigest()[:16]
        return f"{_MARK}: {len(self.allowed)} allowed values, {digest}"

    @property
    def to_enforce(self) -> tuple[str, ...]:
        """The statements that are still missing, to show to people; empty if it is enforced."""
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
        """The statement that removes it, to show to people; empty if there is no constraint of ours."""
        return (self.statement(REMOVE),) if self.state in _OURS else ()

    def statement(self, step: sql.SQL) -> str:
        """Return the SQL text of a step for this target."""
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
    """Read the constraint of each target in one read-only snapshot. One scan per table."""
    with database.snapshot() as connection:
        require_migrations(connection)
        targets = visible_targets(connection, settings)
        inventories = read_inventory(connection, targets, FundScope(), vocabulary, unknown_kept=0)
        return tuple(_read(connection, found.target, found.counts, vocabulary) for found in inventories)


def _read(connection: sa.Connection, target: Target, counts: RowCounts, vocabulary: Vocabulary) -> Enforcement:
    name = constraint_name(target)
    row = connection.exec_driver_sql(statement("enforce/state"), {**target.identity(), "constraint_name": name}).one()
    found = Enforcement(
        target=target,
        constraint=name,
        allowed=allowed_values(vocabulary),
        vocabulary_version=vocabulary.version,
        state=EnforcementState.NONE,
        counts=counts,
        owner=row.owner,
        may_alter=row.may_alter,
    )
    return replace(found, state=_state(row, found.mark))


def allowed_values(vocabulary: Vocabulary) -> tuple[str, ...]:
    """Return what the constraint allows beside NULL: the canonical stages, and the spellings that are kept."""
    return (*map(str, vocabulary.canonical), *vocabulary.kept)


def constraint_name(target: Target) -> str:
    """Return the constraint's name. PostgreSQL shows it in the error of a refused INSERT."""
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
    """Return the name of our constraint on the target or its parent, validated or not; None if there is none."""
    name = constraint_name(target)
    row = connection.exec_driver_sql(statement("enforce/state"), {**target.identity(), "constraint_name": name}).one()
    return None if _state(row, "") in (EnforcementState.NONE, EnforcementState.FOREIGN) else name


def refuse_to_restore(connection: sa.Connection, target: Target) -> None:
    """Raise StagenormError if our constraint would refuse the old spellings that a rollback restores."""
    name = enforced_by(connection, target)
    if name is not None:
        table = f"{target.schema}.{target.table}"
        raise StagenormError(
            f"{target.name} is enforced: its constraint {name} would refuse every old spelling. Nothing was changed.",
            remedy=f"Remove the constraint first: stagenorm enforce --remove --table {shlex.quote(table)} --yes",
        )
