"""A whole verification: the seven rules over one consistent, read-only snapshot. Never writes to the targets."""

import hashlib
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import sqlalchemy as sa

from stagenorm_pipeline import __version__
from stagenorm_pipeline.config.settings import DEFAULT_TARGETS, TargetSetting
from stagenorm_pipeline.config.verify import VerifySettings
from stagenorm_pipeline.engine.inventory.inventory import RowCounts, TargetInventory, count_unknown_spellings
from stagenorm_pipeline.engine.postgres.connection import Database
from stagenorm_pipeline.engine.postgres.migrations import require_migrations
from stagenorm_pipeline.engine.postgres.sql_files import statement
from stagenorm_pipeline.engine.targets.funds import FundScope
from stagenorm_pipeline.engine.targets.same_key import require_same_key
from stagenorm_pipeline.engine.targets.visibility import visible_targets
from stagenorm_pipeline.engine.verify.against import Comparison, SignedReport, compare
from stagenorm_pipeline.engine.verify.audit_log import (
    AuditLog,
    Missing,
    read_audit_log,
    read_lost_rows,
    read_missing,
)
from stagenorm_pipeline.engine.verify.audited_rows import read_audited_rows
from stagenorm_pipeline.engine.verify.baseline import read_baseline
from stagenorm_pipeline.engine.verify.bounds import Bounds
from stagenorm_pipeline.engine.verify.evidence import Evidence, read_evidence
from stagenorm_pipeline.engine.verify.facts import TargetFacts, read_rows_now
from stagenorm_pipeline.engine.verify.other_sessions import OtherChanges, read_other_changes
from stagenorm_pipeline.engine.verify.plans import AppliedPlan, PlansAsked, read_plans, start_of_plan
from stagenorm_pipeline.engine.verify.result import (
    CheckResult,
    FundBreakdown,
    Outcome,
    PlanFacts,
    Rule,
    SampleRow,
    Severity,
    UndoneRows,
    VerificationResult,
)
from stagenorm_pipeline.engine.verify.rules import (
    r1_batch_tracking,
    r2_canonical_stages,
    r3_null_integrity,
    r4_row_counts,
    r5_audit_consistency,
    r6_sample_inspection,
    r7_fund_breakdown,
)
from stagenorm_pipeline.engine.verify.signed_state import read_signed_state
from stagenorm_pipeline.engine.verify.snapshot import Snapshot
from stagenorm_pipeline.engine.verify.stage_totals import left_as_is, rows_by_stage
from stagenorm_pipeline.engine.verify.start import Start
from stagenorm_pipeline.vocabulary import MeaningKind, Vocabulary

DEFAULT_SAMPLE_SIZE = 100

