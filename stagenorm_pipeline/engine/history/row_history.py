"""Explain one row: what it holds, what it held, why each change was made, and what happened to it since."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from psycopg import sql

from stagenorm_pipeline.config.configuration import TargetSetting
from stagenorm_pipeline.engine.history.recorded_facts import (
    Checked,
    PlanOrigin,
    Reasons,
    Signed,
    checked_of,
    plan_of,
    signed_of,
    verifications,
)
from stagenorm_pipeline.engine.postgres.connection import Database
from stagenorm_pipeline.engine.postgres.migrations import require_migrations
from stagenorm_pipeline.engine.postgres.sql_files import statement
from stagenorm_pipeline.engine.rollback.rollback import grant_for_versions
from stagenorm_pipeline.engine.targets.row_id import row_id_of
from stagenorm_pipeline.engine.targets.target import KeyKind, Target
from stagenorm_pipeline.engine.targets.visibility import visible_targets
from stagenorm_pipeline.vocabulary import Decisions, MeaningReason, reason_today


class EntryKind(StrEnum):
    """Who wrote a log entry: a plan, a rollback, or another tool."""

    NORMALIZED = "normalized"
    ROLLED_BACK = "rolled back"
    OTHER_TOOL = "other tool"


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryEntry:
    """A log entry of the row, with its plan and batch, its reason, and the verifications that cover it.

    `follows_other_write`: another session wrote `before` since the entry before this one. `plan` and `batch_number`:
    None if they were deleted. `reason`: of a normalized entry; None if the vocabulary was not kept.
    """

    log_id: int
    at: datetime
    by: str
    kind: EntryKind
    fund_id: str | None
    before: str | None
    after: str | None
    follows_other_write: bool
    plan_id: int | None
    batch_id: int | None
    batch_number: int | None
    plan: PlanOrigin | None
    reason: MeaningReason | None
    checked: Checked | None
    signed: Signed | None


class Since(StrEnum):
    """What happened to a row since its last log entry."""

    NO_ENTRY = "no entry"
    UNCHANGED = "unchanged"
    # The row has a newer version and the same stage.
    TOUCHED = "touched"
    CHANGED = "changed"
    NULL = "null"
    GONE = "gone"


@dataclass(frozen=True, slots=True, kw_only=True)
class RowNow:
    """What the row holds now. `reason`: why its spelling means what it means today; None for NULL."""

    stage: str | None
    fund_id: str | None
    reason: MeaningReason | None


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingChange:
    """A batch of an open plan that will change the row, if it still holds `before`."""

    plan_id: int
    batch_number: int
    status: str
    before: str
    after: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedChange:
    """A change that the database refused, with its error. `resolution` None: it is still refused."""

    plan_id: int
    batch_id: int
    before: str
    after: str
    error: str
    refused_at: datetime
    resolution: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RowHistory:
    """All that is known of one row. `now` None: it does not exist.

    `entries`: oldest first. `grant_wanted`: the grant without which `since` cannot be `touched`.
    """

    target: str
    row_id: str
    now: RowNow | None
    since: Since
    entries: tuple[HistoryEntry, ...]
    waiting: tuple[WaitingChange, ...]
    refused: tuple[RefusedChange, ...]
    grant_wanted: str | None = None

    @property
    def is_known(self) -> bool:
        """Whether the row exists or anything is recorded about it."""
        return self.now is not None or bool(self.entries or self.waiting or self.refused)


def read_row_history(database: Database, setting: TargetSetting, row_id: str, *, decisions: Decisions) -> RowHistory:
    """Read everything about a row in one snapshot. `decisions`: the decisions file of today.

    Raises ConfigurationError if the table cannot have such a key, and the errors of `visible_targets`.
    """
    with database.snapshot() as connection:
        require_migrations(connection)
        (target,) = visible_targets(connection, (setting,))
        values = {**target.identity(), "row_id": row_id_of(target, row_id)}
        grant = grant_for_versions(connection, target)
        found = connection.exec_driver_sql(_row_now(target, may_read_version=grant is None), values).one_or_none()
        entries = connection.exec_driver_sql(
            statement("history/row_entries", verifications=verifications()), values
        ).all()
        return RowHistory(
            target=target.name,
            row_id=values["row_id"],
            now=None if found is None else _now(found, decisions),
            since=_since(found, entries),
            entries=_entries(connection, entries, decisions),
            waiting=_waiting(connection, target, values, found),
            refused=_refused(connection, values),
            grant_wanted=grant,
        )


def _row_now(target: Target, *, may_read_version: bool) -> str:
    parts = {name: target.sql_parts()[name] for name in ("table", "stage", "fund", "key", "key_type")}
    version = sql.SQL("t.xmin::text" if may_read_version else "NULL::text")
    return statement("history/row_now", **parts, version=version)


def _now(found: Any, decisions: Decisions) -> RowNow:
    reason = None if found.stage is None else reason_today(found.stage, decisions)
    return RowNow(stage=found.stage, fund_id=found.fund_id, reason=reason)


def _since(found: Any, entries: Sequence[Any]) -> Since:
    if not entries:
        return Since.NO_ENTRY
    if found is None:
        return Since.GONE
    if found.stage is None:
        return Since.NULL
    if found.stage != entries[-1].stage_after:
        return Since.CHANGED
    is_touched = found.version is not None and found.version != entries[-1].version
    return Since.TOUCHED if is_touched else Since.UNCHANGED


def _entries(connection: sa.Connection, rows: Sequence[Any], decisions: Decisions) -> tuple[HistoryEntry, ...]:
    reasons = Reasons(connection, (row.vocabulary_version for row in rows), decisions)
    return tuple(_entry(row, reasons) for row in rows)


def _entry(row: Any, reasons: Reasons) -> HistoryEntry:
    kind = EntryKind.OTHER_TOOL
    if row.is_ours:
        kind = EntryKind.NORMALIZED if row.action == "normalize" else EntryKind.ROLLED_BACK
    is_normalized = kind is EntryKind.NORMALIZED
    return HistoryEntry(
        log_id=row.id,
        at=row.run_at,
        by=row.run_by,
        kind=kind,
        fund_id=row.fund_id,
        before=row.stage_before,
        after=row.stage_after,
        follows_other_write=row.follows_other_write,
        plan_id=row.plan_id,
        batch_id=row.batch_id,
        batch_number=row.batch_number,
        plan=plan_of(row),
        reason=reasons.of(row.stage_before, row.vocabulary_version) if is_normalized else None,
        checked=checked_of(row),
        signed=signed_of(row),
    )


def _waiting(
    connection: sa.Connection, target: Target, values: dict[str, str], found: Any
) -> tuple[WaitingChange, ...]:
    integer = target.key_kind is KeyKind.INTEGER
    query = statement(
        "history/row_waiting",
        members=sql.Identifier("row_numbers" if integer else "row_keys"),
        member_type=sql.SQL("bigint" if integer else "text"),
    )
    waiting = (
        WaitingChange(
            plan_id=row.plan_id,
            batch_number=row.batch_number,
            status=row.status,
            before=row.stage_before,
            after=row.stage_after,
        )
        for row in connection.exec_driver_sql(query, values)
    )
    # A batch that failed may have changed this row already, and a row that holds something else is skipped.
    return tuple(change for change in waiting if found is not None and change.before == found.stage)


def _refused(connection: sa.Connection, values: dict[str, str]) -> tuple[RefusedChange, ...]:
    return tuple(
        RefusedChange(
            plan_id=row.plan_id,
            batch_id=row.batch_id,
            before=row.stage_before,
            after=row.stage_after,
            error=row.error_message,
            refused_at=row.refused_at,
            resolution=row.resolution,
        )
        for row in connection.exec_driver_sql(statement("history/row_refusals"), values)
    )
