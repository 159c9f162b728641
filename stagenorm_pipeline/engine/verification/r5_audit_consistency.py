"""Rule 5: log and data agree. Every audited row holds its latest `stage_after`, or is listed as changed since; every
batch has as many audit rows as it says it updated, and they name its own rows.

Proves that no row of a batch was changed without its audit row. An error where log and batches disagree, or where a row
holds its old spelling again; a warning where somebody changed a row since, or a rollback left it. Deleted rows are for
rule 4, rows that are NULL now for rule 3. Cannot tell a user's later change from damage, nor of a batch that skipped
rows which of its rows were the ones.
"""

from stagenorm_pipeline.engine.verification.audit_log import AuditLog, Disagreement, read_disagreeing_rows
from stagenorm_pipeline.engine.verification.audited_rows import AuditedRows, RowState
from stagenorm_pipeline.engine.verification.facts import TargetFacts
from stagenorm_pipeline.engine.verification.result import CheckResult, Finding, Rule, Severity, some_of_each
from stagenorm_pipeline.engine.verification.snapshot import Snapshot

_COMPARED = (
    "audit rows per batch with the batch's rows_updated; each audited row's latest stage_after with its stage now"
)


def check(snapshot: Snapshot, log: AuditLog, targets: tuple[TargetFacts, ...]) -> CheckResult:
    """Judge the audit log of the covered plans."""
    audited = [facts.audited for facts in targets]
    set_back = [rows.states.get(RowState.SET_BACK, AuditedRows()) for rows in audited]
    changed = [rows.of(RowState.CHANGED) for rows in audited]
    # These hold what the rollback would have given them, or what it was to take from them.
    left = [rows.left.get(RowState.SET_BACK, AuditedRows()) + rows.left_holding for rows in audited]
    figures = {
        "audit_rows": log.entries.normalized,
        "rollback_rows": log.entries.rolled_back,
        "batches_that_disagree": log.disagreements_total,
        "rows_set_back": sum(rows.total for rows in set_back),
        "rows_changed_since": sum(rows.total for rows in changed),
        "rows_left_by_rollback": sum(rows.rows_left for rows in audited),
    }
    rows_total = sum(rows.total for rows in (*set_back, *changed, *left))
    named = read_disagreeing_rows(snapshot, log) if log.disagreements else ()
    examples = ([example for rows in kind for example in rows.examples] for kind in (set_back, changed, left))
    is_wrong = figures["batches_that_disagree"] or figures["rows_set_back"]
    return CheckResult(
        Rule.AUDIT_CONSISTENCY,
        not (is_wrong or rows_total),
        Severity.ERROR if is_wrong else Severity.WARN,
        _summary(figures),
        _COMPARED,
        figures,
        some_of_each([_batch_finding(found) for found in log.disagreements], named, *examples),
        log.disagreements_total + len(named) + rows_total,
        _recommendation(figures),
    )


_PROBLEMS = {
    "count": "batch and audit log disagree",
    "rows": "batch and audit log name other rows",
    "no batch": "audit rows without a batch",
}


def _batch_finding(found: Disagreement) -> Finding:
    updated = "" if found.rows_updated is None else f"rows_updated {found.rows_updated:,}, "
    return Finding(
        _PROBLEMS[found.problem],
        found.target,
        found.rows_updated is not None,
        found.fund_id,
        batch_id=found.batch_id,
        rows=found.audit_rows if found.rows_updated is None else found.rows_updated,
        detail=f"{updated}audit rows {found.audit_rows:,}",
    )


def _summary(figures: dict[str, int]) -> str:
    parts = []
    if figures["batches_that_disagree"]:
        parts.append(f"{figures['batches_that_disagree']:,} batch(es) and their audit rows disagree")
    if figures["rows_set_back"]:
        parts.append(f"{figures['rows_set_back']:,} row(s) hold their old spelling again")
    if figures["rows_changed_since"]:
        parts.append(f"{figures['rows_changed_since']:,} row(s) were changed by others since")
    if figures["rows_left_by_rollback"]:
        parts.append(f"{figures['rows_left_by_rollback']:,} row(s) were left by a rollback of their batch")
    undone = f", {figures['rollback_rows']:,} of them undone" if figures["rollback_rows"] else ""
    return "; ".join(parts) or f"Audit log matches actual data ({figures['audit_rows']:,} changes{undone})"


def _recommendation(figures: dict[str, int]) -> str | None:
    advice = []
    if figures["batches_that_disagree"]:
        advice.append("Audit rows or batch counts were changed by hand: restore them from a backup before a rollback.")
    if figures["rows_set_back"]:
        advice.append(
            "Find out who set rows back to what they held before (a rollback of the application?), then run again."
        )
    if figures["rows_changed_since"]:
        advice.append("Look through the rows changed since: they are other people's later decisions, or damage.")
    if figures["rows_left_by_rollback"]:
        advice.append(
            "Look through the rows that the rollback left: somebody had changed, emptied or deleted them before, and "
            "whether they should go back too is for a person to say."
        )
    return " ".join(advice) or None
