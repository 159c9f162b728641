"""Rule 3: no new NULLs against the baseline, by table and fund, and no row that we changed lost its stage.

Proves that no audited row is NULL and that no fund has more NULLs than before. Data alone cannot tell a live user's
NULL, or a new row without a stage, from damage: both are listed, as a warning.
"""

from stagenorm_pipeline.engine.verification.facts import TargetFacts
from stagenorm_pipeline.engine.verification.result import FINDINGS_SHOWN, CheckResult, Finding, Rule, Severity

_COMPARED = "NULL stages now with those of the baseline, by table and fund; audited rows with NULL"


def check(targets: tuple[TargetFacts, ...]) -> CheckResult:
    """Judge NULLs now against the baseline."""
    more = [finding for facts in targets for finding in _funds_with_more(facts)]
    new_nulls = sum(finding.rows or 0 for finding in more)
    audited_null = sum(facts.null.total for facts in targets)
    rows = [example for facts in targets for example in facts.null.examples]
    figures = {
        "null_before": sum(facts.baseline.counts.rows_null for facts in targets if facts.baseline),
        "null_now": sum(facts.inventory.counts.rows_null for facts in targets),
        "new_null": new_nulls,
        "audited_rows_now_null": audited_null,
        "targets_without_baseline": sum(facts.baseline is None for facts in targets),
    }
    if not more and not audited_null:
        summary = "No unexpected NULL values found"
        if all(facts.baseline is None for facts in targets):
            summary = "No baseline to compare with: no plan has been applied yet"
        return CheckResult(Rule.NULL_INTEGRITY, True, Severity.WARN, summary, _COMPARED, figures)
    return CheckResult(
        Rule.NULL_INTEGRITY,
        False,
        Severity.WARN,
        f"{new_nulls} more NULL stage(s) than in the baseline; {audited_null} row(s) that were changed are NULL now",
        _COMPARED,
        figures,
        (*rows, *more)[:FINDINGS_SHOWN],
        len(more) + audited_null,
        "stagenorm never writes NULL. Ask who did: for each row listed the audit log has the stage it had "
        "(stage_after), `stagenorm rollback` leaves such rows alone.",
    )


def _funds_with_more(facts: TargetFacts) -> list[Finding]:
    if facts.baseline is None:
        return []
    findings = []
    for fund in facts.inventory.funds:
        counts = facts.baseline.before(fund.fund_id)
        before = counts.rows_null if counts else fund.counts.rows_null
        if fund.counts.rows_null > before:
            findings.append(
                Finding(
                    "more NULLs than before",
                    facts.name,
                    True,
                    fund.fund_id,
                    rows=fund.counts.rows_null - before,
                    detail=f"{before} before, {fund.counts.rows_null} now",
                )
            )
    return findings
