"""Rule 1: every planned batch ended, none failed, and its counts add up.

Proves that no planned work is left over or was refused. Cannot know of rows that no plan held: rule 2 does.
"""

from stagenorm_pipeline.engine.verification.facts import Snapshot
from stagenorm_pipeline.engine.verification.result import CheckResult, Finding, Rule, Severity

_STATUSES = ("completed", "failed", "pending", "running", "cancelled")


def check(snapshot: Snapshot, targets: list[str]) -> CheckResult:
    """Judge the batches of the covered plans in scope."""
    if not snapshot.plans:
        return CheckResult(
            Rule.BATCH_TRACKING,
            True,
            Severity.ERROR,
            "No plan has been applied yet: there are no batches to track",
            "the recorded plans with what became of their batches",
            {"total_batches": 0},
        )
    by_status = {row.status: row for row in snapshot.rows("verify_batches", {"targets": targets})}
    counts = {status: by_status[status].batches if status in by_status else 0 for status in _STATUSES}
    wrong_sums = sum(row.wrong_sums for row in by_status.values())
    missing = snapshot.rows("verify_missing_batches", {}) if snapshot.scope.all_funds else []
    missing_rows = sum(row.rows_to_change - row.rows_in_batches for row in missing)
    total = sum(counts.values()) - counts["cancelled"]
    bad = counts["failed"] + counts["pending"] + counts["running"] + wrong_sums + len(missing)
    figures = {
        "total_batches": total,
        **{f"{status}_batches": counts[status] for status in _STATUSES},
        "rows_planned": sum(row.rows_planned for status, row in by_status.items() if status != "cancelled"),
        "rows_updated": sum(row.rows_updated for row in by_status.values()),
        "rows_skipped": sum(row.rows_skipped for row in by_status.values()),
        "rows_failed": by_status["failed"].rows_failed if "failed" in by_status else 0,
        "wrong_sums": wrong_sums,
        "rows_without_a_batch": missing_rows,
    }
    return CheckResult(
        Rule.BATCH_TRACKING,
        bad == 0,
        Severity.ERROR,
        _summary(total, counts, wrong_sums, missing_rows),
        "the recorded plans with what became of their batches",
        figures,
        _findings(snapshot, targets) if bad else (),
        bad,
        _recommendation(counts, figures["rows_failed"], wrong_sums, missing_rows) if bad else None,
    )


def _summary(total: int, counts: dict[str, int], wrong_sums: int, missing_rows: int) -> str:
    parts = [f"{counts['failed']} failed"] if counts["failed"] else []
    waiting = counts["pending"] + counts["running"]
    parts += [f"{waiting} not done yet"] if waiting else []
    parts += [f"{wrong_sums} whose counts do not add up"] if wrong_sums else []
    parts += [f"{missing_rows} planned row(s) have lost their batch"] if missing_rows else []
    if not parts:
        return f"All batches completed successfully ({total} total)"
    return f"Of {total} batches: {', '.join(parts)}"


def _findings(snapshot: Snapshot, targets: list[str]) -> tuple[Finding, ...]:
    return tuple(
        Finding(
            what="row refused by the database" if row.row_id is not None else f"batch {row.status}",
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
        for row in snapshot.rows("verify_open_batches", {"targets": targets})
    )


def _recommendation(counts: dict[str, int], rows_failed: int, wrong_sums: int, missing_rows: int) -> str:
    advice = []
    if rows_failed:
        advice.append(
            f"{rows_failed} row(s) were refused: mend what refuses them (the error stands beside each), "
            "then `stagenorm resume` takes only those rows."
        )
    elif counts["failed"]:
        advice.append("Read the batches' errors (`SELECT * FROM stage_migration_failures`), then `stagenorm resume`.")
    if counts["pending"] or counts["running"]:
        advice.append("The migration is not at its end: `stagenorm status` tells, `stagenorm resume` goes on.")
    if wrong_sums:
        advice.append("A batch's counts were changed by hand: compare it with the audit log before trusting it.")
    if missing_rows:
        advice.append("Batches were deleted: `stagenorm run` plans anew what is left of them.")
    return " ".join(advice)
