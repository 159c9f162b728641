"""Rule 5: log and data agree. Every audited row holds its latest `stage_after`, or is listed as changed since; every
batch has as many audit rows as it says it updated.

An error where log and batch counts disagree, or where a row holds its old spelling again; a warning where somebody
changed a row since. Deleted rows are for rule 4, rows that are NULL now for rule 3. Cannot tell a user's later change
from damage: such rows are listed.
"""

from typing import Any

from stagenorm_pipeline.engine.verification.facts import Snapshot, TargetFacts
from stagenorm_pipeline.engine.verification.result import FINDINGS_SHOWN, CheckResult, Finding, Rule, Severity

_COMPARED = (
    "audit rows per batch with the batch's rows_updated; each audited row's latest stage_after with its stage now"
)


def check(snapshot: Snapshot, targets: tuple[TargetFacts, ...]) -> CheckResult:
    """Judge the audit log of the covered plans."""
    wrong = snapshot.rows("verify_audit_counts", {"targets": [t.name for t in targets]}) if snapshot.plans else []
    wrong_batches = wrong[0].wrong_batches if wrong else 0
    set_back = sum(facts.set_back.total for facts in targets)
    changed = sum(facts.changed.total for facts in targets)
    figures = {
        "audit_rows": sum(facts.normalized for facts in targets),
        "rollback_rows": sum(facts.rolled_back for facts in targets),
        "batches_that_disagree": wrong_batches,
        "rows_set_back": set_back,
        "rows_changed_since": changed,
    }
    findings = [
        *(_batch_finding(row) for row in wrong),
        *(example for facts in targets for example in facts.set_back.examples),
        *(example for facts in targets for example in facts.changed.examples),
    ]
    return CheckResult(
        Rule.AUDIT_CONSISTENCY,
        not (wrong_batches or set_back or changed),
        Severity.ERROR if wrong_batches or set_back else Severity.WARN,
        _summary(figures),
        _COMPARED,
        figures,
        tuple(findings[:FINDINGS_SHOWN]),
        wrong_batches + set_back + changed,
        _recommendation(wrong_batches, set_back, changed),
    )


def _batch_finding(row: Any) -> Finding:
    return Finding(
        "batch and audit log disagree",
        row.target,
        True,
        row.fund_id,
        batch_id=row.batch_id,
        rows=row.rows_updated,
        detail=f"rows_updated {row.rows_updated}, audit rows {row.audit_rows}",
    )


def _summary(figures: dict[str, int]) -> str:
    parts = []
    if figures["batches_that_disagree"]:
        parts.append(f"{figures['batches_that_disagree']} batch(es) whose audit rows are not their rows_updated")
    if figures["rows_set_back"]:
        parts.append(f"{figures['rows_set_back']} row(s) hold their old spelling again")
    if figures["rows_changed_since"]:
        parts.append(f"{figures['rows_changed_since']} row(s) were changed by others since")
    return "; ".join(parts) or f"Audit log matches actual data ({figures['audit_rows']} changes)"


def _recommendation(wrong_batches: int, set_back: int, changed: int) -> str | None:
    advice = []
    if wrong_batches:
        advice.append("Audit rows or batch counts were changed by hand: restore them from a backup before a rollback.")
    if set_back:
        advice.append(
            "Find out who set rows back to their old spelling (a rollback of the application?), then run again."
        )
    if changed:
        advice.append("Look through the rows changed since: they are other people's later decisions, or damage.")
    return " ".join(advice) or None
