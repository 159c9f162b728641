"""Compare the audited rows of a target with their latest log entries. Judges nothing."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import islice
from typing import Any

from psycopg import sql

from stagenorm_pipeline.engine.plan.batch_types import PlanKind
from stagenorm_pipeline.engine.postgres.planner_hints import by_hashing
from stagenorm_pipeline.engine.postgres.sql_files import statement
from stagenorm_pipeline.engine.targets.target import Target
from stagenorm_pipeline.engine.verify.baseline import CountedAt
from stagenorm_pipeline.engine.verify.result import Finding, Rule
from stagenorm_pipeline.engine.verify.snapshot import Snapshot


class RowState(StrEnum):
    """What happened to a row after its latest log entry. Every state except `MOVED` is about its stage."""

    GONE = "gone"
    NULL = "null"
    SET_BACK = "set_back"
    CHANGED = "changed"
    MOVED = "moved"


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditedRows:
    """Rows in one state: the exact number and the first examples."""

    total: int = 0
    examples: tuple[Finding, ...] = ()

    def __add__(self, other: "AuditedRows") -> "AuditedRows":
        return AuditedRows(total=self.total + other.total, examples=(*self.examples, *other.examples))


@dataclass(frozen=True, slots=True, kw_only=True)
class Shifts:
    """How many rows each fund and canonical stage lost (below 0) or got by changes of audited rows.

    `left`: audited rows that left the fund. `null`: audited rows that are NULL in it.
    """

    rows: Counter[tuple[str | None, str]] = field(default_factory=Counter)
    left: Counter[str | None] = field(default_factory=Counter)
    null: Counter[str | None] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditedTarget:
    """The audited rows of a target that differ from their latest log entries, or that a rollback concerns.

    `states`: rows that differ, of batches in force and of rollbacks. `left`: rows that differ and that a rollback left
    although it undid their batch. `left_holding`: rows that it left and that still hold what was written. `restored`:
    rows that hold what a rollback restored. `shifts`: where the rows that differ went since the baseline was counted.
    """

    states: Mapping[RowState, AuditedRows] = field(default_factory=dict)
    left: Mapping[RowState, AuditedRows] = field(default_factory=dict)
    left_holding: AuditedRows = AuditedRows()
    restored: AuditedRows = AuditedRows()
    shifts: Shifts = field(default_factory=Shifts)

    def of(self, state: RowState) -> AuditedRows:
        """All rows in a state, whether a rollback left them or not."""
        return self.states.get(state, AuditedRows()) + self.left.get(state, AuditedRows())

    @property
    def rows_left(self) -> int:
        """The number of rows that a rollback left. A moved row still holds its stage, so `left_holding` counts it."""
        return self.left_holding.total + sum(
            rows.total for state, rows in self.left.items() if state is not RowState.MOVED
        )


def read_audited_rows(
    snapshot: Snapshot, target: Target, left_as_is: list[str], *, is_undone: bool, counted_at: CountedAt | None
) -> AuditedTarget:
    """Compare the latest log entries with the rows. `is_undone`: something was rolled back.

    `counted_at`: when the baseline was counted; None: there is none, so no shifts are counted.
    """
    compared = _Compared(target=target, left_as_is=left_as_is, is_undone=is_undone, counted_at=counted_at)
    with by_hashing(snapshot.connection):
        found_rows = snapshot.rows(compared.statement, compared.values(snapshot), **compared.parts)
    rows = [row for row in found_rows if row.part == "row"]
    entries = _entries_by_id(snapshot, [row.id for row in rows])
    states: dict[RowState, AuditedRows] = {}
    left: dict[RowState, AuditedRows] = {}
    holding = dict.fromkeys(_HOLDING, AuditedRows())
    for row in rows:
        finding = _finding(target, row, entries[row.id])
        if row.state in holding:
            holding[row.state] = AuditedRows(total=row.total, examples=(*holding[row.state].examples, finding))
        else:
            found = left if row.is_left else states
            state = RowState(row.state)
            found[state] = AuditedRows(total=row.total, examples=(*found.get(state, AuditedRows()).examples, finding))
    return AuditedTarget(
        states=states,
        left=left,
        left_holding=holding["left"],
        restored=holding["restored"],
        shifts=_shifts([row for row in found_rows if row.part != "row"]),
    )


def _shifts(rows: list[Any]) -> Shifts:
    shifts = Shifts()
    for row in rows:
        is_in = row.part == "in"
        if row.stage_now is not None:
            shifts.rows[row.fund_now, row.stage_now] += row.total if is_in else -row.total
        if not is_in:
            shifts.left[row.fund_now] += row.has_left
            shifts.null[row.fund_now] += row.is_null
    return shifts


@dataclass(frozen=True, slots=True, kw_only=True)
class _Compared:
    """The statement that compares the latest log entries of a target with its rows."""

    target: Target
    left_as_is: list[str]
    is_undone: bool
    counted_at: CountedAt | None = None

    @property
    def statement(self) -> str:
        return "verify/audited_rows_after_rollback" if self.is_undone else "verify/audited_rows"

    @property
    def parts(self) -> dict[str, sql.Composable]:
        identifiers = self.target.sql_parts()
        return {
            "state": _row_state(self.target),
            "shifts": sql.SQL(statement("verify/shifts")),
            **{name: identifiers[name] for name in ("key", "table", "stage", "fund")},
        }

    def values(self, snapshot: Snapshot) -> dict[str, Any]:
        counted_at = self.counted_at or CountedAt()
        values: dict[str, Any] = {
            **self.target.identity(),
            "with_shifts": self.counted_at is not None,
            "since": counted_at.all_funds,
            "since_funds": list(counted_at.funds),
            "since_times": list(counted_at.funds.values()),
        }
        if self.is_undone:
            values |= {"left_as_is": self.left_as_is, "in_force": [plan.plan_id for plan in snapshot.plans.in_force]}
        return values


def stream_audited_rows(
    snapshot: Snapshot, target: Target, left_as_is: list[str], *, is_undone: bool
) -> Iterator[tuple[Rule, Finding]]:
    """Yield every row that `read_audited_rows` counts, with the rule that lists it."""
    compared = _Compared(target=target, left_as_is=left_as_is, is_undone=is_undone)
    with by_hashing(snapshot.connection):
        rows = snapshot.stream(compared.statement, compared.values(snapshot), **compared.parts)
        while some := list(islice(rows, _ENTRIES_AT_ONCE)):
            entries = _entries_by_id(snapshot, [row.id for row in some])
            for row in some:
                yield _RULES[row.state], _finding(target, row, entries[row.id])


_ENTRIES_AT_ONCE = 5_000
_RULES = {
    "restored": Rule.CANONICAL_STAGES,
    RowState.NULL: Rule.NULL_INTEGRITY,
    RowState.GONE: Rule.ROW_COUNTS,
    RowState.MOVED: Rule.ROW_COUNTS,
    RowState.SET_BACK: Rule.AUDIT_CONSISTENCY,
    RowState.CHANGED: Rule.AUDIT_CONSISTENCY,
    "left": Rule.AUDIT_CONSISTENCY,
}


def _row_state(target: Target) -> sql.Composable:
    """The SQL expression that gives the state of an audited row."""
    parts = target.sql_parts()
    return sql.SQL(statement("verify/audited_row_state", **{name: parts[name] for name in ("key", "stage", "fund")}))


def _entries_by_id(snapshot: Snapshot, ids: list[int]) -> dict[int, Any]:
    return {row.id: row for row in snapshot.rows("verify/audit_entries", {"ids": ids})} if ids else {}


_CHANGED = {
    RowState.GONE: "changed by stagenorm, row is gone",
    RowState.NULL: "changed by stagenorm, NULL now",
    RowState.SET_BACK: "changed by stagenorm, holds its old spelling again",
    RowState.CHANGED: "changed by stagenorm, then by another session",
    RowState.MOVED: "changed by stagenorm, in another fund now",
}
_RESTORED = {
    RowState.GONE: "restored by a rollback, row is gone",
    RowState.NULL: "restored by a rollback, NULL now",
    RowState.SET_BACK: "restored by a rollback, holds the undone stage again",
    RowState.CHANGED: "restored by a rollback, then changed by another session",
    RowState.MOVED: "restored by a rollback, in another fund now",
}
_HOLDING = {
    "restored": "rolled back on purpose",
    "left": "left by the rollback of its batch, holds what was written",
}


def _finding(target: Target, row: Any, entry: Any) -> Finding:
    is_gone = row.state == RowState.GONE
    if row.state in _HOLDING:
        what, details = _HOLDING[row.state], []
    else:
        what = (_RESTORED if entry.action == PlanKind.ROLLBACK else _CHANGED)[RowState(row.state)]
        details = ["left by the rollback of its batch"] if row.is_left else []
        if not is_gone and row.fund_now != entry.fund_id:
            details.append("without a fund now" if row.fund_now is None else f"in fund {row.fund_now} now")
    return Finding(
        what=what,
        target=target.name,
        has_fund=True,
        fund_id=entry.fund_id,
        row_id=row.row_id,
        batch_id=entry.batch_id,
        stage_before=entry.stage_before,
        stage_after=entry.stage_after,
        stage_now=row.stage_now,
        detail=", ".join(details) or None,
        has_stage_now=not is_gone,
    )
