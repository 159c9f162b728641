"""Compare the audit log with its receipts, plans with their digests, and the signed report with its hash.

Reads only; rule 5 judges the result. The comparison of the receipts themselves is in `engine.receipts`.
"""

from collections.abc import Set
from dataclasses import dataclass, field

from stagenorm_pipeline.engine.receipts.check import (
    DifferingRow,
    MismatchKind,
    ReceiptCheck,
    ReceiptMismatch,
    RowDifference,
    read_receipt_mismatches,
)
from stagenorm_pipeline.engine.receipts.plan_digest import read_plan_digests
from stagenorm_pipeline.engine.verify.result import Finding, PlanDigest
from stagenorm_pipeline.engine.verify.signed_state import UntrustedReport
from stagenorm_pipeline.engine.verify.snapshot import Snapshot

_SPELLINGS = "spellings"
_MISMATCHES = {
    MismatchKind.NO_RECEIPT: "audit rows without a receipt",
    MismatchKind.ENTRIES_MISSING: "fewer audit rows than the batch's receipt counts",
    MismatchKind.ENTRIES_EXTRA: "more audit rows than the batch's receipt counts",
    MismatchKind.ALTERED: "audit rows differ from the batch's receipt",
    MismatchKind.RECEIPT_WITHOUT_ENTRIES: "receipt without audit rows",
}
_ROWS = {
    RowDifference.ALTERED: "audit row that was altered",
    RowDifference.MISSING: "row of the batch without an audit row",
    RowDifference.MAY_BE_MISSING: "row of the batch without an audit row, or skipped",
    RowDifference.TWICE: "row of the batch with several audit rows",
    RowDifference.NOT_PLANNED: "audit row of a row that was not in its batch",
    RowDifference.NO_BATCH: "audit row of a deleted batch",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptsAndDigests:
    """The receipts and digests that were compared, and what differs from them.

    `undigested`: closed plans whose digest was deleted. `untrusted`: the signed report, if it is gone or was altered.
    """

    receipts: ReceiptCheck = field(default_factory=ReceiptCheck)
    digests: tuple[PlanDigest, ...] = ()
    undigested: tuple[int, ...] = ()
    untrusted: UntrustedReport | None = None

    @property
    def match(self) -> bool:
        """Whether every audit row matches its receipt, or its batch if it is older than receipts."""
        receipts = self.receipts
        return not receipts.mismatches_total and receipts.legacy_rows_total == receipts.legacy_without_batch

    @property
    def figures(self) -> dict[str, int]:
        """Exact counts by name. The counts named in `WRONG` are 0 if everything matches."""
        receipts = self.receipts
        return {
            "receipts_checked": receipts.receipts,
            "batches_that_differ_from_receipts": receipts.mismatches_total,
            "audit_rows_older_than_receipts": receipts.legacy_entries,
            "older_audit_rows_that_differ": receipts.legacy_rows_total - receipts.legacy_without_batch,
            "older_audit_rows_without_batch": receipts.legacy_without_batch,
            "plan_digests_checked": sum(digest.plan_sha256 is not None for digest in self.digests),
            "plan_digests_that_differ": sum(bool(digest.differs) for digest in self.digests) + len(self.undigested),
            "signed_reports_altered": int(self.untrusted is not None),
        }

    def findings(self, named: Set[int | None]) -> list[Finding]:
        """List the first batches, rows and plans that differ.

        `named`: batches whose rows are listed already because their counts differ. Only their altered rows are added.
        """
        found: list[Finding] = []
        if self.untrusted is not None:
            found.append(Finding(what="signed report that was altered", detail=self.untrusted.problem))
        found += [_digest_finding(digest) for digest in self.digests if digest.differs]
        found += [
            Finding(what="plan whose digest was deleted", detail=f"plan {plan_id}") for plan_id in self.undigested
        ]
        found += [_mismatch_finding(one) for one in self.receipts.mismatches if one.batch_id not in named]
        rows = [row for row in self.receipts.rows if _is_new(row, named)]
        older = [row for row in self.receipts.legacy_rows if row.difference is not RowDifference.NO_BATCH]
        return found + [_row_finding(row) for row in (*rows, *older)]


WRONG = (
    "batches_that_differ_from_receipts",
    "older_audit_rows_that_differ",
    "plan_digests_that_differ",
    "signed_reports_altered",
)


def read_receipts_and_digests(snapshot: Snapshot, entries: int) -> ReceiptsAndDigests:
    """Compare receipts, digests and the signed report with what the tables hold.

    `entries`: the number of judged log entries.
    """
    connection, judged = snapshot.connection, snapshot.plans.judged
    report = snapshot.signed.report if snapshot.signed else None
    receipts = read_receipt_mismatches(
        connection, snapshot.targets, snapshot.scope, snapshot.start.log_id, entries=entries, shown=snapshot.shown
    )
    digests = tuple(
        PlanDigest(
            plan_id=digest.plan_id,
            plan_sha256=digest.recorded.hex() if digest.recorded else None,
            differs=(*map(str, digest.changed), *([_SPELLINGS] if digest.altered_spellings else [])),
        )
        for digest in read_plan_digests(connection, judged)
    )
    return ReceiptsAndDigests(
        receipts=receipts,
        digests=digests,
        undigested=tuple(row.plan_id for row in snapshot.rows("verify/missing_digests")),
        untrusted=report if isinstance(report, UntrustedReport) else None,
    )


def _is_new(row: DifferingRow, named: Set[int | None]) -> bool:
    return row.difference is RowDifference.ALTERED or row.batch_id not in named


def _mismatch_finding(mismatch: ReceiptMismatch) -> Finding:
    receipt = "" if mismatch.kind is MismatchKind.NO_RECEIPT else f"receipt {mismatch.expected:,}, "
    return Finding(
        what=_MISMATCHES[mismatch.kind],
        target=mismatch.target,
        has_fund=True,
        fund_id=mismatch.fund_id,
        batch_id=mismatch.batch_id,
        rows=mismatch.found,
        detail=f"{receipt}audit rows {mismatch.found:,}",
    )


def _row_finding(row: DifferingRow) -> Finding:
    planned = None
    if row.difference is RowDifference.ALTERED:
        planned = f'the batch was to change "{row.planned_before}" to "{row.planned_after}"'
    return Finding(
        what=_ROWS[row.difference],
        target=row.target,
        has_fund=True,
        fund_id=row.fund_id,
        row_id=row.row_id,
        batch_id=row.batch_id,
        stage_before=row.logged_before or row.planned_before,
        stage_after=row.logged_after or row.planned_after,
        detail=planned,
    )


def _digest_finding(digest: PlanDigest) -> Finding:
    return Finding(
        what="plan that differs from its digest", detail=f"plan {digest.plan_id}: {', '.join(digest.differs)}"
    )
