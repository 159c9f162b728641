"""Rule 5: the audit log agrees with the batches, the receipts, the digests and the rows.

Rule 4 reports deleted rows and rule 3 reports NULLs. A forgery that keeps rows, log, receipts and digests in agreement
passes: only a comparison with a signed report that is kept outside the database finds it."""

from stagenorm_pipeline.counts import counted
from stagenorm_pipeline.engine.verify.audit_log import AuditLog, Disagreement, OtherStage, read_disagreeing_rows
from stagenorm_pipeline.engine.verify.audited_rows import AuditedRows, RowState
from stagenorm_pipeline.engine.verify.receipts_and_digests import WRONG, ReceiptsAndDigests
from stagenorm_pipeline.engine.verify.result import CheckResult, Finding, Rule, Severity, some_of_each
from stagenorm_pipeline.engine.verify.rules.description import RuleDescription
from stagenorm_pipeline.engine.verify.snapshot import Snapshot
from stagenorm_pipeline.engine.verify.target_facts import TargetFacts

DESCRIPTION = RuleDescription(
    rule=Rule.AUDIT_CONSISTENCY,
    title="Audit Log Consistency",
    proves=(
        "Every batch has as many audit rows as updated rows, they name the batch's own rows, and none was altered. "
        "They write stages of the vocabulary or of their plan; a rollback's write spellings that a plan read. "
        "Every audited row holds what was written last, or is listed."
    ),
    cannot_know=(
        "Why a row was changed since, changes of rows that were never audited, and which rows a batch skipped. A "
        "forgery that rewrote rows, audit rows, receipts and digests so that they agree."
    ),
    severity=(
        "An error if log, batches, receipts or digests disagree, if an audit row has another stage, if a row holds its "
        "old spelling again, if every changed row is on one stage, or if other sessions changed more rows than the "
        "settings allow. A warning if other sessions changed fewer rows, or if a rollback left rows."
    ),
)
_COMPARED = (
    "audit rows per batch with the batch's rows_updated and its receipts; each stage_after with the vocabulary and the "
    "plan; closed plans with their digests; "
    "each audited row's latest stage_after with its stage now"
)


def check(
    snapshot: Snapshot, log: AuditLog, receipts: ReceiptsAndDigests, targets: tuple[TargetFacts, ...]
) -> CheckResult:
    """Judge the audit log of the covered plans."""
    audited = [facts.audited for facts in targets]
    set_back = [rows.states.get(RowState.SET_BACK, AuditedRows()) for rows in audited]
    changed = [rows.of(RowState.CHANGED) for rows in audited]
    # A left row holds its old spelling already, or still holds what the batch wrote.
    left = [rows.left.get(RowState.SET_BACK, AuditedRows()) + rows.left_holding for rows in audited]
    figures = {
        "audit_rows": log.entries.normalized,
        "rollback_rows": log.entries.rolled_back,
        "batches_that_disagree": log.disagreements_total,
        "audit_rows_with_other_stages": log.rows_with_other_stages,
        "rows_set_back": sum(rows.total for rows in set_back),
        "rows_changed_since": sum(rows.total for rows in changed),
        "rows_left_by_rollback": sum(rows.rows_left for rows in audited),
        **receipts.figures,
    }
    rows_total = sum(rows.total for rows in (*set_back, *changed, *left))
    named = read_disagreeing_rows(snapshot, log) if log.disagreements else ()
    examples = ([example for rows in kind for example in rows.examples] for kind in (set_back, changed, left))
    altered = receipts.findings({found.batch_id for found in log.disagreements})
    stages = [other_stage_finding(found) for found in log.other_stages]
    is_wrong = any(
        figures[name] for name in ("batches_that_disagree", "audit_rows_with_other_stages", "rows_set_back", *WRONG)
    )
    return CheckResult(
        rule=Rule.AUDIT_CONSISTENCY,
        passed=not (is_wrong or rows_total),
        severity=Severity.ERROR if is_wrong else Severity.WARN,
        summary=_summary(figures),
        compared=_COMPARED,
        figures=figures,
        findings=some_of_each([batch_finding(found) for found in log.disagreements], named, stages, altered, *examples),
        findings_total=(
            log.disagreements_total
            + len(named)
            + log.other_stages_total
            + rows_total
            + _altered_total(receipts, altered)
        ),
        recommendation=_recommendation(figures),
    )


