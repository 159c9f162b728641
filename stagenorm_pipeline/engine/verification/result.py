"""What a verification found, as frozen facts: the one source from which every form of the report is rendered."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from stagenorm_pipeline.engine.funds import FundScope
from stagenorm_pipeline.engine.inventory import RowCounts, SpellingTotal

# A page holds so many examples; the counts beside them are exact.
FINDINGS_SHOWN = 50


class Rule(StrEnum):
    """The seven rules, by the names of their asset checks."""

    BATCH_TRACKING = "r1_batch_tracking"
    CANONICAL_STAGES = "r2_canonical_stages"
    NULL_INTEGRITY = "r3_null_integrity"
    ROW_COUNTS = "r4_row_counts"
    AUDIT_CONSISTENCY = "r5_audit_consistency"
    SAMPLE_INSPECTION = "r6_sample_inspection"
    FUND_BREAKDOWN = "r7_fund_breakdown"

    @property
    def heading(self) -> str:
        """The rule's name in the runbook's report."""
        return _HEADINGS[self]


_HEADINGS = {
    Rule.BATCH_TRACKING: "Batch Tracking",
    Rule.CANONICAL_STAGES: "Canonical Stage Validation",
    Rule.NULL_INTEGRITY: "NULL Integrity Check",
    Rule.ROW_COUNTS: "Row Count Verification",
    Rule.AUDIT_CONSISTENCY: "Audit Log Consistency",
    Rule.SAMPLE_INSPECTION: "Sample Inspection",
    Rule.FUND_BREAKDOWN: "Per-Fund Breakdown",
}


class Severity(StrEnum):
    """What a rule that did not pass counts as. Strict mode makes every warning an error."""

    ERROR = "error"
    WARN = "warn"


class Outcome(StrEnum):
    """How a rule ended."""

    PASSED = "passed"
    WARNED = "warned"
    FAILED = "failed"


class Verdict(StrEnum):
    """How a verification ended: failed when any rule failed, with warnings when any warned."""

    PASSED = "passed"
    PASSED_WITH_WARNINGS = "passed_with_warnings"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a rule found: a spelling, a row, a batch or a fund. What does not apply is None.

    `what` is a short phrase of ours; every other text may come from the data and is hostile.
    """

    what: str
    target: str | None = None
    has_fund: bool = False
    fund_id: str | None = None
    row_id: str | None = None
    batch_id: int | None = None
    stage_before: str | None = None
    stage_after: str | None = None
    stage_now: str | None = None
    rows: int | None = None
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One rule's result.

    `summary`: one sentence. `compared`: what was compared with what. `figures`: exact counts by name, in order.
    `findings`: at most FINDINGS_SHOWN examples of `findings_total`. `recommendation`: what to do, None when nothing.
    `severity`: what it counts as if it did not pass, strict mode already applied.
    """

    rule: Rule
    passed: bool
    severity: Severity
    summary: str
    compared: str
    figures: Mapping[str, int] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    findings_total: int = 0
    recommendation: str | None = None
    duration_ms: int = 0

    @property
    def outcome(self) -> Outcome:
        if self.passed:
            return Outcome.PASSED
        return Outcome.FAILED if self.severity is Severity.ERROR else Outcome.WARNED


@dataclass(frozen=True, slots=True)
class SampleRow:
    """A changed row for manual review, with the audit row that tells of it. `exists` false: the row is gone."""

    target: str
    fund_id: str | None
    row_id: str
    audit_id: int
    stage_before: str | None
    stage_after: str | None
    exists: bool
    stage_now: str | None
    run_at: datetime


@dataclass(frozen=True, slots=True)
class FundBreakdown:
    """One fund of one target, before (None: no baseline, or the fund was not there) and now (None: gone)."""

    target: str
    fund_id: str | None
    before: RowCounts | None
    after: RowCounts | None


@dataclass(frozen=True, slots=True)
class StageRows:
    """Rows of a target by canonical stage, or `other` / `NULL`, before (None: no baseline) and now."""

    target: str
    stage: str
    before: int | None
    after: int


@dataclass(frozen=True, slots=True)
class PlanFacts:
    """A plan that the verification covers. `is_baseline`: some target and fund is compared with it."""

    plan_id: int
    status: str
    created_at: datetime
    created_by: str
    vocabulary_version: str
    is_baseline: bool


@dataclass(frozen=True, slots=True)
class VerificationResult:
    """A whole verification, made in one snapshot of the database at `created_at`."""

    created_at: datetime
    created_by: str
    database: str
    targets: tuple[str, ...]
    scope: FundScope
    strict: bool
    sample_size: int
    sample_seed: int
    vocabulary_version: str
    code_version: str
    plans: tuple[PlanFacts, ...]
    in_progress: bool
    checks: tuple[CheckResult, ...]
    counts: RowCounts
    stages: tuple[StageRows, ...]
    funds: tuple[FundBreakdown, ...]
    unknown: tuple[SpellingTotal, ...]
    unknown_spellings: int
    sample: tuple[SampleRow, ...]
    duration_ms: int

    def check(self, rule: Rule) -> CheckResult:
        return next(check for check in self.checks if check.rule is rule)

    def count(self, outcome: Outcome) -> int:
        return sum(check.outcome is outcome for check in self.checks)

    @property
    def verdict(self) -> Verdict:
        if self.count(Outcome.FAILED):
            return Verdict.FAILED
        return Verdict.PASSED_WITH_WARNINGS if self.count(Outcome.WARNED) else Verdict.PASSED
