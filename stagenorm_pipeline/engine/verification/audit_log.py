"""The audit log, counted in one pass and held against the batches. Judges nothing.

Its rows held against the targets are in `audited_rows`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from stagenorm_pipeline.engine.batches import PlanKind
from stagenorm_pipeline.engine.planner import by_hashing
from stagenorm_pipeline.engine.verification.result import AuditedWork, Finding
from stagenorm_pipeline.engine.verification.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class LostRows:
    """Planned rows of a plan (in a target and fund; of a rollback: as a whole) that its batches do not hold.

    `rows` below 0: the batches hold more than was planned. `is_settled`: a later plan covers what was lost.
    """

    plan_id: int
    target: str | None
    has_fund: bool
    fund_id: str | None
    rows: int
    is_settled: bool


@dataclass(frozen=True, slots=True)
class Disagreement:
    """A batch and the audit log that do not agree; `problem` as sql/verify_audit_counts.sql says."""

    target: str
    fund_id: str | None
    batch_id: int | None
    problem: str
    audit_rows: int
    rows_updated: int | None


@dataclass(frozen=True, slots=True)
class Entries:
    """How many entries the log has of the judged plans, and between which ids."""

    normalized: int = 0
    rolled_back: int = 0
    first_id: int = 0
    last_id: int = 0

    @property
    def count(self) -> int:
        return self.normalized + self.rolled_back


@dataclass(frozen=True, slots=True)
class AuditLog:
    """The log as one pass over it counted it; of `disagreements` and `work` the first ones, with how many there are."""

    targets: Mapping[str, Entries] = field(default_factory=dict)
    disagreements: tuple[Disagreement, ...] = ()
    disagreements_total: int = 0
    work: tuple[AuditedWork, ...] = ()
    work_total: int = 0

    @property
    def entries(self) -> Entries:
        """All targets together."""
        found = [entries for entries in self.targets.values() if entries.count]
        return Entries(
            sum(entries.normalized for entries in found),
            sum(entries.rolled_back for entries in found),
            min((entries.first_id for entries in found), default=0),
            max((entries.last_id for entries in found), default=0),
        )


def read_lost_rows(snapshot: Snapshot) -> tuple[LostRows, ...]:
    """Where plans have lost planned rows with their batches."""
    return tuple(
        LostRows(row.plan_id, row.target, row.has_fund, row.fund_id, int(row.rows_lost), row.is_settled)
        for row in snapshot.rows("verify_missing_batches")
    )


def read_audit_log(snapshot: Snapshot, lost: tuple[LostRows, ...]) -> AuditLog:
    """Count the log. Audit rows of batches that are `lost` are no disagreement: rule 1 tells of those."""
    if snapshot.plans.first is None:
        return AuditLog()
    lost_rows: dict[tuple[int, str], int] = {}
    for entry in lost:
        # A rollback's lost rows may be of any of its targets.
        for target in [entry.target] if entry.target else snapshot.names:
            lost_rows[entry.plan_id, target] = lost_rows.get((entry.plan_id, target), 0) + entry.rows
    with by_hashing(snapshot.connection):
        rows = snapshot.rows(
            "verify_audit_counts",
            {
                "first_plans": _first_plans(snapshot),
                "is_whole_log": _is_whole_log(snapshot),
                "lost_plans": [plan_id for plan_id, _ in lost_rows],
                "lost_targets": [target for _, target in lost_rows],
                "lost_rows": list(lost_rows.values()),
            },
        )
    work = [row for row in rows if row.part == "work"]
    batches = [row for row in rows if row.part == "batch"]
    return AuditLog(
        _entries(row for row in rows if row.part == "target"),
        tuple(
            Disagreement(row.target, row.fund_id, row.batch_id, row.problem, row.audit_rows, row.rows_updated)
            for row in batches
        ),
        batches[0].total if batches else 0,
        tuple(
            AuditedWork(row.plan_id, row.action, row.run_by, row.audit_rows, row.first_at, row.last_at) for row in work
        ),
        work[0].total if work else 0,
    )


def _is_whole_log(snapshot: Snapshot) -> bool:
    first_entry = snapshot.connection.exec_driver_sql(
        "SELECT plan_id FROM stage_normalization_log ORDER BY id LIMIT 1"
    ).scalar_one_or_none()
    # A hint of how much of the log is asked for, not a condition: that is in the statement.
    return first_entry is not None and snapshot.plans.first is not None and first_entry >= snapshot.plans.first


def _first_plans(snapshot: Snapshot) -> list[int | None]:
    return [snapshot.plans.first_of(name) for name in snapshot.names]


def _entries(rows: Iterator[Any]) -> dict[str, Entries]:
    found: dict[str, Entries] = {}
    for row in rows:
        before = found.get(row.target)
        entries = before or Entries(first_id=row.first_id)
        is_rollback = row.action == PlanKind.ROLLBACK
        found[row.target] = Entries(
            entries.normalized + (0 if is_rollback else row.audit_rows),
            entries.rolled_back + (row.audit_rows if is_rollback else 0),
            min(entries.first_id, row.first_id),
            max(entries.last_id, row.last_id),
        )
    return found


_DISAGREEING = {
    "missing": "changed by us, without an audit row",
    "twice": "several audit rows of one change",
    "foreign": "audit row of a row that its batch never held",
}


def read_disagreeing_rows(snapshot: Snapshot, log: AuditLog) -> tuple[Finding, ...]:
    """The rows on which the disagreeing batches and the log differ, as far as they can be told."""
    findings: list[Finding] = []
    for target in snapshot.targets:
        batches = [d.batch_id for d in log.disagreements if d.target == target.name and d.rows_updated is not None]
        if not batches:
            continue
        with by_hashing(snapshot.connection):
            rows = snapshot.target_rows("verify_batch_rows", target, ("key", "table", "stage"), {"batches": batches})
        findings += [
            Finding(
                _DISAGREEING[row.problem],
                target.name,
                True,
                row.fund_id,
                row.row_id,
                row.batch_id,
                row.stage_before,
                row.stage_after,
                row.stage_now,
                has_stage_now=row.row_exists,
            )
            for row in rows
        ]
    return tuple(findings)
