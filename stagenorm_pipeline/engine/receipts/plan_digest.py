"""Record the digest of a closed plan, and compare it with what the tables hold now."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from psycopg import sql

from stagenorm_pipeline.engine.postgres.sql_files import statement


class DigestPart(StrEnum):
    """The parts of a plan's digest. DIGEST: the recorded parts do not add up to the recorded digest."""

    RECEIPTS = "receipts"
    BASELINE = "baseline"
    MAPPING = "mapping"
    MEMBERS = "members"
    DIGEST = "digest"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanDigest:
    """The digest that was recorded when a plan was closed, and what differs now.

    `recorded` None: the plan is not closed, or was closed before digests existed. `altered_spellings`: spellings of the
    plan whose text no longer has its recorded hash.
    """

    plan_id: int
    recorded: bytes | None = None
    recorded_at: datetime | None = None
    recorded_by: str | None = None
    changed: tuple[DigestPart, ...] = ()
    altered_spellings: int = 0


def record_plan_digests(connection: sa.Connection, plan_ids: Sequence[int]) -> None:
    """Record the digests of plans that were just closed. A plan that has a digest keeps it."""
    if plan_ids:
        connection.exec_driver_sql(
            statement("receipts/record_plan_digests", plan_digest=plan_digest()), {"plan_ids": list(plan_ids)}
        )


def read_plan_digests(connection: sa.Connection, plan_ids: Sequence[int]) -> tuple[PlanDigest, ...]:
    """Read the digest of each plan in `plan_ids`, in that order, and compare it with the tables."""
    parts = {"plan_digest": plan_digest(), "plan_spellings": _plan_spellings()}
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


def _plan_spellings() -> sql.SQL:
    return sql.SQL(statement("receipts/plan_spellings"))


def plan_digest() -> sql.SQL:
    """Return the query of the hashes of the plans `plan_ids`, as a part for `statement`."""
    return sql.SQL(statement("receipts/plan_digest", plan_spellings=_plan_spellings()))
