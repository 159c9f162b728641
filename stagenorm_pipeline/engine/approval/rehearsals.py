"""Rehearsals on a clone: what was measured, and whether a plan still holds what was rehearsed."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import assert_never

import sqlalchemy as sa

from stagenorm_pipeline.engine.postgres.sql_files import statement
from stagenorm_pipeline.engine.receipts.plan_digest import plan_digest


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What was measured while a plan was applied to a clone.

    `clone_name`: database and host, without a password. `rows_skipped`: rows that the clone has not, or with another
    spelling. `duration_ms`: all transactions together, without sleeps. `wal_bytes`: from all sessions of the clone.
    """

    plan_id: int
    content_sha256: str
    clone_name: str
    batches: int
    rows_updated: int
    rows_skipped: int
    rows_refused: int
    duration_ms: int
    slowest_batch_ms: int
    wal_bytes: int

    @property
    def rows(self) -> int:
        """All rows that were tried or skipped."""
        return self.rows_updated + self.rows_skipped + self.rows_refused


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsal(Figures):
    """A recorded rehearsal, with the database role that recorded it."""

    rehearsed_at: datetime
    rehearsed_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NotRehearsed:
    """The plan was never rehearsed on a clone, or its batches or spellings were changed since."""


RehearsalState = Rehearsal | NotRehearsed


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedCause:
    """Rows that the clone refused with the same error. `example`: the key of the first one, or its batch."""

    target: str
    message: str
    sqlstate: str | None
    rows: int
    example: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TableWrites:
    """Rows that triggers and cascades wrote to a table. In a target, our own updates are not counted."""

    table: str
    inserted: int
    updated: int
    deleted: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedColumn:
    """A column other than the stage that changed in `rows` of the compared rows of its target."""

    target: str
    column: str
    rows: int
    rows_compared: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Effects:
    """The causes of refused rows, and what triggers did.

    `refused`: the most frequent causes. `are_rows_counted` False: track_counts is off on the clone, so `tables` is
    empty. `rows_compared`: in how many rows `columns` was looked for. `unreadable_columns`: not compared, because the
    role may not read them.
    """

    refused: tuple[RefusedCause, ...] = ()
    are_rows_counted: bool = True
    tables: tuple[TableWrites, ...] = ()
    rows_compared: int = 0
    columns: tuple[ChangedColumn, ...] = ()
    unreadable_columns: int = 0


def rehearsal_or_none(state: RehearsalState) -> Rehearsal | None:
    """Return the rehearsal; None: not rehearsed. For reports, whose JSON has null for it."""
    match state:
        case Rehearsal():
            return state
        case NotRehearsed():
            return None
        case _:
            assert_never(state)


def read_content_sha256(connection: sa.Connection, plan_id: int) -> str:
    """Read the hash of what a plan changes, in hexadecimal. Reads the members of all its batches."""
    query = statement("approval/content_sha256", plan_digest=plan_digest())
    return bytes(connection.exec_driver_sql(query, {"plan_ids": [plan_id]}).scalar_one()).hex()


def record_rehearsal(connection: sa.Connection, figures: Figures, effects: Effects) -> Rehearsal:
    """Record a rehearsal, and return it as recorded."""
    values = {**asdict(figures), "effects": json.dumps(asdict(effects))}
    row = connection.exec_driver_sql(statement("approval/record_rehearsal"), values).one()
    return Rehearsal(**asdict(figures), rehearsed_at=row.rehearsed_at, rehearsed_by=row.rehearsed_by)


def read_rehearsals(connection: sa.Connection, plan_ids: Sequence[int]) -> Mapping[int, RehearsalState]:
    """Read the newest rehearsal of what each plan holds now. Reads no members of plans that were never rehearsed."""
    found: dict[int, RehearsalState] = {plan_id: NotRehearsed() for plan_id in plan_ids}
    asked = {"plan_ids": list(plan_ids)}
    rehearsed = connection.exec_driver_sql(statement("approval/rehearsed_plans"), asked).scalars().all()
    if rehearsed:
        query = statement("approval/newest_rehearsals", plan_digest=plan_digest())
        names = [field.name for field in fields(Rehearsal)]
        for row in connection.exec_driver_sql(query, {"plan_ids": list(rehearsed)}):
            found[row.plan_id] = Rehearsal(**{name: row._mapping[name] for name in names})
    return found


def read_rehearsal(connection: sa.Connection, plan_id: int) -> RehearsalState:
    """Read the newest rehearsal of what a plan holds now."""
    return read_rehearsals(connection, [plan_id])[plan_id]
