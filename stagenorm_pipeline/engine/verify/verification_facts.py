"""Read everything that the seven rules judge, each thing once. Judges nothing."""

from dataclasses import dataclass, replace

from stagenorm_pipeline.engine.inventory.inventory import TargetInventory
from stagenorm_pipeline.engine.targets.same_key import require_same_key
from stagenorm_pipeline.engine.targets.target import Target
from stagenorm_pipeline.engine.verify.against_signed_report import Comparison, SignedReport, compare
from stagenorm_pipeline.engine.verify.audit_log import AuditLog, read_audit_log
from stagenorm_pipeline.engine.verify.audited_rows import read_audited_rows
from stagenorm_pipeline.engine.verify.baseline import read_baseline
from stagenorm_pipeline.engine.verify.compared_plans import PlansAsked, read_plans
from stagenorm_pipeline.engine.verify.deleted_records import DeletedRecords, read_deleted_records, read_lost_rows
from stagenorm_pipeline.engine.verify.other_session_changes import OtherSessionChanges, read_other_session_changes
from stagenorm_pipeline.engine.verify.receipts_and_digests import ReceiptsAndDigests, read_receipts_and_digests
from stagenorm_pipeline.engine.verify.result import Rule, UndoneRows
from stagenorm_pipeline.engine.verify.snapshot import Snapshot
from stagenorm_pipeline.engine.verify.target_facts import TargetFacts, read_rows_now
from stagenorm_pipeline.vocabulary import MeaningKind, Vocabulary

_KEY_MOVED = (
    "Make the old column the primary key again to verify this plan. Or sign the last verification made before the key "
    "was moved: later verifications judge only later plans."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class VerificationFacts:
    """Everything that the rules judge. `is_undone`: something was rolled back."""

    snapshot: Snapshot
    deleted: DeletedRecords
    log: AuditLog
    receipts: ReceiptsAndDigests
    targets: tuple[TargetFacts, ...]
    is_undone: bool
    other_sessions: tuple[OtherSessionChanges, ...]
    signed_report: Comparison | None = None

    @property
    def inventories(self) -> tuple[TargetInventory, ...]:
        return tuple(facts.inventory for facts in self.targets)

    @property
    def undone(self) -> UndoneRows | None:
        """Rows after a rollback; None where nothing was rolled back."""
        if not self.is_undone:
            return None
        return UndoneRows(
            restored=sum(facts.audited.restored.total for facts in self.targets),
            left=sum(facts.audited.rows_left for facts in self.targets),
        )


def read_verification_facts(
    snapshot: Snapshot, asked: PlansAsked, vocabulary: Vocabulary, against: SignedReport | None
) -> VerificationFacts:
    """Read what the rules judge, and note how long each read took.

    Raises TargetError if a judged plan named the rows by another key.
    """
    with snapshot.shared("planned rows and their batches", (Rule.BATCH_TRACKING, Rule.AUDIT_CONSISTENCY)):
        lost = read_lost_rows(snapshot)
    with snapshot.shared("the audit log by batch", (Rule.AUDIT_CONSISTENCY, Rule.SAMPLE_INSPECTION)):
        log = read_audit_log(snapshot, lost)
    snapshot = _with_logged_plans(snapshot, asked, log)
    for target in snapshot.targets:
        require_same_key(snapshot.connection, target, snapshot.plans.judged, remedy=_KEY_MOVED)
    with snapshot.shared("records that were deleted from the tracking tables", (Rule.BATCH_TRACKING,)):
        deleted = read_deleted_records(snapshot, lost, log.plans)
    with snapshot.shared("the audit log with its receipts", (Rule.AUDIT_CONSISTENCY,)):
        receipts = read_receipts_and_digests(snapshot, log.entries.count)
    is_undone = bool(snapshot.plans.undone or snapshot.plans.rollbacks or log.entries.rolled_back)
    targets = tuple(_read_target(snapshot, target, vocabulary, is_undone=is_undone) for target in snapshot.targets)
    is_log_sound = not log.disagreements_total and receipts.match
    return VerificationFacts(
        snapshot=snapshot,
        deleted=deleted,
        log=log,
        receipts=receipts,
        targets=targets,
        is_undone=is_undone,
        other_sessions=_read_other_sessions(snapshot, targets, log, is_log_sound=is_log_sound),
        signed_report=_compare(snapshot, against),
    )


def _with_logged_plans(snapshot: Snapshot, asked: PlansAsked, log: AuditLog) -> Snapshot:
    """Add the plans that only log entries name: their status was edited by hand and they have no receipts."""
    if not set(log.plans) - set(snapshot.plans.judged):
        return snapshot
    return replace(snapshot, plans=read_plans(snapshot.connection, replace(asked, logged=log.plans)))


def _read_target(snapshot: Snapshot, target: Target, vocabulary: Vocabulary, *, is_undone: bool) -> TargetFacts:
    rules = (Rule.CANONICAL_STAGES, Rule.NULL_INTEGRITY, Rule.ROW_COUNTS, Rule.FUND_BREAKDOWN)
    with snapshot.shared("every row by spelling and fund", rules, target):
        inventory, stages = read_rows_now(snapshot, target, vocabulary)
    with snapshot.shared("the baseline", rules[1:], target):
        baseline = read_baseline(snapshot, target)
    kept = [s.spelling for s in inventory.spellings if s.kind is MeaningKind.KEPT]
    rules = (Rule.CANONICAL_STAGES, Rule.NULL_INTEGRITY, Rule.ROW_COUNTS, Rule.AUDIT_CONSISTENCY)
    with snapshot.shared("each audited row beside the audit log", rules, target):
        audited = read_audited_rows(
            snapshot, target, kept, is_undone=is_undone, counted_at=baseline.counted_at if baseline else None
        )
    return TargetFacts(inventory=inventory, baseline=baseline, audited=audited, stages=stages)


def _read_other_sessions(
    snapshot: Snapshot, targets: tuple[TargetFacts, ...], log: AuditLog, *, is_log_sound: bool
) -> tuple[OtherSessionChanges, ...]:
    rules = (Rule.NULL_INTEGRITY, Rule.ROW_COUNTS, Rule.AUDIT_CONSISTENCY)
    changes = []
    for facts in targets:
        with snapshot.shared("changes by other sessions", rules, facts.inventory.target):
            changes.append(read_other_session_changes(snapshot, facts, log, is_log_sound=is_log_sound))
    return tuple(changes)


def _compare(snapshot: Snapshot, against: SignedReport | None) -> Comparison | None:
    if against is None:
        return None
    with snapshot.shared("the plans of the signed report", (Rule.AUDIT_CONSISTENCY,)):
        return compare(snapshot, against)
