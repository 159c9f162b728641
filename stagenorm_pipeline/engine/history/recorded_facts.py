"""Read why plans changed a spelling, and which verifications cover a change: for rows and for spellings."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from psycopg import sql

from stagenorm_pipeline.engine.postgres.sql_files import statement
from stagenorm_pipeline.engine.verify.result import Verdict
from stagenorm_pipeline.vocabulary import Decisions, MeaningReason, reason_then


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """The first verification after a change that covers it."""

    verification_id: int
    verdict: Verdict
    checked_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """The first signed verification after a change that covers it, and who signed it."""

    verification_id: int
    verdict: Verdict
    signed_by: str
    signed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanOrigin:
    """The plan of a change: who made it, and when."""

    plan_id: int
    planned_by: str
    planned_at: datetime


def verifications() -> sql.SQL:
    """Return the fragment of the verifications that cover a change, as a part for `statement`."""
    return sql.SQL(statement("history/covering_verifications"))


def checked_of(row: Any) -> Checked | None:
    """Return the verification that checked a change; None if none did."""
    if row.checked_id is None:
        return None
    return Checked(verification_id=row.checked_id, verdict=Verdict(row.checked_verdict), checked_at=row.checked_at)


def signed_of(row: Any) -> Signed | None:
    """Return the signed verification that covers a change; None if there is none."""
    if row.signed_id is None:
        return None
    return Signed(
        verification_id=row.signed_id,
        verdict=Verdict(row.signed_verdict),
        signed_by=row.signed_off_by,
        signed_at=row.signed_off_at,
    )


def plan_of(row: Any) -> PlanOrigin | None:
    """Return the plan of a change; None if it was deleted, or another tool wrote the entry."""
    if row.planned_by is None:
        return None
    return PlanOrigin(plan_id=row.plan_id, planned_by=row.planned_by, planned_at=row.planned_at)


class Reasons:
    """Why plans changed spellings, under the vocabularies that they were made with."""

    def __init__(self, connection: sa.Connection, versions: Iterable[str | None], decisions: Decisions) -> None:
        """Read the vocabularies of these versions. `decisions`: the decisions file of today."""
        values = {"versions": sorted({version for version in versions if version})}
        rows = connection.exec_driver_sql(statement("history/vocabularies"), values)
        self._contents: Mapping[str, str] = {row.vocabulary_version: row.content for row in rows}
        self._decisions = decisions

    def of(self, spelling: str | None, version: str | None) -> MeaningReason | None:
        """Return why the spelling was changed; None if that vocabulary was not kept."""
        content = self._contents.get(version or "")
        return None if content is None or spelling is None else reason_then(spelling, content, self._decisions)
