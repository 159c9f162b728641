"""Detect drift: known spellings that are not canonical and were written after the last verification. Reads only.

The sensor reads `DriftState` often, since it is cheap, and scans the targets with `read_drift` only when it changed.
Unknown spellings are not drift: a plan cannot change them.
"""

import hashlib
from dataclasses import dataclass

import sqlalchemy as sa

from stagenorm_pipeline.config.settings import TargetSetting
from stagenorm_pipeline.engine.inventory.spellings import read_spellings
from stagenorm_pipeline.engine.postgres.connection import Database
from stagenorm_pipeline.engine.postgres.migrations import require_migrations
from stagenorm_pipeline.engine.postgres.sql_files import statement
from stagenorm_pipeline.engine.targets.funds import FundScope
from stagenorm_pipeline.engine.targets.target import Target, resolve_targets
from stagenorm_pipeline.engine.targets.visibility import visible_targets
from stagenorm_pipeline.vocabulary import MeaningKind, Vocabulary


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftState:
    """Whether a scan for drift makes sense now. Read without touching the targets.

    `verification_id`: the last verification of all funds; None if there was none. `open_plan_id`: a plan with waiting
    batches. `draft_plan_id`: a draft made since that verification. `writes`: PostgreSQL's counters of each target's
    inserts and updates, None where the server does not count. Use them only to tell whether they changed.
    """

    verification_id: int | None
    open_plan_id: int | None
    draft_plan_id: int | None
    writes: dict[str, int | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """The known spellings that are not canonical, over all targets. `digest` is equal for the same set of spellings."""

    spellings: int
    rows: int
    digest: str


def read_drift_state(database: Database, settings: tuple[TargetSetting, ...]) -> DriftState:
    """Read the drift state: a handful of rows, whatever the size of the targets."""
    with database.snapshot() as connection:
        require_migrations(connection)
        row = connection.exec_driver_sql(statement("inventory/drift_state")).one()
        targets = resolve_targets(connection, settings)
        writes = {target.name: _writes(connection, target) for target in targets}
    return DriftState(
        verification_id=row.verification_id,
        open_plan_id=row.open_plan_id,
        draft_plan_id=row.draft_plan_id,
        writes=writes,
    )


def read_drift(database: Database, settings: tuple[TargetSetting, ...], vocabulary: Vocabulary) -> Drift:
    """Scan each target once and count its drift. Memory does not grow with the number of spellings."""
    spellings = rows = 0
    digest = hashlib.sha256()
    with database.snapshot() as connection:
        for target in visible_targets(connection, settings):
            last: bytes | None = None
            for found in read_spellings(connection, target, FundScope(), vocabulary):
                if found.sha256 is None or found.meaning is None or found.meaning.kind is not MeaningKind.MESSY:
                    continue
                rows += found.rows
                if found.sha256 != last:
                    last = found.sha256
                    spellings += 1
                    digest.update(target.name.encode() + last)
    return Drift(spellings=spellings, rows=rows, digest=digest.hexdigest())


def _writes(connection: sa.Connection, target: Target) -> int | None:
    table = target.sql_parts()["table"].as_string(None)
    row = connection.exec_driver_sql(statement("inventory/target_writes"), {"table": table}).one()
    return None if row.writes is None else int(row.writes)
