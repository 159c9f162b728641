"""Count the rows that the constraint would refuse now, and compare them with the last baseline. Reads only."""

import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby
from operator import attrgetter

import sqlalchemy as sa

from stagenorm_pipeline.config.configuration import TargetSetting
from stagenorm_pipeline.engine.enforce.constraint import allowed_values, enforced_by
from stagenorm_pipeline.engine.inventory.spellings import SpellingRows, read_spellings
from stagenorm_pipeline.engine.postgres.connection import Database
from stagenorm_pipeline.engine.postgres.migrations import require_migrations
from stagenorm_pipeline.engine.postgres.sql_files import statement
from stagenorm_pipeline.engine.targets.funds import FundScope
from stagenorm_pipeline.engine.targets.target import Target
from stagenorm_pipeline.engine.targets.visibility import visible_targets
from stagenorm_pipeline.vocabulary import MeaningKind, Stage, Vocabulary

# `stagenorm inventory` lists all of them.
SPELLINGS_SHOWN = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class LastBaseline:
    """The newest plan that counted every fund, and the rows that the constraint would have refused then."""

    plan_id: int
    made_at: datetime
    rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NoBaseline:
    """No plan has counted every fund of the target."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedSpelling:
    """A spelling that the constraint would refuse. `stage`: what a run makes of it; None: it is unknown.

    `first_id` and `last_id`: the lowest and highest key. `rows_before`: rows at the baseline; 0 without one.
    """

    spelling: str
    sha256: str
    is_cut: bool
    stage: Stage | None
    rows: int
    funds: int
    first_id: str
    last_id: str
    rows_before: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """What the constraint would refuse in one target.

    `refused`: the first SPELLINGS_SHOWN of `spellings`, most rows first. `is_enforced`: it is there.
    """

    target: Target
    is_enforced: bool
    rows_seen: int
    rows: int
    spellings: int
    refused: tuple[RefusedSpelling, ...]
    baseline: LastBaseline | NoBaseline


def observe(database: Database, settings: tuple[TargetSetting, ...], vocabulary: Vocabulary) -> tuple[Observation, ...]:
    """Observe each target in one read-only snapshot. One scan per table."""
    with database.snapshot() as connection:
        require_migrations(connection)
        targets = visible_targets(connection, settings)
        return tuple(_observe(connection, target, vocabulary) for target in targets)


def _observe(connection: sa.Connection, target: Target, vocabulary: Vocabulary) -> Observation:
    tally = _Tally()
    found = read_spellings(connection, target, FundScope(), vocabulary, with_keys=True)
    refused = heapq.nlargest(SPELLINGS_SHOWN, tally.refused(found), key=lambda one: (one.rows, one.sha256))
    baseline = _read_baseline(connection, target, vocabulary)
    if isinstance(baseline, LastBaseline):
        refused = _with_rows_before(connection, target, baseline, refused)
    return Observation(
        target=target,
        is_enforced=enforced_by(connection, target) is not None,
        rows_seen=tally.rows_seen,
        rows=tally.rows,
        spellings=tally.spellings,
        refused=tuple(refused),
        baseline=baseline,
    )


@dataclass(slots=True, kw_only=True)
class _Tally:
    """Counts all rows and the refused ones while they stream by."""

    rows_seen: int = 0
    rows: int = 0
    spellings: int = 0

    def refused(self, found: Iterable[SpellingRows]) -> Iterator[RefusedSpelling]:
        """Yield each spelling that would be refused. `found` is ordered by spelling."""
        for _, same in groupby(found, key=attrgetter("sha256")):
            parts = list(same)
            rows = sum(part.rows for part in parts)
            self.rows_seen += rows
            spelling = _refused(parts, rows)
            if spelling is not None:
                self.rows += rows
                self.spellings += 1
                yield spelling


def _refused(parts: list[SpellingRows], rows: int) -> RefusedSpelling | None:
    """Return the spelling of all its funds if the constraint would refuse it, else None."""
    first = parts[0]
    if first.spelling is None or first.meaning is None or first.sha256 is None:
        return None
    if first.meaning.kind in (MeaningKind.CANONICAL, MeaningKind.KEPT):
        return None
    keys = [part.keys for part in parts if part.keys is not None]
    return RefusedSpelling(
        spelling=first.spelling,
        sha256=first.sha256.hex(),
        is_cut=first.is_cut,
        stage=first.meaning.stage,
        rows=rows,
        funds=len(parts),
        first_id=str(min(lowest for lowest, _ in keys)),
        last_id=str(max(highest for _, highest in keys)),
    )


def _read_baseline(connection: sa.Connection, target: Target, vocabulary: Vocabulary) -> LastBaseline | NoBaseline:
    values = {**target.identity(), "allowed": list(allowed_values(vocabulary))}
    row = connection.exec_driver_sql(statement("enforce/last_baseline"), values).one_or_none()
    if row is None:
        return NoBaseline()
    return LastBaseline(plan_id=row.plan_id, made_at=row.created_at, rows=row.rows_refused)


def _with_rows_before(
    connection: sa.Connection, target: Target, baseline: LastBaseline, refused: list[RefusedSpelling]
) -> list[RefusedSpelling]:
    values = {
        **target.identity(),
        "plan_id": baseline.plan_id,
        "hashes": [bytes.fromhex(one.sha256) for one in refused],
    }
    rows = connection.exec_driver_sql(statement("enforce/baseline_spellings"), values)
    before = {bytes(row.spelling_sha256).hex(): row.rows_counted for row in rows}
    return [replace(one, rows_before=before.get(one.sha256, 0)) for one in refused]
