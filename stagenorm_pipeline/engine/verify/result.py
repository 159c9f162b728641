"""The result of a verification as frozen dataclasses. Every format of the report is written from it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from stagenorm_pipeline.engine.approval.rehearsals import Rehearsal
from stagenorm_pipeline.engine.inventory.inventory import RowCounts, SpellingTotal
from stagenorm_pipeline.engine.targets.funds import FundScope
from stagenorm_pipeline.vocabulary import DecisionsInForce

# As many examples as a page shows. Counts are exact in any case.
FINDINGS_SHOWN = 50


class Rule(StrEnum):
    """The seven rules by the names of their asset checks. `rules.registry` has their descriptions."""

    BATCH_TRACKING = "r1_batch_tracking"
    CANONICAL_STAGES = "r2_canonical_stages"
    NULL_INTEGRITY = "r3_null_integrity"
    ROW_COUNTS = "r4_row_counts"
    AUDIT_CONSISTENCY = "r5_audit_consistency"
    SAMPLE_INSPECTION = "r6_sample_inspection"
    FUND_BREAKDOWN = "r7_fund_breakdown"


class Severity(StrEnum):
    """The severity of a rule that did not pass. Strict mode turns every warning into an error."""

    ERROR = "error"
    WARN = "warn"


class Outcome(StrEnum):
    """The outcome of a rule."""

    PASSED = "passed"
    WARNED = "warned"
    FAILED = "failed"


class Verdict(StrEnum):
    """The outcome of a verification: failed if any rule failed, with warnings if any rule warned."""

    PASSED = "passed"
    PASSED_WITH_WARNINGS = "passed_with_warnings"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that a rule found: a spelling, a row, a batch or a fund. Fields that do not apply are None.

    `what` is a fixed phrase. Every other text may come from the data and needs escaping. `has_fund` and
    `has_stage_now` tell "no fund" and "NULL now" from "does not apply".
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
    has_stage_now: bool = False


def some_of_each(*kinds: Sequence[Finding]) -> tuple[Finding, ...]:
    """Return at most FINDINGS_SHOWN findings, with some of each kind."""
    room, taken = FINDINGS_SHOWN, dict[int, int]()
    for place, found in sorted(enumerate(kinds), key=lambda kind: len(kind[1])):
        taken[place] = min(len(found), room // (len(kinds) - len(taken)))
        room -= taken[place]
    return tuple(finding for place, found in enumerate(kinds) for finding in found[: taken[place]])


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    """The result of one rule.

    `summary`: one sentence. `compared`: what was compared with what. `figures`: exact counts by name, in order.
    `findings`: at most FINDINGS_SHOWN examples of `findings_total`. `recommendation`: what to do; None: nothing.
    `severity`: with strict mode applied. `duration_ms`: the time of this rule alone; reads that several rules share are
    in VerificationResult.reads.
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

    @property
    def findings_cut(self) -> int:
        """How many findings are counted and not listed."""
        return max(0, self.findings_total - len(self.findings))


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleRow:
    """A changed row for manual review, with its audit row. `exists` false: the row was deleted.

    `action`: `normalize` or `rollback`, as in the audit row.
    """

    target: str
    fund_id: str | None
    row_id: str
    audit_id: int
    stage_before: str | None
    stage_after: str | None
    exists: bool
    stage_now: str | None
    run_at: datetime
    action: str = "normalize"


@dataclass(frozen=True, slots=True, kw_only=True)
class FundBreakdown:
    """One fund of one target, before (None: no baseline, or no such fund then) and now (None: no rows).

    `after_stages`: rows now by canonical stage. Later verifications compare with them once the report is signed.
    """

    target: str
    fund_id: str | None
    before: RowCounts | None
    after: RowCounts | None
    after_stages: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class StageRows:
    """Rows of a target by canonical stage, or `other` / `NULL`, before and now.

    `before` None: no baseline, or one that covers only some funds (see Coverage) and so cannot be compared.
    """

    target: str
    stage: str
    before: int | None
    after: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftAsIs:
    """A spelling of one target that a decision keeps, with its reason."""

    target: str
    spelling: str
    rows: int
    funds: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanFacts:
    """A plan that the verification covers. `is_baseline`: some target and fund is compared with it.

    `opened_at`: when it was first applied. `completed_at` None: not finished. `rows_to_change`: as planned.
    `author`: the database role that recorded it; None for older plans. `approved_by` None: not approved. `rehearsal`
    None: what it holds was not rehearsed on a clone.
    """

    plan_id: int
    status: str
    created_at: datetime
    created_by: str
    vocabulary_version: str
    is_baseline: bool
    code_version: str = ""
    opened_at: datetime | None = None
    completed_at: datetime | None = None
    rows_to_change: int = 0
    author: str | None = None
    approved_by: str | None = None
    approved_at: datetime | None = None
    ticket: str | None = None
    rehearsal: Rehearsal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditedWork:
    """The changes of one plan by one person, from the audit log. `action`: normalize or rollback."""

    plan_id: int
    action: str
    run_by: str
    rows: int
    first_at: datetime
    last_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """The baseline of a target: the counts of `plans`, or the report of the signed `verification_id`.

    Neither: no baseline. `all_funds`: the baseline covers every fund in scope; otherwise only `funds`.
    """

    target: str
    plans: tuple[int, ...]
    all_funds: bool
    funds: tuple[str | None, ...] = ()
    verification_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedVerification:
    """The signed verification that is compared with.

    `is_compared` false: its report is missing or cannot be trusted, so earlier plans are compared with instead.
    `accepted_warnings`: why the reviewer accepted its warnings; None: it had none.
    """

    verification_id: int
    made_at: datetime
    signed_off_by: str
    signed_off_at: datetime
    is_compared: bool
    accepted_warnings: str | None = None


