"""Rule 4: nothing vanished. Every row that the audit log touched still exists, and no fund has fewer rows.

Proves that stagenorm lost no row. Data alone cannot tell a live user's delete, or a move to another fund, from
damage: both are listed, as a warning. Rows inserted since are named and are no fault.
"""

from stagenorm_pipeline.engine.verification.facts import TargetFacts
from stagenorm_pipeline.engine.verification.result import FINDINGS_SHOWN, CheckResult, Finding, Rule, Severity

_COMPARED = "rows now with those of the baseline, by table and fund; audited rows with the rows that exist"


def check(targets: tuple[TargetFacts, ...]) -> CheckResult:
    """Judge the number of rows now against the baseline."""
    differences = [difference for facts in targets for difference in _differences(facts)]
    fewer = [finding for finding in differences if (finding.rows or 0) < 0]
    gone = sum(facts.gone.total for facts in targets)
    examples = [example for facts in targets for example in facts.gone.examples]
    before = sum(facts.baseline.counts.rows_seen for facts in targets if facts.baseline)
    now = sum(facts.inventory.counts.rows_seen for facts in targets)
    figures = {
        "rows_before": before,
        "rows_now": now,
        "rows_more": sum(finding.rows or 0 for finding in differences if (finding.rows or 0) > 0),
        "rows_fewer": -sum(finding.rows or 0 for finding in fewer),
        "audited_rows_gone": gone,
        "targets_without_baseline": sum(facts.baseline is None for facts in targets),
    }
    passed = not fewer and not gone
    return CheckResult(
        Rule.ROW_COUNTS,
        passed,
        Severity.WARN,
        _summary(targets, figures, passed=passed),
        _COMPARED,
        figures,
        (*examples, *differences)[:FINDINGS_SHOWN],
        gone + len(differences),
        None
        if passed
        else "stagenorm never deletes nor moves a row. Ask who did; the audit log has the stage of every deleted row "
        "that it touched (stage_before, stage_after).",
    )


def _summary(targets: tuple[TargetFacts, ...], figures: dict[str, int], *, passed: bool) -> str:
    if all(facts.baseline is None for facts in targets):
        return f"No baseline to compare with: {figures['rows_now']} rows counted"
    if passed:
        more = f", {figures['rows_more']} inserted meanwhile" if figures["rows_more"] else ""
        return f"Row counts verified ({figures['rows_now']} rows{more})"
    return (
        f"{figures['rows_fewer']} row(s) fewer than in the baseline in their fund, {figures['rows_more']} more; "
        f"{figures['audited_rows_gone']} row(s) that were changed are gone"
    )


def _differences(facts: TargetFacts) -> list[Finding]:
    if facts.baseline is None:
        return []
    now = {fund.fund_id: fund.counts.rows_seen for fund in facts.inventory.funds}
    findings = []
    for fund_id in {**now, **facts.baseline.funds}:
        rows = now.get(fund_id, 0)
        before = facts.baseline.before(fund_id)
        before_rows = before.rows_seen if before else rows
        if rows != before_rows:
            what = "fewer rows than before" if rows < before_rows else "more rows than before"
            detail = f"{before_rows} before, {rows} now"
            findings.append(Finding(what, facts.name, True, fund_id, rows=rows - before_rows, detail=detail))
    return sorted(findings, key=lambda finding: finding.rows or 0)
