"""What a verification found, as frozen facts: the one source from which every form of the report is rendered."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from stagenorm_pipeline.engine.inventory.inventory import RowCounts, SpellingTotal
from stagenorm_pipeline.engine.targets.funds import FundScope

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that a rule found: a spelling, a row, a batch or a fund. What does not apply is None.

    `what` is a short phrase of ours; every other text may come from the data and is hostile. `has_fund` and
    `has_stage_now` tell the fund None (no fund) and the stage None (NULL now) from what does not apply.
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
    """FINDINGS_SHOWN findings at most, of which many of one kind do not crowd out the others."""
    room, taken = FINDINGS_SHOWN, dict[int, int]()
    for place, found in sorted(enumerate(kinds), key=lambda kind: len(kind[1])):
        taken[place] = min(len(found), room // (len(kinds) - len(taken)))
        room -= taken[place]
    return tuple(finding for place, found in enumerate(kinds) for finding in found[: taken[place]])


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    """One rule's result.

    `summary`: one sentence. `compared`: what was compared with what. `figures`: exact counts by name, in order.
    `findings`: at most FINDINGS_SHOWN examples of `findings_total`. `recommendation`: what to do, None when nothing.
    `severity`: what it counts as if it did not pass, strict mode already applied. `duration_ms`: what this rule alone
    took; what was read for several rules at once is in VerificationResult.reads.
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


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleRow:
    """A changed row for manual review, with the audit row that tells of it. `exists` false: the row is gone.

    `action`: `normalize`, or `rollback` where the audit row tells of its undoing.
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
    """One fund of one target, before (None: no baseline, or the fund was not there) and now (None: gone).

    `after_stages`: rows now by canonical stage, those that have any. A signed report is compared with by them.
    """

    target: str
    fund_id: str | None
    before: RowCounts | None
    after: RowCounts | None
    after_stages: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class StageRows:
    """Rows of a target by canonical stage, or `other` / `NULL`, before and now.

    `before` None: no baseline, or one that covers some funds only (see Coverage), which those of now are no match for.
    """

    target: str
    stage: str
    before: int | None
    after: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftAsIs:
    """A spelling of one target that a person decided to leave, with the reason that the decision gives."""

    target: str
    spelling: str
    rows: int
    funds: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanFacts:
    """A plan that the verification covers. `is_baseline`: some target and fund is compared with it.

    `opened_at`: applied from then on. `completed_at` None: not at its end yet. `rows_to_change`: as planned.
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


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditedWork:
    """Changes that the audit log holds of one plan by one person. `action`: normalize or rollback."""

    plan_id: int
    action: str
    run_by: str
    rows: int
    first_at: datetime
    last_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """What a target is compared with: the baselines of `plans`, or the report of the signed `verification_id`.

    Neither: there is no baseline. `all_funds`: every fund in scope has a "before"; else only `funds` have one.
    """

    target: str
    plans: tuple[int, ...]
    all_funds: bool
    funds: tuple[str | None, ...] = ()
    verification_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedVerification:
    """The signed verification after which judging starts.

    `is_compared` false: its report is not there or cannot be trusted, so the plans before it are compared with again.
    `accepted_warnings`: why the reviewer accepted its warnings; None: it had none.
    """

    verification_id: int
    made_at: datetime
    signed_off_by: str
    signed_off_at: datetime
    is_compared: bool
    accepted_warnings: str | None = None


class AgainstOutcome(StrEnum):
    """How the comparison with a signed report ended."""

    SAME = "same"
    DIFFERS = "differs"


@dataclass(frozen=True, slots=True, kw_only=True)
class Against:
    """A signed report that the database was compared with, by the SHA-256 of its file.

    `verification_id` None: the database has no record of it. `plans_compared`: plans whose digests it has.
    """

    report_sha256: str
    verification_id: int | None
    signed_off_by: str | None
    plans_compared: int
    differences: int
    outcome: AgainstOutcome


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherSessions:
    """What other sessions changed since the signed state, beside how much of that is no error of rules 3 to 5.

    The larger of `percent` of the rows and `rows` is allowed, of the audited rows and of the rows of the baseline.
    `rows_changed`: at least, by the counts of each fund; inserted rows never count.
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
    """The digest of a finished plan, as it was recorded when the plan was closed; None: it has none.

    `differs`: its parts that are not what the tables give now.
    """

    plan_id: int
    plan_sha256: str | None
    differs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class UndoneRows:
    """Rows after a rollback: `restored` hold again what it gave back, on purpose; `left` are those that it left."""

    restored: int
    left: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedRead:
    """Something read once for several rules. `name` is a phrase of ours; `target` None: it is about all of them."""

    name: str
    target: str | None
    rules: tuple[Rule, ...]
    duration_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class VerificationResult:
    """A whole verification, made in one snapshot of the database at `created_at`.

    `plans`: those in force. `rolled_back`: those that were applied and undone; where one `is_baseline`, no plan in
    force covers its rows, and they are compared with how they were before it. `rollbacks`: the plans that undid.
    `undone` None: nothing was rolled back. `work`: the FINDINGS_SHOWN first of `work_total` entries. `left_as_is`:
    those with the most rows of `left_as_is_spellings`. The checks' durations and those of `reads` add up to nearly
    `duration_ms`. `last_log_id`: the newest audit log entry in the snapshot; None: the log was empty.
    `signed` None: nothing was signed that covers all of this. `plan_digests`: those of the judged plans.
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

    def check(self, rule: Rule) -> CheckResult:
        return next(check for check in self.checks if check.rule is rule)

    def count(self, outcome: Outcome) -> int:
        return sum(check.outcome is outcome for check in self.checks)

    @property
    def verdict(self) -> Verdict:
        if self.count(Outcome.FAILED):
            return Verdict.FAILED
        return Verdict.PASSED_WITH_WARNINGS if self.count(Outcome.WARNED) else Verdict.PASSED