class AgainstOutcome(StrEnum):
    """The outcome of the comparison with a signed report."""

    SAME = "same"
    DIFFERS = "differs"


@dataclass(frozen=True, slots=True, kw_only=True)
class Against:
    """The comparison with a signed report, named by the SHA-256 of its file.

    `verification_id` None: the database has no record of it. `plans_compared`: plans whose digests the report has.
    """

    report_sha256: str
    verification_id: int | None
    signed_off_by: str | None
    plans_compared: int
    differences: int
    outcome: AgainstOutcome


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherSessions:
    """The changes by other sessions since the signed state, and how many are allowed before rules 3 to 5 fail.

    Allowed is the larger of `percent` of the rows and `rows`, for audited rows and for rows of the baseline.
    `rows_changed`: a minimum, by the counts of each fund. Inserted rows never count.
    """

    percent: int
    rows: int
    audited_rows: int
    audited_rows_changed: int
    audited_rows_allowed: int
    rows_before: int
    rows_changed: int
    rows_allowed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanDigest:
    """The digest that was recorded when a plan was closed; None: it has none.

    `differs`: the parts of the digest that do not match the tables now.
    """

    plan_id: int
    plan_sha256: str | None
    differs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class UndoneRows:
    """Rows after rollbacks: `restored` still hold what was restored, `left` were left."""

    restored: int
    left: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedRead:
    """A read that several rules share. `name` is a fixed phrase. `target` None: all targets."""

    name: str
    target: str | None
    rules: tuple[Rule, ...]
    duration_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingsFile:
    """The file that lists every finding, one JSON object per line: its hash and the number of lines of each rule."""

    sha256: str
    findings: int
    by_rule: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class VerificationResult:
    """A whole verification, made in one snapshot of the database at `created_at`.

    `plans`: plans in force. `rolled_back`: plans that were applied and undone. If one `is_baseline`, no plan in force
    covers its rows, and they are compared with the state before it. `rollbacks`: the plans of the rollbacks.
    `undone` None: nothing was rolled back. `work`: the first FINDINGS_SHOWN of `work_total` entries. `left_as_is`: the
    kept spellings with the most rows, of `left_as_is_spellings`. The durations of checks and `reads` add up to nearly
    `duration_ms`. `last_log_id`: the newest audit log entry in the snapshot; None: the log was empty.
    `signed` None: no signed verification covers all of this. `plan_digests`: digests of the judged plans.
    `findings_file` None: only the examples in `checks` were listed. `decisions_file` None: the decisions
    are in no file, or an older version made the report.
    """

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
    left_as_is: tuple[LeftAsIs, ...] = ()
    left_as_is_spellings: int = 0
    rolled_back: tuple[PlanFacts, ...] = ()
    work: tuple[AuditedWork, ...] = ()
    work_total: int = 0
    coverage: tuple[Coverage, ...] = ()
    rollbacks: tuple[PlanFacts, ...] = ()
    undone: UndoneRows | None = None
    reads: tuple[SharedRead, ...] = ()
    last_log_id: int | None = None
    signed: SignedVerification | None = None
    plan_digests: tuple[PlanDigest, ...] = ()
    other_sessions: OtherSessions | None = None
    against: Against | None = None
    findings_file: FindingsFile | None = None
    decisions_file: DecisionsInForce | None = None

    def check(self, rule: Rule) -> CheckResult:
        return next(check for check in self.checks if check.rule is rule)

    def count(self, outcome: Outcome) -> int:
        return sum(check.outcome is outcome for check in self.checks)

    @property
    def verdict(self) -> Verdict:
        if self.count(Outcome.FAILED):
            return Verdict.FAILED
        return Verdict.PASSED_WITH_WARNINGS if self.count(Outcome.WARNED) else Verdict.PASSED
