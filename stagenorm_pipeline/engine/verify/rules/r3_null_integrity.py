"""Rule 3: no row that stagenorm changed lost its stage, and no fund has more NULLs than before.

Users may also set a stage to NULL or insert a row without one. Both are listed as a warning."""

from collections import Counter
from collections.abc import Iterator

from stagenorm_pipeline.counts import counted
from stagenorm_pipeline.engine.verify.audited_rows import RowState
from stagenorm_pipeline.engine.verify.result import CheckResult, Finding, Rule, Severity, some_of_each
from stagenorm_pipeline.engine.verify.rules.description import RuleDescription
from stagenorm_pipeline.engine.verify.snapshot import Snapshot
from stagenorm_pipeline.engine.verify.target_facts import TargetFacts, read_null_rows

DESCRIPTION = RuleDescription(
    rule=Rule.NULL_INTEGRITY,
    title="NULL Integrity Check",
    proves="No row that stagenorm changed lost its stage, and no fund has more NULLs than before.",
    cannot_know=(
        "Who set a stage to NULL, and which NULLs of a fund are new. A new NULL is hidden if another row of the fund "
        "got a stage."
    ),
    severity=(
        "A warning: data alone cannot tell a user's change from damage. An error if every changed row is NULL, or if "
        "other sessions changed more rows than the settings allow."
    ),
)
_COMPARED = "NULLs now with those of the baseline, by table and fund; audited rows that are NULL now"


def check(snapshot: Snapshot, targets: tuple[TargetFacts, ...]) -> CheckResult:
    """Compare the NULLs now with the baseline."""
    more = {facts.name: funds_with_more(facts) for facts in targets}
    funds = [finding for findings in more.values() for finding in findings]
    audited = [facts.audited.of(RowState.NULL) for facts in targets]
    null_now = sum(fund.counts.rows_null for facts in targets for fund in facts.compared)
    figures = {
        "null_before": sum(facts.baseline.counts.rows_null for facts in targets if facts.baseline),
        "null_now": null_now,
        "new_null": sum(finding.rows or 0 for finding in funds),
        "audited_rows_now_null": sum(rows.total for rows in audited),
        "null_not_compared": sum(facts.inventory.counts.rows_null for facts in targets) - null_now,
        "targets_without_baseline": sum(facts.baseline is None for facts in targets),
    }
    if not funds and not figures["audited_rows_now_null"]:
        summary = "No unexpected NULL values found"
        if all(facts.baseline is None for facts in targets):
            summary = "No baseline to compare with: no plan has been applied yet"
        return CheckResult(
            rule=Rule.NULL_INTEGRITY,
            passed=True,
            severity=Severity.WARN,
            summary=summary,
            compared=_COMPARED,
            figures=figures,
        )
    rows = [example for found in audited for example in found.examples]
    others = [finding for facts in targets for finding in other_nulls(snapshot, facts, more[facts.name])]
    return CheckResult(
        rule=Rule.NULL_INTEGRITY,
        passed=False,
        severity=Severity.WARN,
        summary=_summary(figures),
        compared=_COMPARED,
        figures=figures,
        findings=some_of_each(rows, funds, others),
        findings_total=figures["audited_rows_now_null"] + len(funds) + len(others),
        recommendation="stagenorm never writes NULL. Ask who did: for each changed row the audit log has the stage "
        "that it held (stage_after). `stagenorm rollback` leaves such rows alone.",
    )


def _summary(figures: dict[str, int]) -> str:
    new, audited = figures["new_null"], figures["audited_rows_now_null"]
    summary = (
        f"{counted(new, 'new NULL')} since the baseline; NULL now in {counted(audited, 'row')} that stagenorm changed"
    )
    others = new - audited
    if others <= 0:
        return summary
    return f"{summary}; at least {counted(others, 'NULL')} in rows that stagenorm never changed"


def funds_with_more(facts: TargetFacts) -> list[Finding]:
    """List the funds of a target that have more NULLs than the baseline."""
    findings = []
    for fund in facts.compared:
        counts = facts.baseline.before(fund.fund_id) if facts.baseline else None
        before = counts.rows_null if counts else 0
        now = fund.counts.rows_null
        if now > before:
            findings.append(
                Finding(
                    what="more NULLs than before",
                    target=facts.name,
                    has_fund=True,
                    fund_id=fund.fund_id,
                    rows=now - before,
                    detail=f"{before:,} before, {now:,} now",
                )
            )
    return findings


def other_nulls(snapshot: Snapshot, facts: TargetFacts, more: list[Finding]) -> Iterator[Finding]:
    """List NULL rows of the funds whose new NULLs are more than the rows that stagenorm changed."""
    named = Counter(finding.fund_id for finding in facts.audited.of(RowState.NULL).examples)
    funds = [finding.fund_id for finding in more if (finding.rows or 0) > named[finding.fund_id]]
    return read_null_rows(snapshot, facts, funds) if funds else iter(())