def _altered_total(receipts: ReceiptsAndDigests, altered: list[Finding]) -> int:
    """The number of all findings, of which `altered` lists the first ones."""
    found = receipts.receipts
    cut = found.mismatches_total - len(found.mismatches) + found.rows_total - len(found.rows)
    return len(altered) + cut


_PROBLEMS = {
    "count": "batch and audit log disagree",
    "rows": "batch and audit log name other rows",
    "no batch": "audit rows without a batch",
}


def batch_finding(found: Disagreement) -> Finding:
    updated = "" if found.rows_updated is None else f"rows_updated {found.rows_updated:,}, "
    return Finding(
        what=_PROBLEMS[found.problem],
        target=found.target,
        has_fund=found.rows_updated is not None,
        fund_id=found.fund_id,
        batch_id=found.batch_id,
        rows=found.audit_rows if found.rows_updated is None else found.rows_updated,
        detail=f"{updated}audit rows {found.audit_rows:,}",
    )


def other_stage_finding(found: OtherStage) -> Finding:
    what = "a spelling that no plan read" if found.is_rollback else "a stage that the plan does not write"
    return Finding(
        what=f"audit rows with {what}",
        target=found.target,
        has_fund=True,
        fund_id=found.fund_id,
        batch_id=found.batch_id,
        stage_after=found.stage,
        rows=found.audit_rows,
    )


def _summary(figures: dict[str, int]) -> str:
    parts = []
    if figures["batches_that_disagree"]:
        parts.append(f"audit rows disagree with {counted(figures['batches_that_disagree'], 'batch')}")
    if figures["audit_rows_with_other_stages"]:
        parts.append(f"{counted(figures['audit_rows_with_other_stages'], 'audit row')} with a stage of no plan")
    if figures["batches_that_differ_from_receipts"]:
        parts.append(
            f"audit rows of {counted(figures['batches_that_differ_from_receipts'], 'batch')} differ from their receipts"
        )
    if figures["older_audit_rows_that_differ"]:
        parts.append(
            f"{counted(figures['older_audit_rows_that_differ'], 'older audit row')} not as planned in the batch"
        )
    if figures["plan_digests_that_differ"]:
        parts.append(f"{counted(figures['plan_digests_that_differ'], 'plan')} not as in the digest")
    if figures["signed_reports_altered"]:
        parts.append("the signed report was altered")
    if figures["rows_set_back"]:
        parts.append(f"{counted(figures['rows_set_back'], 'row')} with the old spelling again")
    if figures["rows_changed_since"]:
        parts.append(f"{counted(figures['rows_changed_since'], 'row')} changed by other sessions since")
    if figures["rows_left_by_rollback"]:
        parts.append(f"{counted(figures['rows_left_by_rollback'], 'row')} left by a rollback")
    undone = f", {figures['rollback_rows']:,} of them undone" if figures["rollback_rows"] else ""
    older = figures["audit_rows_older_than_receipts"]
    compared = f"; {older:,} older than receipts, compared with the batch members" if older else ""
    return "; ".join(parts) or f"Audit log matches actual data ({figures['audit_rows']:,} changes{undone}{compared})"


def _recommendation(figures: dict[str, int]) -> str | None:
    """Return what to do; None if there is nothing to do."""
    advice = []
    if figures["batches_that_disagree"]:
        advice.append("Audit rows or batch counts were changed by hand. Before a rollback, restore them from a backup.")
    if any(figures[name] for name in ("audit_rows_with_other_stages", *WRONG)):
        advice.append(
            "The audit log, receipts, digests or the signed report were altered. Do not roll back: restore them from a "
            "backup first, and find out who can write these tables."
        )
    if figures["rows_set_back"]:
        advice.append(
            "Find out who set rows back to their old spelling (a rollback of the application?), then run again."
        )
    if figures["rows_changed_since"]:
        advice.append("Review the rows changed since: a user changed them, or they are damaged.")
    if figures["rows_left_by_rollback"]:
        advice.append(
            "Review the rows that the rollback left: another session had changed, emptied or deleted them. Decide "
            "whether to restore them by hand."
        )
    return " ".join(advice) or None
