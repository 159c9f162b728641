"""Count the audit log in one pass and compare it with the batches. Judges nothing.

`audited_rows` compares the log with the rows of the targets.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from stagenorm_pipeline.engine.plan.batch_types import PlanKind
from stagenorm_pipeline.engine.postgres.planner_hints import by_hashing
from stagenorm_pipeline.engine.verify.deleted_records import LostRows
from stagenorm_pipeline.engine.verify.log_moves import LogMoves, moves_of_one_plan
from stagenorm_pipeline.engine.verify.result import AuditedWork, Finding
from stagenorm_pipeline.engine.verify.snapshot import Snapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class Disagreement:
    """A batch that disagrees with the audit log. sql/verify/audit_counts.sql lists the values of `problem`."""

    target: str
    fund_id: str | None
    batch_id: int | None
    problem: str
    audit_rows: int
    rows_updated: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherStage:
    """A stage in the audit rows of a batch that is neither canonical nor written by the plan.

    `is_rollback`: a spelling that no plan read, in the audit rows of a rollback. `stage` None: NULL.
    """

    target: str
    fund_id: str | None
    batch_id: int | None
    stage: str | None
    is_rollback: bool
    audit_rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Entries:
    """The number of log entries of the judged plans, with the first and the last id."""

    normalized: int = 0
    rolled_back: int = 0
    first_id: int = 0
    last_id: int = 0

    @property
    def count(self) -> int:
        return self.normalized + self.rolled_back


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditLog:
    """The counts of one pass over the log. `disagreements`, `other_stages` and `work` hold the first of their totals.

    `rows_with_other_stages`: the exact number of audit rows with such a stage. `plans`: the plans that entries name.
    `moves`: what the entries moved in each target; empty if they are of several plans.
    """

    targets: Mapping[str, Entries] = field(default_factory=dict)
    disagreements: tuple[Disagreement, ...] = ()
    disagreements_total: int = 0
    other_stages: tuple[OtherStage, ...] = ()
    other_stages_total: int = 0
    rows_with_other_stages: int = 0
    work: tuple[AuditedWork, ...] = ()
    work_total: int = 0
    plans: tuple[int, ...] = ()
    moves: Mapping[str, LogMoves] = field(default_factory=dict)

    @property
    def entries(self) -> Entries:
        """The entries of all targets together."""
        found = [entries for entries in self.targets.values() if entries.count]
        return Entries(
            normalized=sum(entries.normalized for entries in found),
            rolled_back=sum(entries.rolled_back for entries in found),
            first_id=min((entries.first_id for entries in found), default=0),
            last_id=max((entries.last_id for entries in found), default=0),
        )


def read_audit_log(snapshot: Snapshot, lost: tuple[LostRows, ...]) -> AuditLog:
    """Count the log. Audit rows of `lost` batches are no disagreement: rule 1 reports those batches."""
    lost_rows: dict[tuple[int, str], int] = {}
    for entry in lost:
        # The lost rows of a rollback may belong to any of its targets.
        for target in [entry.target] if entry.target else snapshot.names:
            lost_rows[entry.plan_id, target] = lost_rows.get((entry.plan_id, target), 0) + entry.rows
    with by_hashing(snapshot.connection):
        rows = snapshot.rows(
            "verify/audit_counts",
            {
                "lost_plans": [plan_id for plan_id, _ in lost_rows],
                "lost_targets": [target for _, target in lost_rows],
                "lost_rows": list(lost_rows.values()),
            },
        )
    work = [row for row in rows if row.part == "work"]
    batches = [row for row in rows if row.part == "batch"]
    stages = [row for row in rows if row.part == "stage"]
    return AuditLog(
        targets=_entries(row for row in rows if row.part == "target"),
        disagreements=tuple(map(_disagreement, batches)),
        disagreements_total=batches[0].total if batches else 0,
        other_stages=tuple(map(_other_stage, stages)),
        other_stages_total=stages[0].total if stages else 0,
        rows_with_other_stages=stages[0].all_rows if stages else 0,
        work=tuple(map(_work, work)),
        work_total=work[0].total if work else 0,
        plans=tuple(sorted(row.plan_id for row in rows if row.part == "plan")),
        moves=moves_of_one_plan(row for row in rows if row.part == "move"),
    )


def _disagreement(row: Any) -> Disagreement:
    return Disagreement(
        target=row.target,
        fund_id=row.fund_id,
        batch_id=row.batch_id,
        problem=row.problem,
        audit_rows=row.audit_rows,
        rows_updated=row.rows_updated,
    )


def _other_stage(row: Any) -> OtherStage:
    return OtherStage(
        target=row.target,
        fund_id=row.fund_id,
        batch_id=row.batch_id,
        stage=row.stage_after,
        is_rollback=row.action == PlanKind.ROLLBACK,
        audit_rows=row.audit_rows,
    )


def _work(row: Any) -> AuditedWork:
    return AuditedWork(
        plan_id=row.plan_id,
        action=row.action,
        run_by=row.run_by,
        rows=row.audit_rows,
        first_at=row.first_at,
        last_at=row.last_at,
    )


def _entries(rows: Iterator[Any]) -> dict[str, Entries]:
    found: dict[str, Entries] = {}
    for row in rows:
        before = found.get(row.target)
        entries = before or Entries(first_id=row.first_id)
        is_rollback = row.action == PlanKind.ROLLBACK
        found[row.target] = Entries(
            normalized=entries.normalized + (0 if is_rollback else row.audit_rows),
            rolled_back=entries.rolled_back + (row.audit_rows if is_rollback else 0),
            first_id=min(entries.first_id, row.first_id),
            last_id=max(entries.last_id, row.last_id),
        )
    return found


_DISAGREEING = {
    "missing": "changed by stagenorm, without an audit row",
    "twice": "several audit rows of one change",
    "foreign": "audit row of a row that was not in its batch",
}


def read_disagreeing_rows(snapshot: Snapshot, log: AuditLog) -> tuple[Finding, ...]:
    """List the rows on which batches and log disagree, as far as they can be identified."""
    findings: list[Finding] = []
    for target in snapshot.targets:
        batches = [d.batch_id for d in log.disagreements if d.target == target.name and d.rows_updated is not None]
        if not batches:
            continue
        with by_hashing(snapshot.connection):
            rows = snapshot.target_rows("verify/batch_rows", target, ("key", "table", "stage"), {"batches": batches})
        findings += [
            Finding(
                what=_DISAGREEING[row.problem],
                target=target.name,
                has_fund=True,
                fund_id=row.fund_id,
                row_id=row.row_id,
                batch_id=row.batch_id,
                stage_before=row.stage_before,
                stage_after=row.stage_after,
                stage_now=row.stage_now,
                has_stage_now=row.row_exists,
            )
            for row in rows
        ]
    return tuple(findings)
