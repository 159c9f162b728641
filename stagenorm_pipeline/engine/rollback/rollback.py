"""Preview a rollback and record it as a plan, from the audit log.

A rollback undoes what stagenorm wrote since the last write of another session. Rows with such a write get back what
that session wrote, or are left, and are listed. The plan of a rollback has the kind `rollback`, and `engine.apply`
applies its batches like any others.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

import sqlalchemy as sa
from psycopg import sql

from stagenorm_pipeline.engine.enforce.constraint import enforced_by, refuse_to_restore
from stagenorm_pipeline.engine.inventory.inventory import RowCounts
from stagenorm_pipeline.engine.plan.batch_types import PlanKind
from stagenorm_pipeline.engine.plan.life_cycle import open_draft
from stagenorm_pipeline.engine.plan.plan_writer import PlanWriter
from stagenorm_pipeline.engine.plan.queue import count_open_batches
from stagenorm_pipeline.engine.postgres.connection import Database
from stagenorm_pipeline.engine.postgres.failpoints import Failpoint, failpoint
from stagenorm_pipeline.engine.postgres.locks import planning_transaction
from stagenorm_pipeline.engine.postgres.migrations import require_migrations
from stagenorm_pipeline.engine.postgres.planner_hints import by_hashing_in_memory
from stagenorm_pipeline.engine.postgres.sql_files import statement
from stagenorm_pipeline.engine.receipts.check import DifferingRow, ReceiptCheck, RowDifference, read_receipt_mismatches
from stagenorm_pipeline.engine.rollback.scope import RollbackRequest, RollbackScope, read_scope
from stagenorm_pipeline.engine.targets.funds import FundScope
from stagenorm_pipeline.engine.targets.target import KeyKind, Target
from stagenorm_pipeline.errors import PlanError, RefusedError

__all__ = [
    "RollbackPreview",
    "RollbackRequest",
    "RollbackRow",
    "preview_rollback",
    "record_rollback",
    "rows_left",
]

_EXAMPLES = 20
_FETCH = 1_000
# Looking up one row took 12 microseconds (six million rows, all in memory). This many take less than a second,
# whatever the size of the table.
_LOOKED_UP = 50_000

# OFFSET stops PostgreSQL from turning the look-up of each row into a join, which would read the whole table.
_LOOK_UP = """LATERAL (SELECT {key}, t.{stage_column}{version} FROM {table} AS t
                       WHERE {key} = h.row_id::{key_type} OFFSET 0)"""


@dataclass(frozen=True, slots=True, kw_only=True)
class RollbackRow:
    """A row of a rollback. `now`: what it holds. `expected`: what stagenorm wrote. `restore`: what it gets back.

    `later_plan`: a plan outside the scope that changed the row later. `touched`: the row has a newer version than the
    last write by stagenorm, so its key may have been reused for another row. False also if versions cannot be read.
    """

    target: str
    fund_id: str | None
    row_id: str
    state: str
    restore: str | None
    expected: str | None
    now: str | None
    later_plan: int | None = None
    touched: bool = False


# The states of rows that are restored, fully or to what another session wrote.
_RESTORED = ("restorable", "kept_other_write")


@dataclass(frozen=True, slots=True, kw_only=True)
class RollbackPreview:
    """Rows by state (`restorable kept_other_write undone later changed null gone touched`), with the first of each.

    `repeated`: restorable rows that were changed several times in the scope. `waiting`: open batches in the scope by
    plan, which the rollback would cancel. `left_out`: targets of the plan outside the scope.
    `enforced`: targets with rows to restore whose constraint (`stagenorm enforce`) would refuse the old spellings.
    `touched`: rows to restore with a newer version than the last write by stagenorm. `grants_wanted`: grants that this
    role lacks to read row versions. Touched rows of those targets are not counted.
    `similar`: if no plan changed the spelling of the request, similar ones that plans changed.
    """

    counts: Mapping[str, int]
    examples: tuple[RollbackRow, ...]
    repeated: int = 0
    waiting: Mapping[int, int] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()
    enforced: tuple[str, ...] = ()
    touched: int = 0
    grants_wanted: tuple[str, ...] = ()
    similar: tuple[str, ...] = ()

    @property
    def restorable(self) -> int:
        """The number of rows that the rollback would write, fully or only to what another session wrote."""
        return sum(self.counts.get(state, 0) for state in _RESTORED)

    @property
    def left(self) -> int:
        return sum(self.counts.values()) - self.restorable


def preview_rollback(database: Database, request: RollbackRequest) -> RollbackPreview:
    """Find what a rollback would restore and leave, in one read-only snapshot.

    Raises the errors of `read_scope` and `require_intact_log`.
    """
    with database.snapshot() as connection:
        require_migrations(connection)
        scope = read_scope(connection, request)
        require_intact_log(connection, scope.targets, scope.request.scope)
        return read_preview(connection, scope)


def read_preview(connection: sa.Connection, scope: RollbackScope) -> RollbackPreview:
    """Count the rows of a scope by state. Trusts the log: `preview_rollback` compares it with its receipts before."""
    tally = _Tally()
    for target in scope.targets:
        values = {**scope.request.values(), **target.identity(), "shown": _EXAMPLES}
        candidates = _candidates(connection, scope.request, target, is_read_once=False)
        with by_hashing_in_memory(connection):
            rows = connection.exec_driver_sql(statement("rollback/preview", candidates=candidates), values).all()
        tally.add(target, rows)
    return RollbackPreview(
        counts=tally.counts,
        examples=tuple(tally.examples),
        repeated=tally.repeated,
        waiting=count_open_batches(
            connection, targets=[target.name for target in scope.targets], scope=scope.request.scope
        ),
        left_out=scope.left_out,
        enforced=tuple(target.name for target in tally.restored if enforced_by(connection, target)),
        touched=tally.touched,
        grants_wanted=tuple(filter(None, (grant_for_versions(connection, target) for target in scope.targets))),
        similar=() if tally.counts else _similar_spellings(connection, scope.request.spelling),
    )


def _similar_spellings(connection: sa.Connection, spelling: str | None) -> tuple[str, ...]:
    """Find spellings that plans changed and that look like one that none changed, most similar first."""
    if spelling is None:
        return ()
    changed = connection.exec_driver_sql(statement("rollback/changed_spellings")).scalars().all()
    if spelling in changed:
        return ()
    alike = [text for text in changed if text.casefold().split() == spelling.casefold().split()]
    return tuple(dict.fromkeys([*alike, *get_close_matches(spelling, changed, n=3)]))[:3]


@dataclass(slots=True, kw_only=True)
class _Tally:
    """Add up the rows of a preview over its targets. Each example row repeats the counts of its state."""

    counts: dict[str, int] = field(default_factory=dict)
    examples: list[RollbackRow] = field(default_factory=list)
    repeated: int = 0
    touched: int = 0
    restored: list[Target] = field(default_factory=list)

    def add(self, target: Target, rows: Sequence[Any]) -> None:
        self.examples += [_row(target, row) for row in rows]
        for state, row in {row.state: row for row in rows}.items():
            self.counts[state] = self.counts.get(state, 0) + row.total
            self.repeated += row.repeated if state == "restorable" else 0
            self.touched += row.touched if state in _RESTORED else 0
        if any(row.state in _RESTORED for row in rows):
            self.restored.append(target)


def rows_left(database: Database, request: RollbackRequest) -> Iterator[RollbackRow]:
    """Stream the rows that a rollback would leave, or restore only to what another session wrote, from one snapshot.

    Raises the errors of `preview_rollback`.
    """
    with database.snapshot() as connection:
        require_migrations(connection)
        scope = read_scope(connection, request)
        require_intact_log(connection, scope.targets, scope.request.scope)
        for target in scope.targets:
            candidates = _candidates(connection, scope.request, target, is_read_once=True)
            query = statement("rollback/list_rows_left", candidates=candidates)
            values = {**scope.request.values(), **target.identity()}
            options = {"stream_results": True, "yield_per": _FETCH}
            with (
                by_hashing_in_memory(connection),
                connection.exec_driver_sql(query, values, execution_options=options) as result,
            ):
                for row in result:
                    yield _row(target, row)


def require_intact_log(connection: sa.Connection, targets: tuple[Target, ...], scope: FundScope) -> None:
    """Compare the log entries of the targets and funds with their receipts before any row is restored.

    An altered entry must not be restored, and must not look like a write by another session. Entries older than
    receipts are compared with the members of their batches, unless the batch was deleted. Raises PlanError.
    """
    check = read_receipt_mismatches(connection, targets, scope)
    differing = [row for row in check.legacy_rows if row.difference is not RowDifference.NO_BATCH]
    if check.mismatches_total or differing:
        raise PlanError(
            f"The audit log does not match its receipts: {_first_difference(check, differing)}. Nothing was changed.",
            remedy="Run `stagenorm verify` to list these batches and rows. Restore stage_normalization_log from a "
            "backup of the database, or restore the rows by hand.",
        )


def _first_difference(check: ReceiptCheck, differing: Sequence[DifferingRow]) -> str:
    named = [*check.rows, *differing]
    where = ""
    if named:
        row = named[0]
        where = f"row {row.row_id} of {row.target} in batch {row.batch_id} is {row.difference.value}"
    if not check.mismatches:
        return where
    first = check.mismatches[0]
    more = f" and {check.mismatches_total - 1:,} more" if check.mismatches_total > 1 else ""
    named_batch = (
        f"batch {first.batch_id} of plan {first.plan_id}" if first.batch_id else f"{first.target} without a batch"
    )
    batch = f"{named_batch}{more} ({first.kind.value})"
    return f"{batch}; {where}" if where else batch


def _row(target: Target, row: Any) -> RollbackRow:
    return RollbackRow(
        target=target.name,
        fund_id=row.fund_id,
        row_id=row.row_id,
        state=row.state,
        restore=row.restore,
        expected=row.expected,
        now=row.stage_now,
        later_plan=row.later_plan,
        touched=row.is_touched,
    )


def record_rollback(database: Database, request: RollbackRequest, *, created_by: str) -> int:
    """Record the rollback as a plan and open it. `apply_batches` with its number then restores the rows.

    Open batches of older plans in the scope are cancelled. Returns the plan's number. Raises the errors of
    `preview_rollback`, and StagenormError if the constraint of a target would refuse the old spellings.
    """
    with planning_transaction(database) as connection:
        require_migrations(connection)
        scope = read_scope(connection, request)
        request = scope.request
        require_intact_log(connection, scope.targets, request.scope)
        writer = _plan_writer(connection, request, scope.targets, created_by)
        failpoint(Failpoint.ROLLBACK_STARTED)
        batches = rows = 0
        for number, target in enumerate(scope.targets, start=1):
            recorded = _record_target(connection, request, writer, number, target, batches)
            batches, rows = batches + recorded[0], rows + recorded[1]
        writer.record_totals(batches, RowCounts(rows_to_change=rows))
        open_draft(connection, writer.plan_id, request.scope)
        failpoint(Failpoint.ROLLBACK_BEFORE_COMMIT)
    failpoint(Failpoint.ROLLBACK_AFTER_COMMIT)
    return writer.plan_id


def _plan_writer(
    connection: sa.Connection, request: RollbackRequest, targets: tuple[Target, ...], created_by: str
) -> PlanWriter:
    return PlanWriter(
        connection,
        kind=PlanKind.ROLLBACK,
        targets=targets,
        scope=request.scope,
        batch_size=request.batch_size,
        created_by=created_by,
        conditions={"rollback": request.as_json()},
    )


def _record_target(
    connection: sa.Connection,
    request: RollbackRequest,
    writer: PlanWriter,
    number: int,
    target: Target,
    batches_before: int,
) -> tuple[int, int]:
    writer.record_target(number, target)
    values = {**request.values(), **target.identity(), "plan_id": writer.plan_id}
    integer = target.key_kind is KeyKind.INTEGER
    query = statement(
        "rollback/record_batches",
        candidates=_candidates(connection, request, target, is_read_once=not request.only_untouched),
        without_touched=sql.SQL(statement("rollback/without_touched") if request.only_untouched else ""),
        member_type=sql.SQL("bigint" if integer else "text"),
        member_column=sql.Identifier("row_numbers" if integer else "row_keys"),
    )
    with by_hashing_in_memory(connection):
        row = connection.exec_driver_sql(
            query, {**values, "batch_size": request.batch_size, "batches_before": batches_before}
        ).one()
    if row.batches:
        refuse_to_restore(connection, target)
    return row.batches, row.rows_planned


def _candidates(
    connection: sa.Connection, request: RollbackRequest, target: Target, *, is_read_once: bool
) -> sql.Composable:
    """Build the fragment `sql/rollback/row_states.sql` for one target. `is_read_once`: its statement reads it once.

    Raises RefusedError if touched rows must be left but this role may not read row versions.
    """
    parts = target.sql_parts()
    grant = grant_for_versions(connection, target)
    if request.only_untouched and grant:
        raise RefusedError(
            f"This role may not read the row versions (xmin) of {target.schema}.{target.table}. Without them it cannot "
            "tell which rows were touched.",
            remedy=f"As the table's owner: {grant}",
        )
    values = {**request.values(), **target.identity()}
    changed: int = connection.exec_driver_sql(statement("rollback/rows_changed"), values).scalar_one()
    found = "{table}" if changed > _LOOKED_UP else _LOOK_UP
    join = sql.SQL("LEFT JOIN " + found + " AS t ON {key} = h.row_id::{key_type}").format(
        **{name: parts[name] for name in ("table", "key", "key_type", "stage_column")},
        version=sql.SQL("" if grant else ", t.xmin"),
    )
    return sql.SQL(
        statement(
            "rollback/row_states",
            **{name: parts[name] for name in ("key", "key_type", "stage")},
            join_target=join,
            materialized=sql.SQL("NOT MATERIALIZED" if is_read_once else "MATERIALIZED"),
            rows_of_spelling=sql.SQL("" if request.spelling is None else statement("rollback/rows_of_spelling")),
            is_touched=sql.SQL("false" if grant else "(t.xmin IS DISTINCT FROM h.written_by)"),
        )
    )


def grant_for_versions(connection: sa.Connection, target: Target) -> str | None:
    """Return the grant that this role lacks to read row versions. None if it may read them."""
    row = connection.exec_driver_sql(statement("rollback/row_version_grant"), target.identity()).one()
    return None if row.may_read else str(row.to_grant)
