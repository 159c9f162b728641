"""Rule 4: every row that stagenorm changed still exists in its fund, and no fund has fewer rows than before.

Users may also delete or move rows. Both are listed as a warning. Inserted rows are listed and count as correct."""

from stagenorm_pipeline.counts import counted
from stagenorm_pipeline.engine.verify.audited_rows import RowState
from stagenorm_pipeline.engine.verify.result import CheckResult, Finding, Rule, Severity, some_of_each
from stagenorm_pipeline.engine.verify.rules.description import RuleDescription
from stagenorm_pipeline.engine.verify.target_facts import TargetFacts

DESCRIPTION = RuleDescription(
    rule=Rule.ROW_COUNTS,
    title="Row Count Verification",
    proves=(
        "Every row that stagenorm changed still exists, in the fund where it was changed, and no fund has fewer rows "
        "than before."
    ),
    cannot_know=(
        "Who deleted or moved a row, and which rows are missing that stagenorm never changed. A deleted row is hidden "
        "if its fund got a new one."
    ),
    severity=(
        "A warning: data alone cannot tell a user's delete from damage. An error if every changed row is gone, or if "
        "other sessions changed more rows than the settings allow."
    ),
)
_COMPARED = "rows now with those of the baseline, by table and fund; audited rows with the rows that exist"


def check(targets: tuple[TargetFacts, ...]) -> CheckResult:
    """Compare the number of rows now with the baseline."""
    found = [difference for facts in targets for difference in differences(facts)]
    fewer = -sum(finding.rows or 0 for finding in found if (finding.rows or 0) < 0)
    lost = [facts.audited.of(state) for state in (RowState.GONE, RowState.MOVED) for facts in targets]
    rows_now = sum(fund.counts.rows_seen for facts in targets for fund in facts.compared)
    figures = {
        "rows_before": sum(facts.baseline.counts.rows_seen for facts in targets if facts.baseline),
        "rows_now": rows_now,
        "rows_more": sum(finding.rows or 0 for finding in found if (finding.rows or 0) > 0),
        "rows_fewer": fewer,
        "audited_rows_gone": sum(facts.audited.of(RowState.GONE).total for facts in targets),
        "audited_rows_moved": sum(facts.audited.of(RowState.MOVED).total for facts in targets),
        "rows_not_compared": sum(facts.inventory.counts.rows_seen for facts in targets) - rows_now,
        "targets_without_baseline": sum(facts.baseline is None for facts in targets),
    }
    lost_total = sum(rows.total for rows in lost)
    passed = not fewer and not lost_total
    return CheckResult(
        rule=Rule.ROW_COUNTS,
        passed=passed,
        severity=Severity.WARN,
        summary=_summary(targets, figures, passed=passed),
        compared=_COMPARED,
        figures=figures,
        findings=some_of_each([example for rows in lost for example in rows.examples], found),
        findings_total=lost_total + len(found),
        recommendation=None
        if passed
        else "stagenorm never deletes or moves a row. Ask who did: for each changed row that was deleted, the audit "
        "log has the stages (stage_before, stage_after).",
    )


def _summary(targets: tuple[TargetFacts, ...], figures: dict[str, int], *, passed: bool) -> str:
    if all(facts.baseline is None for facts in targets):
        return f"No baseline to compare with: {counted(figures['rows_not_compared'], 'row')} counted"
    if passed:
        more = f", {figures['rows_more']:,} inserted since" if figures["rows_more"] else ""
        return f"Row counts verified ({counted(figures['rows_now'], 'row')}{more})"
    moved = f", {figures['audited_rows_moved']:,} in another fund" if figures["audited_rows_moved"] else ""
    return (
        f"{counted(figures['rows_fewer'], 'row')} fewer than in the baseline by fund, {figures['rows_more']:,} more; "
        f"of the rows that stagenorm changed, {figures['audited_rows_gone']:,} gone{moved}"
    )


def differences(facts: TargetFacts) -> list[Finding]:
    """List the funds of a target that have more or fewer rows than the baseline."""
    if facts.baseline is None:
        return []
    now = {fund.fund_id: fund.counts.rows_seen for fund in facts.compared}
    findings = []
    for fund_id in {**now, **facts.baseline.funds}:
        rows = now.get(fund_id, 0)
        counts = facts.baseline.before(fund_id)
        before = counts.rows_seen if counts else 0
        if rows != before:
            what = "fewer rows than before" if rows < before else "more rows than before"
            how = "deleted or moved away" if rows < before else "inserted or moved here"
            detail = f"{before:,} before, {rows:,} now: {how} by other sessions"
            findings.append(
                Finding(what=what, target=facts.name, has_fund=True, fund_id=fund_id, rows=rows - before, detail=detail)
            )
    return sorted(findings, key=lambda finding: finding.rows or 0)
