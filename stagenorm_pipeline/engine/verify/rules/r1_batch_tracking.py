"""Rule 1: every planned batch ended, none failed, and no tracking row of applied work was deleted."""

from collections.abc import Iterator
from typing import Any

from psycopg import sql

from stagenorm_pipeline.counts import counted
from stagenorm_pipeline.engine.plan.batch_types import PlanKind
from stagenorm_pipeline.engine.postgres.sql_files import statement
from stagenorm_pipeline.engine.verify.deleted_records import (
    DeletedBatch,
    DeletedRecords,
    LostRows,
    MissingPlan,
    PlanProblem,
)
from stagenorm_pipeline.engine.verify.result import CheckResult, Finding, Rule, Severity, some_of_each
from stagenorm_pipeline.engine.verify.rules.description import RuleDescription
from stagenorm_pipeline.engine.verify.snapshot import Snapshot

DESCRIPTION = RuleDescription(
    rule=Rule.BATCH_TRACKING,
    title="Batch Tracking",
    proves=(
        "Every planned batch ended, the database refused no row, and the counts of every batch add up. No planned row "
        "lost its batch, and no applied plan or complete batch was deleted. The same holds for rollbacks."
    ),
    cannot_know="Rows that no plan covered. Rule 2 looks at every row.",
    severity="An error.",
)
_COMPARED = "the recorded plans with their batches; receipts and audit rows with the plans and batches that exist"
_ENDED_OTHERWISE = ("cancelled", "rolled_back")
_STATUSES = ("completed", "failed", "pending", "running", *_ENDED_OTHERWISE)
_WRONG = (
    "failed_batches",
    "pending_batches",
    "running_batches",
    "wrong_sums",
    "wrong_statuses",
    "plans_gone",
    "baselines_gone",
    "complete_batches_deleted",
)


def check(snapshot: Snapshot, deleted: DeletedRecords) -> CheckResult:
    """Judge the batches of the covered plans, and the records that were deleted."""
    if not (snapshot.plans.judged or deleted.batches or deleted.plans):
        summary = _nothing(snapshot)
        return CheckResult(
            rule=Rule.BATCH_TRACKING,
            passed=True,
            severity=Severity.ERROR,
            summary=summary,
            compared=_COMPARED,
            figures={"total_batches": 0},
        )
    unsettled = tuple(entry for entry in deleted.rows if not entry.is_settled)
    wrong_status = sql.SQL(statement("verify/wrong_status"))
    figures = _figures(snapshot.rows("verify/batches", wrong_status=wrong_status), unsettled) | _gone(deleted)
    bad = sum(figures[name] for name in _WRONG) + len(unsettled)
    return CheckResult(
        rule=Rule.BATCH_TRACKING,
        passed=bad == 0,
        severity=Severity.ERROR,
        summary=_summary(figures),
        compared=_COMPARED,
        figures=figures,
        findings=some_of_each(list(open_batches(snapshot)), *deleted_findings(deleted)) if bad else (),
        findings_total=bad,
        recommendation=_recommendation(figures) if bad else None,
    )


def _nothing(snapshot: Snapshot) -> str:
    if snapshot.signed is None:
        return "No plan has been applied yet: there are no batches to track"
    return f"No plan was applied since verification {snapshot.signed.facts.verification_id} was signed"


def _gone(deleted: DeletedRecords) -> dict[str, int]:
    plans = [plan.problem for plan in deleted.plans]
    return {
        "plans_gone": plans.count(PlanProblem.PLAN),
        "baselines_gone": plans.count(PlanProblem.BASELINE),
        "complete_batches_deleted": sum(batch.is_complete for batch in deleted.batches),
        "other_batches_deleted": sum(not batch.is_complete for batch in deleted.batches),
        "rows_updated_by_those": sum(batch.rows_updated for batch in deleted.batches if not batch.is_complete),
    }


def _figures(rows: list[Any], unsettled: tuple[LostRows, ...]) -> dict[str, int]:
    counts = {status: sum(row.batches for row in rows if row.status == status) for status in _STATUSES}
    normalizing = [row for row in rows if row.kind == PlanKind.NORMALIZE]
    return {
        "total_batches": sum(count for status, count in counts.items() if status not in _ENDED_OTHERWISE),
        **{f"{status}_batches": counts[status] for status in _STATUSES},
        "rows_planned": sum(row.rows_planned for row in normalizing if row.status != "cancelled"),
        "rows_updated": sum(row.rows_updated for row in normalizing),
        "rows_restored": sum(row.rows_updated for row in rows if row.kind == PlanKind.ROLLBACK),
        "rows_skipped": sum(row.rows_skipped for row in rows),
        "rows_failed": sum(row.rows_failed for row in rows if row.status == "failed"),
        "wrong_sums": sum(row.wrong_sums for row in rows),
        "wrong_statuses": sum(row.wrong_statuses for row in rows),
        "rows_without_a_batch": sum(entry.rows for entry in unsettled if entry.rows > 0),
        "rows_never_planned": -sum(entry.rows for entry in unsettled if entry.rows < 0),
    }


