"""Receipts and plan digests: recording the digest of a closed plan, and comparing both with what the tables hold.

Everything that a verification or a rollback asks about them. Judges nothing: what a mismatch means is the caller's.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from psycopg import sql

from stagenorm_pipeline.engine.plan.batch import PlanKind
from stagenorm_pipeline.engine.postgres.planner_hints import by_hashing
from stagenorm_pipeline.engine.postgres.sql_files import log_sha256, statement
from stagenorm_pipeline.engine.targets.funds import FundScope
from stagenorm_pipeline.engine.targets.target import Target

_SHOWN = 50


class MismatchKind(StrEnum):
    """How log entries and receipts disagree."""

    NO_RECEIPT = "no receipt"
    ENTRIES_MISSING = "entries missing"
    ENTRIES_EXTRA = "entries extra"
    ALTERED = "altered"
    RECEIPT_WITHOUT_ENTRIES = "receipt without entries"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptMismatch:
    """A receipt whose entries differ or, with NO_RECEIPT, the entries of a batch that no receipt covers.

    `expected`: entries that the receipt counts (0 without one). `plan_id`, `batch_id`: None where an entry names none.
    """

    kind: MismatchKind
    target: str
    fund_id: str | None
    plan_id: int | None
    batch_id: int | None
    attempt: int | None
    action: PlanKind
    expected: int
    found: int


class RowDifference(StrEnum):
    """How the log entry of a row differs from what its batch was to write."""

    ALTERED = "altered"
    MISSING = "missing"
    # In a batch that skipped or refused rows: one of these has no entry either.
    MAY_BE_MISSING = "may be missing"
    TWICE = "twice"
    NOT_PLANNED = "not planned"
    # The batch was deleted: there is nothing to compare with.
    NO_BATCH = "no batch"


@dataclass(frozen=True, slots=True, kw_only=True)
class DifferingRow:
    """A row whose log entry differs. `planned_...`: what the batch was to find and write; `logged_...`: the entry."""

    difference: RowDifference
    target: str
    fund_id: str | None
    batch_id: int | None
    row_id: str
    log_id: int | None
    planned_before: str | None
    planned_after: str | None
    logged_before: str | None
    logged_after: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptCheck:
    """Log entries compared with their receipts.

    Of `mismatches`, `rows` and `legacy_rows` the first 50, each with its exact total. `rows` names rows of the batches
    in `mismatches`. `legacy_entries` were made before there were receipts and are compared with the members of their
    batches; `legacy_without_batch` of them could not be, because the batch was deleted.
    """

    receipts: int = 0
    entries: int = 0
    mismatches: tuple[ReceiptMismatch, ...] = ()
    mismatches_total: int = 0
    rows: tuple[DifferingRow, ...] = ()
    rows_total: int = 0
    legacy_entries: int = 0
    legacy_rows: tuple[DifferingRow, ...] = ()
    legacy_rows_total: int = 0
    legacy_without_batch: int = 0


class DigestPart(StrEnum):
    """The parts of a plan's digest; DIGEST: the parts as recorded do not make up the recorded digest."""

    RECEIPTS = "receipts"
    BASELINE = "baseline"
    MAPPING = "mapping"
    MEMBERS = "members"
    DIGEST = "digest"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanDigest:
    """The digest that was recorded when a plan was closed, and what differs from it now.

    `recorded` None: the plan is not closed, or was closed before there were digests. `altered_spellings`: spellings of
    the plan whose text no longer has its recorded hash.
    """

    plan_id: int
    recorded: bytes | None = None
    recorded_at: datetime | None = None
    recorded_by: str | None = None
    changed: tuple[DigestPart, ...] = ()
    altered_spellings: int = 0


def record_plan_digests(connection: sa.Connection, plan_ids: Sequence[int]) -> None:
    """Keep what the plans, which were just closed, consist of; a plan that has a digest keeps it."""
    if plan_ids:
        connection.exec_driver_sql(
            statement("receipts/record_plan_digests", plan_digest=_plan_digest()), {"plan_ids": list(plan_ids)}
        )


def read_plan_digests(connection: sa.Connection, plan_ids: Sequence[int]) -> tuple[PlanDigest, ...]:
    """The digest of each plan in `plan_ids`, in that order, recomputed from the tables and compared."""
    parts = {"plan_digest": _plan_digest(), "plan_spellings": _plan_spellings()}
    rows = connection.exec_driver_sql(statement("receipts/read_plan_digests", **parts), {"plan_ids": list(plan_ids)})
    recorded = {row.plan_id: row for row in rows}
    return tuple(
        _plan_digest_of(recorded[plan_id]) if plan_id in recorded else PlanDigest(plan_id=plan_id)
        for plan_id in plan_ids
    )


def _plan_digest_of(row: Any) -> PlanDigest:
    differs = {
        DigestPart.RECEIPTS: row.receipts_differ,
        DigestPart.BASELINE: row.baseline_differs,
        DigestPart.MAPPING: row.mapping_differs,
        DigestPart.MEMBERS: row.members_differ,
        DigestPart.DIGEST: row.digest_differs,
    }
    return PlanDigest(
        plan_id=row.plan_id,
        recorded=bytes(row.plan_sha256),
        recorded_at=row.recorded_at,
        recorded_by=row.recorded_by,
        changed=tuple(part for part, is_different in differs.items() if is_different),
        altered_spellings=row.altered_spellings,
    )


