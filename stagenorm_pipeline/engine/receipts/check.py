"""Compare the audit log with the receipts of the batches.

Verification and rollback use it, and decide what a mismatch means.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Any

import sqlalchemy as sa
from psycopg import sql

from stagenorm_pipeline.engine.plan.batch_types import PlanKind
from stagenorm_pipeline.engine.postgres.planner_hints import by_hashing
from stagenorm_pipeline.engine.postgres.sql_files import log_sha256, statement
from stagenorm_pipeline.engine.targets.funds import FundScope
from stagenorm_pipeline.engine.targets.target import Target

_SHOWN = 50
# More slices than processes: with 4 slices on two cores, one process worked alone at the end.
_SLICES = 8


class MismatchKind(StrEnum):
    """How the log entries and a receipt differ."""

    NO_RECEIPT = "no receipt"
    ENTRIES_MISSING = "entries missing"
    ENTRIES_EXTRA = "entries extra"
    ALTERED = "altered"
    RECEIPT_WITHOUT_ENTRIES = "receipt without entries"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptMismatch:
    """A receipt whose entries differ or, with NO_RECEIPT, the entries of a batch that no receipt covers.

    `expected`: the number of entries in the receipt (0 without one). `plan_id`, `batch_id`: None if an entry has none.
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
    """How the log entry of a row differs from what its batch should have written."""

    ALTERED = "altered"
    MISSING = "missing"
    # The batch skipped or refused rows, and those have no entry either.
    MAY_BE_MISSING = "may be missing"
    TWICE = "twice"
    NOT_PLANNED = "not planned"
    # The batch was deleted, so there is nothing to compare with.
    NO_BATCH = "no batch"


@dataclass(frozen=True, slots=True, kw_only=True)
class DifferingRow:
    """A row whose log entry differs. `planned_...`: what the batch should have written; `logged_...`: the entry."""

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

    `mismatches`, `rows` and `legacy_rows` hold the first 50, each with its exact total. `rows` names rows of the
    batches in `mismatches`. `legacy_entries` are older than receipts and are compared with the members of their
    batches; `legacy_without_batch` of them could not be compared, because the batch was deleted.
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


def read_receipt_mismatches(
    connection: sa.Connection,
    targets: Sequence[Target],
    scope: FundScope,
    since_log_id: int | None = None,
    *,
    entries: int | None = None,
    shown: int = _SHOWN,
) -> ReceiptCheck:
    """Compare the log entries of `targets` in `scope` after `since_log_id` (None: all) with their receipts.

    A receipt with an entry after `since_log_id` is compared as a whole. Entries without a plan were written by other
    tools and are ignored. `entries`: how many entries these are, if the caller counted them in the same snapshot.
    `shown`: how many examples of each kind to return. Reads only.
    """
    values = {
        "targets": [target.name for target in targets],
        "all_funds": scope.all_funds,
        "fund_id": scope.fund_id,
        "since": since_log_id or 0,
        "legacy": last_legacy_log_id(connection),
        "shown": shown,
    }
    legacy_entries, receipted_entries = _entry_totals(connection, values, entries)
    rows = connection.exec_driver_sql(compare_receipts_statement(), values).all()
    # The row `total` has its sums in the same columns.
    covered, receipts = next((row.found, row.total) for row in rows if row.part == "total")
    differing = [row for row in rows if row.part == "receipt"]
    mismatches = [_mismatch(row) for row in differing]
    total = differing[0].total if differing else 0
    # Equal counts mean that each entry has a receipt, so the search for entries without one is skipped.
    if mismatches or covered != receipted_entries:
        without = _without_receipt(connection, values)
        mismatches += [mismatch for mismatch, _ in without]
        total += without[0][1] if without else 0
    named = _differing_rows(connection, [one.batch_id for one in mismatches if one.batch_id is not None], shown)
    legacy = _legacy_rows(connection, values) if legacy_entries else ()
    return ReceiptCheck(
        receipts=receipts,
        entries=legacy_entries + receipted_entries,
        mismatches=tuple(mismatches[:shown]),
        mismatches_total=total,
        rows=tuple(_differing_row(row) for row in named),
        rows_total=named[0].total if named else 0,
        legacy_entries=legacy_entries,
        legacy_rows=tuple(_differing_row(row) for row in legacy),
        legacy_rows_total=legacy[0].total if legacy else 0,
        legacy_without_batch=legacy[0].without_batch if legacy else 0,
    )


def _entry_totals(connection: sa.Connection, values: dict[str, Any], entries: int | None) -> tuple[int, int]:
    """Count the entries that are older than receipts, and the later ones."""
    if entries is not None and values["legacy"] <= values["since"]:
        return 0, entries
    totals = connection.exec_driver_sql(statement("receipts/entry_totals"), values).one()
    return totals.legacy, totals.receipted


@cache
def compare_receipts_statement() -> str:
    """Return the statement that compares receipts, in slices that PostgreSQL can give to different processes.

    It cannot divide the look-ups of one slice. With two processes, 200 receipts of 600,000 entries took half the time.
    """
    slices = [
        sql.SQL(
            statement(
                "receipts/entries_of_receipts",
                log_sha256=log_sha256(),
                slices=sql.Literal(_SLICES),
                slice=sql.Literal(number),
            )
        )
        for number in range(_SLICES)
    ]
    return statement("receipts/compare_receipts", slices=sql.SQL("\nUNION ALL\n").join(slices))


def last_legacy_log_id(connection: sa.Connection) -> int:
    """Read the id of the last log entry that is older than receipts; 0 if there is none."""
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
    """Read the first batches with entries that no receipt covers, each with the total number of such batches."""
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


def _differing_rows(connection: sa.Connection, batch_ids: Sequence[int], shown: int) -> Sequence[Any]:
    if not batch_ids:
        return ()
    with by_hashing(connection):
        return connection.exec_driver_sql(
            statement("receipts/differing_rows"), {"batches": sorted(set(batch_ids)), "shown": shown}
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
