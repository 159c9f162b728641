"""Write a plan: its row, targets, baseline, mapping, exact batches and totals."""

import json
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import groupby, islice
from typing import Any

import sqlalchemy as sa
from psycopg import sql

from stagenorm_pipeline import __version__
from stagenorm_pipeline.config.presets import Preset
from stagenorm_pipeline.engine.inventory.inventory import InventoryTally, RowCounts, TargetInventory
from stagenorm_pipeline.engine.inventory.spellings import SpellingRows
from stagenorm_pipeline.engine.plan.batch_types import PlanKind
from stagenorm_pipeline.engine.plan.plan_reader import Keys, NumberedSpelling, read_plan_rows
from stagenorm_pipeline.engine.plan.request import PlanRequest
from stagenorm_pipeline.engine.plan.vocabulary_check import keep_vocabulary
from stagenorm_pipeline.engine.postgres.failpoints import Failpoint, failpoint
from stagenorm_pipeline.engine.postgres.sql_files import statement
from stagenorm_pipeline.engine.targets.funds import FundScope
from stagenorm_pipeline.engine.targets.target import KeyKind, Target
from stagenorm_pipeline.errors import PlanError
from stagenorm_pipeline.vocabulary import MeaningKind, Stage, Vocabulary

_CHUNK = 5_000
# Recording 5,000 funds one by one took a millisecond each.
_KEYS_AT_ONCE = 20_000
_NOT_TO_CHANGE = 0