_KEY_MOVED = (
    "Make the old column the primary key again to verify this plan. Or sign the last verification made before the key "
    "was moved: later verifications judge only later plans."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyRequest:
    """What to verify. `plan_id`: compare with this plan's baseline instead of the earliest applied one's."""

    vocabulary: Vocabulary
    created_by: str
    targets: tuple[TargetSetting, ...] = DEFAULT_TARGETS
    scope: FundScope = field(default_factory=FundScope)
    strict: bool = False
    sample_size: int = DEFAULT_SAMPLE_SIZE
    sample_seed: int = 0
    plan_id: int | None = None
    settings: VerifySettings = field(default_factory=VerifySettings)
    against: SignedReport | None = None


def verify(database: Database, request: VerifyRequest) -> VerificationResult:
    """Run the seven rules.

    Raises PlanError when `plan_id` names no plan that was applied to the targets and fund, TargetError when a judged
    plan named the rows by another key.
    """
    with database.snapshot() as connection:
        require_migrations(connection)
        return _Verification(connection, database.name, request).result()


def record_verification(database: Database, result: VerificationResult, *, report: str) -> int:
    """Record a verification with its JSON report, exactly the text that the file holds. Returns its number."""
    plans = (*result.plans, *result.rolled_back, *result.rollbacks)
    with database.transaction() as connection:
        number = connection.exec_driver_sql(
            statement("verify/record_verification"),
            {
                "created_at": result.created_at,
                "created_by": result.created_by,
                "plan_id": max((plan.plan_id for plan in plans), default=None),
                "scope": json.dumps({"targets": list(result.targets), **result.scope.as_json()}),
                "strict": result.strict,
                "verdict": result.verdict.value,
                "checks_passed": result.count(Outcome.PASSED),
                "checks_failed": result.count(Outcome.FAILED),
                "checks_warned": result.count(Outcome.WARNED),
                "report": report,
                "report_sha256": hashlib.sha256(report.encode("ascii")).hexdigest(),
                "last_log_id": result.last_log_id,
            },
        ).scalar_one()
    return int(number)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Facts:
    """All that the rules judge."""

    missing: Missing
    log: AuditLog
    evidence: Evidence
    targets: tuple[TargetFacts, ...]
    is_undone: bool
    by_others: tuple[OtherChanges, ...]
    against: Comparison | None = None

    @property
    def inventories(self) -> tuple[TargetInventory, ...]:
        return tuple(facts.inventory for facts in self.targets)

    @property
    def undone(self) -> UndoneRows:
        return UndoneRows(
            restored=sum(facts.audited.restored.total for facts in self.targets),
            left=sum(facts.audited.rows_left for facts in self.targets),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Judgement:
    """What the rules said, and what they made on the way."""

    checks: tuple[CheckResult, ...]
    sample: tuple[SampleRow, ...]
    funds: tuple[FundBreakdown, ...]


class _Verification:
    def __init__(self, connection: sa.Connection, database: str, request: VerifyRequest) -> None:
        self._started = time.monotonic()
        self._request = request
        self._database = database
        targets = visible_targets(connection, request.targets)
        names = tuple(target.name for target in targets)
        signed = None if request.plan_id is not None else read_signed_state(connection, names, request.scope)
        start = signed.start if signed else Start()
        if request.plan_id is not None:
            start = start_of_plan(connection, request.plan_id)
        self._asked = PlansAsked(targets=names, scope=request.scope, start=start, plan_id=request.plan_id)
        plans = read_plans(connection, self._asked)
        self._snapshot = Snapshot(
            connection=connection, scope=request.scope, targets=targets, plans=plans, start=start, signed=signed
        )

    def result(self) -> VerificationResult:
        request = self._request
        created_at = self._snapshot.connection.exec_driver_sql("SELECT now()").scalar_one()
        last_log_id = self._snapshot.connection.exec_driver_sql(
            "SELECT max(id) FROM stage_normalization_log"
        ).scalar_one()
        facts = self._read()
        snapshot = self._snapshot
        judgement = self._judge(facts)
        figures = judgement.checks[0].figures
        unknown = sorted((s for i in facts.inventories for s in i.unknown), key=lambda s: (-s.rows, s.spelling))
        left, left_total = left_as_is(facts.inventories, request.vocabulary)
        baselines = {plan_id for target in facts.targets for plan_id in target.coverage.plans}
        return VerificationResult(
            created_at=created_at,
            created_by=request.created_by,
            database=self._database,
            targets=tuple(snapshot.names),
            scope=request.scope,
            strict=request.strict,
            sample_size=request.sample_size,
            sample_seed=request.sample_seed,
            vocabulary_version=request.vocabulary.version,
            code_version=__version__,
            plans=_plan_facts(snapshot.plans.in_force, baselines),
            in_progress=_waiting(figures) > 0,
            checks=judgement.checks,
            counts=sum((inventory.counts for inventory in facts.inventories), RowCounts()),
            stages=rows_by_stage(facts.targets),
            funds=judgement.funds,
            unknown=tuple(unknown),
            unknown_spellings=count_unknown_spellings(facts.inventories),
            sample=judgement.sample,
            left_as_is=left,
            left_as_is_spellings=left_total,
            rolled_back=_plan_facts(snapshot.plans.undone, baselines),
            work=facts.log.work,
            work_total=facts.log.work_total,
            coverage=tuple(target.coverage for target in facts.targets),
            rollbacks=_plan_facts(snapshot.plans.rollbacks, baselines),
            undone=facts.undone if facts.is_undone else None,
            reads=tuple(snapshot.reads),
            duration_ms=round((time.monotonic() - self._started) * 1000),
            last_log_id=last_log_id,
            signed=snapshot.signed.facts if snapshot.signed else None,
            plan_digests=facts.evidence.digests,
            other_sessions=Bounds(settings=request.settings, changes=facts.by_others).facts,
            against=facts.against.facts if facts.against else None,
        )

    def _read(self) -> _Facts:
        """What is read for several rules, each read once and timed."""
        snapshot = self._snapshot
        with snapshot.shared("planned rows and their batches", (Rule.BATCH_TRACKING, Rule.AUDIT_CONSISTENCY)):
            lost = read_lost_rows(snapshot)
        with snapshot.shared("the audit log by batch", (Rule.AUDIT_CONSISTENCY, Rule.SAMPLE_INSPECTION)):
            log = read_audit_log(snapshot, lost)
        snapshot = self._with_logged_plans(log)
        for target in snapshot.targets:
            require_same_key(snapshot.connection, target, snapshot.plans.judged, remedy=_KEY_MOVED)
        with snapshot.shared("what is gone from the tracking tables", (Rule.BATCH_TRACKING,)):
            missing = read_missing(snapshot, lost, log)
        with snapshot.shared("the audit log with its receipts", (Rule.AUDIT_CONSISTENCY,)):
            evidence = read_evidence(snapshot)
        is_undone = bool(snapshot.plans.undone or snapshot.plans.rollbacks or log.entries.rolled_back)
        targets = []
        for target in snapshot.targets:
            rules = (Rule.CANONICAL_STAGES, Rule.NULL_INTEGRITY, Rule.ROW_COUNTS, Rule.FUND_BREAKDOWN)
            with snapshot.shared("every row by spelling and fund", rules, target):
                inventory, stages = read_rows_now(snapshot, target, self._request.vocabulary)
            with snapshot.shared("the baseline", rules[1:], target):
                baseline = read_baseline(snapshot, target)
            kept = [s.spelling for s in inventory.spellings if s.kind is MeaningKind.LEAVE_AS_IS]
            rules = (Rule.CANONICAL_STAGES, Rule.NULL_INTEGRITY, Rule.ROW_COUNTS, Rule.AUDIT_CONSISTENCY)
            with snapshot.shared("each audited row beside the audit log", rules, target):
                audited = read_audited_rows(snapshot, target, kept, is_undone=is_undone)
            targets.append(TargetFacts(inventory=inventory, baseline=baseline, audited=audited, stages=stages))
        receipts = evidence.receipts
        is_log_sound = not (log.disagreements_total or receipts.mismatches_total) and (
            receipts.legacy_rows_total == receipts.legacy_without_batch
        )
        by_others = []
        for facts in targets:
            with snapshot.shared("changes by other sessions", rules[1:], facts.inventory.target):
                by_others.append(read_other_changes(snapshot, facts, log, is_log_sound=is_log_sound))
        against = None
        if self._request.against is not None:
            with snapshot.shared("the plans of the signed report", (Rule.AUDIT_CONSISTENCY,)):
                against = compare(snapshot, self._request.against)
        return _Facts(
            missing=missing,
            log=log,
            evidence=evidence,
            targets=tuple(targets),
            is_undone=is_undone,
            by_others=tuple(by_others),
            against=against,
        )

    def _with_logged_plans(self, log: AuditLog) -> Snapshot:
        """Judge also the plans that only log entries tell of: their status was edited, and they have no receipts."""
        snapshot = self._snapshot
        if set(log.plans) - set(snapshot.plans.judged):
            plans = read_plans(snapshot.connection, replace(self._asked, logged=log.plans))
            self._snapshot = replace(snapshot, plans=plans)
        return self._snapshot

    def _judge(self, facts: _Facts) -> _Judgement:
        """The seven rules; each one's time holds what it reads for itself."""
        request, snapshot = self._request, self._snapshot
        tracked = self._timed(lambda: r1_batch_tracking.check(snapshot, facts.missing))
        waiting = _waiting(tracked.figures)
        bounds = Bounds(settings=request.settings, changes=facts.by_others)
        judged = (
            self._timed(lambda: r2_canonical_stages.check(snapshot, facts.targets, waiting=waiting)),
            self._timed(lambda: bounds.judge(r3_null_integrity.check(snapshot, facts.targets))),
            self._timed(lambda: bounds.judge(r4_row_counts.check(facts.targets))),
            self._timed(lambda: _audited(snapshot, facts, bounds)),
        )
        started = time.monotonic()
        sampled, sample = r6_sample_inspection.check(snapshot, facts.log, request.sample_size, request.sample_seed)
        sampled = self._ended(sampled, started)
        started = time.monotonic()
        funds = r7_fund_breakdown.break_down(facts.targets)
        broken_down = self._ended(r7_fund_breakdown.check(facts.targets, funds), started)
        return _Judgement(checks=(tracked, *judged, sampled, broken_down), sample=sample, funds=funds)

    def _timed(self, check: Callable[[], CheckResult]) -> CheckResult:
        started = time.monotonic()
        return self._ended(check(), started)

    def _ended(self, result: CheckResult, started: float) -> CheckResult:
        severity = Severity.ERROR if self._request.strict else result.severity
        return replace(result, severity=severity, duration_ms=round((time.monotonic() - started) * 1000))


def _audited(snapshot: Snapshot, facts: _Facts, bounds: Bounds) -> CheckResult:
    """Rule 5, with the changes by other sessions and the signed report that was asked for."""
    check = bounds.judge(r5_audit_consistency.check(snapshot, facts.log, facts.evidence, facts.targets))
    return facts.against.judge(check) if facts.against else check


def _plan_facts(plans: tuple[AppliedPlan, ...], baselines: set[int]) -> tuple[PlanFacts, ...]:
    return tuple(replace(plan.facts, is_baseline=plan.plan_id in baselines) for plan in plans)


def _waiting(figures: Mapping[str, int]) -> int:
    return figures.get("pending_batches", 0) + figures.get("running_batches", 0)
