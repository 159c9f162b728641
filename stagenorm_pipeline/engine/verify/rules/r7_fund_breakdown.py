"""Rule 7: every fund of every target, before and now. Fails only if the breakdown cannot be made."""

from stagenorm_pipeline.engine.targets.funds import fund_order
from stagenorm_pipeline.engine.verify.result import CheckResult, FundBreakdown, Rule, Severity
from stagenorm_pipeline.engine.verify.rules.description import RuleDescription
from stagenorm_pipeline.engine.verify.target_facts import TargetFacts

DESCRIPTION = RuleDescription(
    rule=Rule.FUND_BREAKDOWN,
    title="Per-Fund Breakdown",
    proves="Nothing by itself: a person compares each fund before and now.",
    cannot_know="Why a fund has more or fewer rows.",
    severity="An error, and only if the breakdown cannot be made.",
)


def check(targets: tuple[TargetFacts, ...], funds: tuple[FundBreakdown, ...]) -> CheckResult:
    """Count the funds of the breakdown."""
    count = len({fund.fund_id for fund in funds if fund.fund_id is not None})
    without = any(fund.fund_id is None for fund in funds)
    covered = {fund.fund_id for facts in targets for fund in facts.compared}
    return CheckResult(
        rule=Rule.FUND_BREAKDOWN,
        passed=True,
        severity=Severity.ERROR,
        summary=f"Generated breakdown for {count:,} fund(s)" + (" and the rows without a fund" if without else ""),
        compared="nothing: rows by fund in the baseline and now, for a person to read",
        figures={"funds": count, "rows_of_breakdown": len(funds), "funds_with_a_baseline": len(covered - {None})},
    )


def break_down(targets: tuple[TargetFacts, ...]) -> tuple[FundBreakdown, ...]:
    """Return every fund of every target, before and now."""
    breakdowns = []
    for facts in targets:
        now = {fund.fund_id: fund.counts for fund in facts.inventory.funds}
        before = facts.baseline.funds if facts.baseline else {}
        for fund_id in sorted({**now, **before}, key=fund_order):
            stages = facts.stages.get(fund_id, {})
            breakdowns.append(
                FundBreakdown(
                    target=facts.name,
                    fund_id=fund_id,
                    before=before.get(fund_id),
                    after=now.get(fund_id),
                    after_stages=stages,
                )
            )
    return tuple(breakdowns)