def count_batches(inventories: tuple[TargetInventory, ...], batch_size: int) -> int:
    """Count the batches of a plan: each fund of each target has its own."""
    return sum(-(-fund.counts.rows_to_change // batch_size) for inventory in inventories for fund in inventory.funds)


class PlanWriter:
    """Record a plan of either kind as a draft: first its row, then each target, and its totals when it has batches.

    The caller records the batches, in the same transaction.
    """

    def __init__(
        self,
        connection: sa.Connection,
        *,
        kind: PlanKind,
        targets: Sequence[Target],
        scope: FundScope,
        batch_size: int,
        created_by: str,
        vocabulary: Vocabulary | None = None,
        preset: Preset | None = None,
        conditions: Mapping[str, Any] | None = None,
    ) -> None:
        """Record the plan's row. `vocabulary`, `preset` None: a rollback has none. `conditions`: more of the scope."""
        self._connection = connection
        named = [target.name for target in targets]
        self.plan_id: int = connection.exec_driver_sql(
            statement("plan/record_plan"),
            {
                "created_by": created_by,
                "kind": kind.value,
                "vocabulary_version": vocabulary.version if vocabulary else "",
                "code_version": __version__,
                "batch_size": batch_size,
                "preset": preset,
                "scope": json.dumps({"targets": named, **scope.as_json(), **(conditions or {})}),
            },
        ).scalar_one()

    def record_target(self, number: int, target: Target) -> None:
        """Record the target `number` (from 1) with its key and fund column."""
        self._connection.exec_driver_sql(
            statement("plan/record_plan_target"),
            {
                "plan_id": self.plan_id,
                "target_no": number,
                **target.identity(),
                "key_column": target.key_column,
                "fund_column": target.fund_column,
            },
        )

    def record_totals(self, batches: int, counts: RowCounts) -> None:
        """Record how many batches and rows the plan has."""
        totals = {"plan_id": self.plan_id, "total_batches": batches, **asdict(counts)}
        self._connection.exec_driver_sql(statement("plan/record_plan_totals"), totals)


class NormalizePlanWriter:
    """Record a plan of kind `normalize`: its baseline, mapping and batches, as a cursor reads the targets.

    Memory holds one chunk of spellings or one batch, and four bytes for each spelling of each fund.
    """

    def __init__(
        self, connection: sa.Connection, request: PlanRequest, targets: tuple[Target, ...], *, created_by: str
    ) -> None:
        keep_vocabulary(connection, request.vocabulary)
        self._connection = connection
        self._request = request
        self._targets = targets
        self._batches = 0
        self._writer = PlanWriter(
            connection,
            kind=PlanKind.NORMALIZE,
            targets=targets,
            scope=request.scope,
            batch_size=request.batch_size,
            created_by=created_by,
            vocabulary=request.vocabulary,
            preset=request.preset,
        )
        failpoint(Failpoint.PLAN_STARTED)

    @property
    def plan_id(self) -> int:
        return self._writer.plan_id

    @property
    def has_batches(self) -> bool:
        return self._batches > 0

    def record(self) -> tuple[TargetInventory, ...]:
        """Record all parts of the plan, and return what the targets hold.

        Raises PlanError if the inventory and the batches disagree.
        """
        inventories = tuple(self._record_target(number, target) for number, target in enumerate(self._targets, start=1))
        expected = count_batches(inventories, self._request.batch_size)
        if self._batches != expected:
            raise PlanError(
                f"The inventory has rows for {expected:,} batches, but {self._batches:,} batches were read.",
                remedy="Nothing was recorded. Both come from one read and must agree: please report this.",
            )
        counts = sum((inventory.counts for inventory in inventories), RowCounts())
        self._writer.record_totals(self._batches, counts)
        return inventories

    def _record_target(self, number: int, target: Target) -> TargetInventory:
        self._writer.record_target(number, target)
        tally = InventoryTally(target=target, aliases=self._request.vocabulary.aliases)
        spelling_ids = array("i", [_NOT_TO_CHANGE])
        lines = read_plan_rows(self._connection, target, self._request)
        for is_keys, part in groupby(lines, lambda line: isinstance(line, Keys)):
            if not is_keys:
                spellings = (line for line in part if isinstance(line, NumberedSpelling))
                self._record_spellings(number, spellings, tally, spelling_ids)
                failpoint(Failpoint.PLAN_BASELINE_RECORDED)
            else:
                self._record_batches(target, (line for line in part if isinstance(line, Keys)), spelling_ids)
        return tally.finish()

    def _record_spellings(
        self, target_no: int, lines: Iterator[NumberedSpelling], tally: InventoryTally, spelling_ids: "array[int]"
    ) -> None:
        """Record the baseline and the mapping, and append the id of each spelling to change to `spelling_ids`."""
        while chunk := list(islice(lines, _CHUNK)):
            found = [line.found for line in chunk]
            ids = self._intern(found)
            self._record_baseline(target_no, found, ids)
            stages: dict[int, Stage] = {}
            for line in chunk:
                entry = line.found
                tally.add(entry)
                if line.number < len(spelling_ids):
                    continue
                spelling_id = _NOT_TO_CHANGE
                if entry.sha256 is not None and entry.meaning is not None and entry.meaning.kind is MeaningKind.MESSY:
                    spelling_id = ids[entry.sha256]
                    if entry.meaning.stage is not None:
                        stages[spelling_id] = entry.meaning.stage
                spelling_ids.append(spelling_id)
            self._record_mapping(stages)

    def _intern(self, chunk: list[SpellingRows]) -> dict[bytes, int]:
        spellings = {entry.sha256: entry.spelling for entry in chunk if entry.sha256 is not None}
        rows = self._connection.exec_driver_sql(
            statement("plan/intern_spellings"), {"digests": list(spellings), "spellings": list(spellings.values())}
        )
        return {bytes(row.spelling_sha256): row.spelling_id for row in rows}

    def _record_baseline(self, target_no: int, chunk: list[SpellingRows], ids: dict[bytes, int]) -> None:
        self._connection.exec_driver_sql(
            statement("plan/record_baseline"),
            {
                "plan_id": self.plan_id,
                "target_no": target_no,
                "fund_ids": [entry.fund_id for entry in chunk],
                "spelling_ids": array_literal("NULL" if entry.sha256 is None else ids[entry.sha256] for entry in chunk),
                "kinds": array_literal(f'"{entry.kind}"' for entry in chunk),
                "rows": array_literal(entry.rows for entry in chunk),
            },
        )

    def _record_mapping(self, stages: dict[int, Stage]) -> None:
        if stages:
            self._connection.exec_driver_sql(
                statement("plan/record_plan_spellings"),
                {
                    "plan_id": self.plan_id,
                    "spelling_ids": list(stages),
                    "stages": [str(stage) for stage in stages.values()],
                },
            )

    def _record_batches(self, target: Target, lines: Iterable[Keys], spelling_ids: "array[int]") -> None:
        size = self._request.batch_size
        pending = _Pending()
        for fund_id, of_fund in groupby(lines, lambda line: line.fund_id):
            start = len(pending.keys)
            for line in of_fund:
                ids = [spelling_ids[number] for number in line.numbers]
                pending.keys += [key for key, spelling_id in zip(line.row_keys, ids, strict=True) if spelling_id]
                pending.spelling_ids += [spelling_id for spelling_id in ids if spelling_id]
                while len(pending.keys) - start >= size:
                    start = pending.end_batch(fund_id, start, start + size)
                    if start >= _KEYS_AT_ONCE:
                        self._record_pending(target, pending)
                        start = 0
            if len(pending.keys) > start:
                pending.end_batch(fund_id, start, len(pending.keys))
            if len(pending.keys) >= _KEYS_AT_ONCE:
                self._record_pending(target, pending)
        self._record_pending(target, pending)

    def _record_pending(self, target: Target, pending: "_Pending") -> None:
        """Record the batches that have ended, and keep the keys after them."""
        if not pending.lasts:
            return
        integer = target.key_kind is KeyKind.INTEGER
        end = pending.lasts[-1]
        keys = pending.keys[:end]
        self._connection.exec_driver_sql(
            record_batches_statement(target),
            {
                "plan_id": self.plan_id,
                "batches_before": self._batches,
                **target.identity(),
                "fund_ids": pending.fund_ids,
                "firsts": pending.firsts,
                "lasts": pending.lasts,
                "keys": array_literal(keys) if integer else keys,
                "spelling_ids": array_literal(pending.spelling_ids[:end]),
            },
        )
        self._batches += len(pending.lasts)
        pending.forget(end)
        failpoint(Failpoint.PLAN_BATCH_RECORDED)


@dataclass(slots=True, kw_only=True)
class _Pending:
    """Batches to record with one statement: their keys, and each one's fund and places of first and last key."""

    keys: list[Any] = field(default_factory=list)
    spelling_ids: list[int] = field(default_factory=list)
    fund_ids: list[str | None] = field(default_factory=list)
    firsts: list[int] = field(default_factory=list)
    lasts: list[int] = field(default_factory=list)

    def end_batch(self, fund_id: str | None, start: int, end: int) -> int:
        """End a batch with the keys from `start` to before `end`. Returns `end`."""
        self.fund_ids.append(fund_id)
        self.firsts.append(start + 1)
        self.lasts.append(end)
        return end

    def forget(self, end: int) -> None:
        """Forget the recorded batches and the keys before `end`."""
        del self.keys[:end], self.spelling_ids[:end]
        self.fund_ids, self.firsts, self.lasts = [], [], []


def record_batches_statement(target: Target) -> str:
    """Return the statement that records batches of the target."""
    integer = target.key_kind is KeyKind.INTEGER
    return statement(
        "plan/record_batches",
        member_column=sql.Identifier("row_numbers" if integer else "row_keys"),
        member_type=sql.SQL("bigint" if integer else "text"),
    )


def array_literal(values: Iterable[object]) -> str:
    """Format an array for PostgreSQL. The driver's formatting, made for any text, took a fifth of a plan's time."""
    return "{" + ",".join(map(str, values)) + "}"