def _summary(figures: dict[str, int]) -> str:
    parts = [f"{figures['failed_batches']:,} failed"] if figures["failed_batches"] else []
    waiting = figures["pending_batches"] + figures["running_batches"]
    parts += [f"{waiting:,} not done yet"] if waiting else []
    parts += [f"{figures['wrong_sums']:,} with counts that do not add up"] if figures["wrong_sums"] else []
    parts += [f"{figures['wrong_statuses']:,} with a status edited by hand"] if figures["wrong_statuses"] else []
    gone = figures["complete_batches_deleted"]
    parts += [f"{gone:,} complete ones deleted"] if gone else []
    parts += [f"{counted(figures['plans_gone'], 'plan')} deleted"] if figures["plans_gone"] else []
    parts += (
        [f"the baseline of {counted(figures['baselines_gone'], 'plan')} deleted"] if figures["baselines_gone"] else []
    )
    lost, added = figures["rows_without_a_batch"], figures["rows_never_planned"]
    parts += [f"{counted(lost, 'planned row')} without a batch"] if lost else []
    parts += [f"{counted(added, 'row')} in batches but never planned"] if added else []
    total = figures["total_batches"]
    if parts:
        return f"Of {counted(total, 'batch')}: {', '.join(parts)}"
    undone = f", {figures['rolled_back_batches']:,} more rolled back" if figures["rolled_back_batches"] else ""
    deleted = figures["other_batches_deleted"]
    undone += f", {deleted:,} failed or pending ones deleted" if deleted else ""
    return f"All batches completed successfully ({total:,} total{undone})"


def open_batches(snapshot: Snapshot) -> Iterator[Finding]:
    """Read batches with a problem, and the rows that the database refused."""
    for row in snapshot.stream("verify/open_batches", {}, wrong_status=sql.SQL(statement("verify/wrong_status"))):
        yield Finding(
            what="row refused by the database" if row.row_id is not None else _ended(row),
            target=row.target,
            has_fund=True,
            fund_id=row.fund_id,
            row_id=row.row_id,
            batch_id=row.batch_id,
            stage_before=row.stage_before,
            stage_after=row.stage_after,
            rows=None if row.row_id is not None else row.rows_planned,
            detail=row.row_error or row.error_message,
        )


def deleted_findings(deleted: DeletedRecords) -> tuple[list[Finding], ...]:
    """List the records that were deleted, by kind."""
    return (
        [_lost_finding(entry) for entry in deleted.rows if not entry.is_settled],
        [_deleted_finding(batch) for batch in deleted.batches if batch.is_complete],
        [_plan_finding(plan) for plan in deleted.plans],
    )


def _ended(row: Any) -> str:
    batch = "batch of a rollback" if row.kind == PlanKind.ROLLBACK else "batch"
    return f"{batch} marked {row.status} by hand" if row.is_wrong_status else f"{batch} {row.status}"


def _lost_finding(lost: LostRows) -> Finding:
    what = "planned rows without a batch" if lost.rows > 0 else "rows in batches that were never planned"
    return Finding(
        what=what,
        target=lost.target,
        has_fund=lost.has_fund,
        fund_id=lost.fund_id,
        rows=abs(lost.rows),
        detail=f"plan {lost.plan_id}",
    )


def _deleted_finding(batch: DeletedBatch) -> Finding:
    return Finding(
        what="complete batch that was deleted",
        target=batch.target,
        has_fund=True,
        fund_id=batch.fund_id,
        batch_id=batch.batch_id,
        rows=batch.rows_updated,
        detail=f"plan {batch.plan_id}",
    )


_GONE = {PlanProblem.PLAN: "plan that was deleted", PlanProblem.BASELINE: "plan whose baseline was deleted"}


def _plan_finding(plan: MissingPlan) -> Finding:
    return Finding(what=_GONE[plan.problem], detail=f"plan {plan.plan_id}")


def _recommendation(figures: dict[str, int]) -> str:
    advice = []
    if figures["rows_failed"]:
        advice.append(
            f"The database refused {counted(figures['rows_failed'], 'row')}. Fix the cause (each row lists its error), "
            "then run `stagenorm resume`: it takes only the refused rows."
        )
    elif figures["failed_batches"]:
        advice.append(
            "Read the batches' errors (`SELECT * FROM stage_migration_failures`), then run `stagenorm resume`."
        )
    if figures["pending_batches"] or figures["running_batches"]:
        advice.append("The migration is not finished: `stagenorm status` shows it, `stagenorm resume` continues it.")
    if figures["wrong_sums"]:
        advice.append("A batch's counts were changed by hand. Compare it with the audit log before you trust it.")
    if figures["rows_without_a_batch"]:
        advice.append(
            "Batches were deleted. `stagenorm run` makes a new plan for their rows, for these funds or for all."
        )
    if figures["rows_never_planned"]:
        advice.append("Batches were added or enlarged by hand. Compare them with the plan before you trust them.")
    if figures["wrong_statuses"]:
        advice.append("Set the status of these batches back to what it was. Their rows are judged in any case.")
    if figures["plans_gone"] or figures["baselines_gone"] or figures["complete_batches_deleted"]:
        advice.append(
            "Applied plans, their baselines or complete batches were deleted. The runbook never asks for that. "
            "Restore them from a backup."
        )
    return " ".join(advice)
