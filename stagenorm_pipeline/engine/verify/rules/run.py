"""Run the seven rules over the facts that were read, and time each."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from stagenorm_pipeline.config.verify import VerifySettings
from stagenorm_pipeline.engine.verify.other_session_limits import OtherSessionLimits
from stagenorm_pipeline.engine.verify.result import CheckResult, FundBreakdown, SampleRow, Severity
from stagenorm_pipeline.engine.verify.rules import (
    r1_batch_tracking,
    r2_canonical_stages,
    r3_null_integrity,
    r4_row_counts,
    r5_audit_consistency,
    r6_sample_inspection,
    r7_fund_breakdown,
)
from stagenorm_pipeline.engine.verify.verification_facts import VerificationFacts


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleResults:
    """The result of each rule, with the sample and the breakdown that rules 6 and 7 made. `waiting`: open batches."""

    checks: tuple[CheckResult, ...]
    sample: tuple[SampleRow, ...]
    funds: tuple[FundBreakdown, ...]
    waiting: int


def run_rules(
    facts: VerificationFacts, settings: VerifySettings, *, sample_size: int, sample_seed: int, strict: bool
) -> RuleResults:
    """Run the seven rules. The time of each includes what only that rule reads."""

    def ended(result: CheckResult, started: float) -> CheckResult:
        severity = Severity.ERROR if strict else result.severity
        return replace(result, severity=severity, duration_ms=round((time.monotonic() - started) * 1000))

    def timed(check: Callable[[], CheckResult]) -> CheckResult:
        started = time.monotonic()
        return ended(check(), started)

    snapshot, targets = facts.snapshot, facts.targets
    limits = OtherSessionLimits(settings=settings, changes=facts.other_sessions)
    tracking = timed(lambda: r1_batch_tracking.check(snapshot, facts.deleted))
    waiting = _waiting(tracking.figures)
    judged = (
        timed(lambda: r2_canonical_stages.check(snapshot, targets, waiting=waiting)),
        timed(lambda: limits.judge(r3_null_integrity.check(snapshot, targets))),
        timed(lambda: limits.judge(r4_row_counts.check(targets))),
        timed(lambda: _audit_consistency(facts, limits)),
    )
    started = time.monotonic()
    sampled, sample = r6_sample_inspection.check(snapshot, facts.log, sample_size, sample_seed)
    sampled = ended(sampled, started)
    started = time.monotonic()
    funds = r7_fund_breakdown.break_down(targets)
    broken_down = ended(r7_fund_breakdown.check(targets, funds), started)
    return RuleResults(checks=(tracking, *judged, sampled, broken_down), sample=sample, funds=funds, waiting=waiting)


def _audit_consistency(facts: VerificationFacts, limits: OtherSessionLimits) -> CheckResult:
    """Rule 5 with the changes by other sessions, and with the signed report if one was given."""
    check = limits.judge(r5_audit_consistency.check(facts.snapshot, facts.log, facts.receipts, facts.targets))
    return facts.signed_report.judge(check) if facts.signed_report else check


def _waiting(figures: Mapping[str, int]) -> int:
    return figures.get("pending_batches", 0) + figures.get("running_batches", 0)
