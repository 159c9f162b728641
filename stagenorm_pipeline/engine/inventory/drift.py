"""Detect drift: spellings that came in after the last verification of all funds. Reads only.

Two kinds count: known spellings that are not canonical, which a plan can change, and unknown spellings that were not
there before, which need a decision. The sensor reads `DriftState` often, since it is cheap, and scans the targets with
`read_drift` only when it changed.
"""

import hashlib
import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import groupby

import sqlalchemy as sa

from stagenorm_pipeline.config.configuration import TargetSetting
from stagenorm_pipeline.engine.inventory.spellings import SpellingRows, read_spellings
from stagenorm_pipeline.engine.postgres.connection import Database
from stagenorm_pipeline.engine.postgres.migrations import require_migrations
from stagenorm_pipeline.engine.postgres.sql_files import statement
from stagenorm_pipeline.engine.targets.funds import FundScope
from stagenorm_pipeline.engine.targets.target import Target, resolve_targets
from stagenorm_pipeline.engine.targets.visibility import visible_targets
from stagenorm_pipeline.vocabulary import MeaningKind, Stage, Vocabulary

_EXAMPLES = 20
# 15 MB. Unknown spellings beyond it, in the order of their bytes, are not compared with the last plan.
_UNKNOWN_COMPARED = 100_000


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
class DriftExample:
    """A spelling that drifted in a target. `stage` None: it is unknown. `is_cut`: only its beginning is here."""

    target: str
    spelling: str
    is_cut: bool
    stage: Stage | None
    rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftedSpellings:
    """Spellings of one kind, over all targets. `digest` is equal for the same set. `examples`: most rows first."""

    spellings: int
    rows: int
    digest: str
    examples: tuple[DriftExample, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """`known`: not canonical. `unknown`: not there at the last verification."""

    known: DriftedSpellings
    unknown: DriftedSpellings

    @property
    def is_none(self) -> bool:
        return not (self.known.spellings or self.unknown.spellings)


@dataclass(slots=True, kw_only=True)
class _Counts:
    """Adds up the spellings of one kind. Memory holds the examples only."""

    spellings: int = 0
    rows: int = 0
    digest: "hashlib._Hash" = field(default_factory=hashlib.sha256)
    largest: list[tuple[int, int, DriftExample]] = field(default_factory=list)

    def add(self, digest: bytes, example: DriftExample) -> None:
        self.spellings += 1
        self.rows += example.rows
        self.digest.update(example.target.encode() + digest)
        # The second part keeps heapq from comparing the examples.
        entry = (example.rows, -self.spellings, example)
        if len(self.largest) < _EXAMPLES:
            heapq.heappush(self.largest, entry)
        else:
            heapq.heappushpop(self.largest, entry)

    def finish(self) -> DriftedSpellings:
        return DriftedSpellings(
            spellings=self.spellings,
            rows=self.rows,
            digest=self.digest.hexdigest(),
            examples=tuple(example for *_, example in sorted(self.largest, reverse=True)),
        )


class DriftTally:
    """Counts the drift in the streams of spellings that another reader reads, so that one scan serves both."""

    def __init__(self) -> None:
        self._known = _Counts()
        self._unknown: dict[str, dict[bytes, DriftExample]] = {}

    def watch(self, target: str, found: Iterable[SpellingRows]) -> Iterator[SpellingRows]:
        """Pass on the stream of a target, ordered by spelling, and count it. Read it to its end."""
        unknown = self._unknown.setdefault(target, {})
        for digest, group in groupby(found, key=lambda entry: entry.sha256):
            rows = 0
            for entry in group:
                rows += entry.rows
                yield entry
            if digest is None or entry.spelling is None or entry.meaning is None:
                continue
            example = DriftExample(
                target=target,
                spelling=entry.spelling,
                is_cut=entry.is_cut,
                stage=entry.meaning.stage,
                rows=rows,
            )
            if entry.meaning.kind is MeaningKind.MESSY:
                self._known.add(digest, example)
            elif entry.meaning.kind is MeaningKind.UNKNOWN and len(unknown) < _UNKNOWN_COMPARED:
                unknown[digest] = example

    def finish(self, connection: sa.Connection) -> Drift:
        """Return the drift since the last verification of all funds. There must be one."""
        new = _Counts()
        for target, examples in self._unknown.items():
            rows = connection.exec_driver_sql(
                statement("inventory/new_unknown_spellings"), {"target": target, "digests": list(examples)}
            )
            for digest in sorted(bytes(row.digest) for row in rows):
                new.add(digest, examples[digest])
        return Drift(known=self._known.finish(), unknown=new.finish())


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
    """Scan each target once and count its drift."""
    tally = DriftTally()
    with database.snapshot() as connection:
        for target in visible_targets(connection, settings):
            for _ in tally.watch(target.name, read_spellings(connection, target, FundScope(), vocabulary)):
                pass
        return tally.finish(connection)


def _writes(connection: sa.Connection, target: Target) -> int | None:
    """Return PostgreSQL's counter of the target's inserts and updates; None if the server does not count."""
    table = target.sql_parts()["table"].as_string(None)
    row = connection.exec_driver_sql(statement("inventory/target_writes"), {"table": table}).one()
    return None if row.writes is None else int(row.writes)