def read_receipt_mismatches(
    connection: sa.Connection,
    targets: Sequence[Target],
    scope: FundScope,
    since_log_id: int | None = None,
) -> ReceiptCheck:
    """Compare the log entries of `targets` in `scope` after `since_log_id` (None: all) with their receipts.

    A receipt with an entry after `since_log_id` is compared as a whole. Entries without a plan belong to other tools
    and do not count. Reads only.
    """
    values = {
        "targets": [target.name for target in targets],
        "all_funds": scope.all_funds,
        "fund_id": scope.fund_id,
        "since": since_log_id or 0,
        "legacy": last_legacy_log_id(connection),
        "shown": _SHOWN,
    }
    totals = connection.exec_driver_sql(statement("receipts/entry_totals"), values).one()
    rows = connection.exec_driver_sql(statement("receipts/compare_receipts", log_sha256=log_sha256()), values).all()
    # The part `total` has its sums in the same columns.
    covered, receipts = next((row.found, row.total) for row in rows if row.part == "total")
    differing = [row for row in rows if row.part == "receipt"]
    mismatches = [_mismatch(row) for row in differing]
    total = differing[0].total if differing else 0
    # Equal counts mean that each entry has its receipt: then the look for those without one is spared.
    if mismatches or covered != totals.receipted:
        without = _without_receipt(connection, values)
        mismatches += [mismatch for mismatch, _ in without]
        total += without[0][1] if without else 0
    named = _differing_rows(connection, [one.batch_id for one in mismatches if one.batch_id is not None])
    legacy = _legacy_rows(connection, values) if totals.legacy else ()
    return ReceiptCheck(
        receipts=receipts,
        entries=totals.legacy + totals.receipted,
        mismatches=tuple(mismatches[:_SHOWN]),
        mismatches_total=total,
        rows=tuple(_differing_row(row) for row in named),
        rows_total=named[0].total if named else 0,
        legacy_entries=totals.legacy,
        legacy_rows=tuple(_differing_row(row) for row in legacy),
        legacy_rows_total=legacy[0].total if legacy else 0,
        legacy_without_batch=legacy[0].without_batch if legacy else 0,
    )


def last_legacy_log_id(connection: sa.Connection) -> int:
    """The newest log entry that was made before there were receipts; 0 if there was none."""
    return int(
        connection.exec_driver_sql(
            "SELECT coalesce(max(last_log_id), 0) FROM stage_migration_versions "
            "WHERE file_name = '20261126_stage_receipts.sql'"
        ).scalar_one()
    )


def _mismatch(row: Any) -> ReceiptMismatch:
    if row.found == 0:
        kind = MismatchKind.RECEIPT_WITHOUT_ENTRIES
    elif row.found < row.expected:
        kind = MismatchKind.ENTRIES_MISSING
    elif row.found > row.expected:
        kind = MismatchKind.ENTRIES_EXTRA
    else:
        kind = MismatchKind.ALTERED
    return ReceiptMismatch(
        kind=kind,
        target=row.target,
        fund_id=row.fund_id,
        plan_id=row.plan_id,
        batch_id=row.batch_id,
        attempt=row.attempt,
        action=PlanKind(row.action),
        expected=row.expected,
        found=row.found,
    )


def _without_receipt(connection: sa.Connection, values: dict[str, Any]) -> list[tuple[ReceiptMismatch, int]]:
    """The batches with entries that no receipt covers, the first ones, each with how many there are."""
    with by_hashing(connection):
        rows = connection.exec_driver_sql(statement("receipts/entries_without_receipt"), values).all()
    return [
        (
            ReceiptMismatch(
                kind=MismatchKind.NO_RECEIPT,
                target=row.target,
                fund_id=row.fund_id,
                plan_id=row.plan_id,
                batch_id=row.batch_id,
                attempt=None,
                action=PlanKind(row.action),
                expected=0,
                found=row.found,
            ),
            row.total,
        )
        for row in rows
    ]


def _differing_rows(connection: sa.Connection, batch_ids: Sequence[int]) -> Sequence[Any]:
    if not batch_ids:
        return ()
    with by_hashing(connection):
        return connection.exec_driver_sql(
            statement("receipts/differing_rows"), {"batches": sorted(set(batch_ids)), "shown": _SHOWN}
        ).all()


def _legacy_rows(connection: sa.Connection, values: dict[str, Any]) -> Sequence[Any]:
    with by_hashing(connection):
        return connection.exec_driver_sql(statement("receipts/entries_before_receipts"), values).all()


def _differing_row(row: Any) -> DifferingRow:
    return DifferingRow(
        difference=RowDifference(row.difference),
        target=row.target,
        fund_id=row.fund_id,
        batch_id=row.batch_id,
        row_id=row.row_id,
        log_id=row.log_id,
        planned_before=row.planned_before,
        planned_after=row.planned_after,
        logged_before=row.logged_before,
        logged_after=row.logged_after,
    )


def _plan_spellings() -> sql.SQL:
    return sql.SQL(statement("receipts/plan_spellings"))


def _plan_digest() -> sql.SQL:
    return sql.SQL(statement("receipts/plan_digest", plan_spellings=_plan_spellings()))
