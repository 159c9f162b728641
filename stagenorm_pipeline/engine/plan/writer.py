"""Writing a plan down: its targets, baseline, mapping and exact batches, as the rows come out of a cursor.

Does not belong here: when a plan is made, opened or cancelled (see `plan`), or how its rows are read (`plan_rows`).
"""

import json
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from itertools import groupby, islice
from typing import Any

import sqlalchemy as sa

from stagenorm_pipeline import __version__
from stagenorm_pipeline.engine.inventory.inventory import InventoryTally, RowCounts, TargetInventory
from stagenorm_pipeline.engine.inventory.spellings import SpellingRows
from stagenorm_pipeline.engine.plan.batch import PlanKind
from stagenorm_pipeline.engine.plan.reader import Keys, NumberedSpelling, read_plan_rows
from stagenorm_pipeline.engine.plan.request import PlanRequest
from stagenorm_pipeline.engine.plan.vocabulary_check import keep_vocabulary
from stagenorm_pipeline.engine.postgres.failpoints import Failpoint, failpoint
from stagenorm_pipeline.engine.postgres.sql_files import statement
from stagenorm_pipeline.engine.targets.target import KeyKind, Target
from stagenorm_pipeline.errors import PlanError
from stagenorm_pipeline.vocabulary import MeaningKind, Stage

_CHUNK = 5_000
_NOT_TO_CHANGE = 0


def count_batches(inventories: tuple[TargetInventory, ...], batch_size: int) -> int:
    """Each fund of each target is cut by itself; the last batch of a fund may be smaller."""
    return sum(-(-fund.counts.rows_to_change // batch_size) for inventory in inventories for fund in inventory.funds)


class PlanRecorder:
    """Streams a snapshot's rows into a plan: what it holds at once is one chunk of spellings or one batch.

    Beyond that four bytes for each spelling of each fund: what the keys that come after it refer to.
    """

    def __init__(self, connection: sa.Connection, request: PlanRequest) -> None:
        self._connection = connection
        self._request = request
        self._plan_id = 0
        self._batches = 0

    def record(self, targets: tuple[Target, ...], created_by: str) -> tuple[int, tuple[TargetInventory, ...]]:
        """The new plan's number and what the targets hold. Raises PlanError when the parts of a plan disagree."""
        request = self._request
        keep_vocabulary(self._connection, request.vocabulary)
        scope = {"targets": [target.name for target in targets], **request.scope.as_json()}
        self._plan_id = self._connection.exec_driver_sql(
            statement("plan/record_plan"),
            {
                "created_by": created_by,
                "kind": PlanKind.NORMALIZE.value,
                "vocabulary_version": request.vocabulary.version,
                "code_version": __version__,
                "batch_size": request.batch_size,
                "scope": json.dumps(scope),
            },
        ).scalar_one()
        failpoint(Failpoint.PLAN_STARTED)
        inventories = tuple(self._record_target(number, target) for number, target in enumerate(targets, start=1))
        promised = count_batches(inventories, request.batch_size)
        if self._batches != promised:
            raise PlanError(
                f"The inventory promised {promised} batches, but {self._batches} were read.",
                remedy="Nothing was recorded. The two parts of one look must agree: please report this.",
            )
        counts = sum((inventory.counts for inventory in inventories), RowCounts())
        totals = {"plan_id": self._plan_id, "total_batches": self._batches, **asdict(counts)}
        self._connection.exec_driver_sql(statement("plan/record_plan_totals"), totals)
        return self._plan_id, inventories

    def _record_target(self, number: int, target: Target) -> TargetInventory:
        self._connection.exec_driver_sql(
            statement("plan/record_plan_target"),
            {
                "plan_id": self._plan_id,
                "target_no": number,
                **target.identity(),
                "key_column": target.key_column,
                "fund_column": target.fund_column,
            },
        )
        tally = InventoryTally(target=target)
        spelling_ids = array("i", [_NOT_TO_CHANGE])
        lines = read_plan_rows(self._connection, target, self._request)
        for is_keys, part in groupby(lines, lambda line: isinstance(line, Keys)):
            if not is_keys:
                found = (line.found for line in part if isinstance(line, NumberedSpelling))
                self._record_spellings(number, found, tally, spelling_ids)
                failpoint(Failpoint.PLAN_BASELINE_RECORDED)
            else:
                self._record_batches(target, (line for line in part if isinstance(line, Keys)), spelling_ids)
        return tally.finish()

    def _record_spellings(
        self, target_no: int, found: Iterator[SpellingRows], tally: InventoryTally, spelling_ids: "array[int]"
    ) -> None:
        """Record the baseline and the mapping; append to `spelling_ids` the number of each messy one, in order."""
        while chunk := list(islice(found, _CHUNK)):
            numbers = self._intern(chunk)
            self._record_baseline(target_no, chunk, numbers)
            stages: dict[int, Stage] = {}
            for entry in chunk:
                tally.add(entry)
                spelling_id = _NOT_TO_CHANGE
                if entry.sha256 is not None and entry.meaning is not None and entry.meaning.kind is MeaningKind.MESSY:
                    spelling_id = numbers[entry.sha256]
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

    def _record_baseline(self, target_no: int, chunk: list[SpellingRows], numbers: dict[bytes, int]) -> None:
        self._connection.exec_driver_sql(
            statement("plan/record_baseline"),
            {
                "plan_id": self._plan_id,
                "target_no": target_no,
                "fund_ids": [entry.fund_id for entry in chunk],
                "spelling_ids": [None if entry.sha256 is None else numbers[entry.sha256] for entry in chunk],
                "kinds": [entry.kind for entry in chunk],
                "rows": [entry.rows for entry in chunk],
            },
        )

    def _record_mapping(self, stages: dict[int, Stage]) -> None:
        if stages:
            self._connection.exec_driver_sql(
                statement("plan/record_plan_spellings"),
                {
                    "plan_id": self._plan_id,
                    "spelling_ids": list(stages),
                    "stages": [stage.value for stage in stages.values()],
                },
            )

    def _record_batches(self, target: Target, lines: Iterable[Keys], spelling_ids: "array[int]") -> None:
        size = self._request.batch_size
        for fund_id, of_fund in groupby(lines, lambda line: line.fund_id):
            keys: list[Any] = []
            held: list[int] = []
            for line in of_fund:
                ids = [spelling_ids[line_no] for line_no in line.line_nos]
                keys += [key for key, spelling_id in zip(line.row_keys, ids, strict=True) if spelling_id]
                held += [spelling_id for spelling_id in ids if spelling_id]
                while len(keys) >= size:
                    self._record_batch(target, fund_id, keys[:size], held[:size])
                    del keys[:size], held[:size]
            if keys:
                self._record_batch(target, fund_id, keys, held)

    def _record_batch(self, target: Target, fund_id: str | None, keys: list[Any], spelling_ids: list[int]) -> None:
        self._batches += 1
        integer = target.key_kind is KeyKind.INTEGER
        self._connection.exec_driver_sql(
            statement("plan/record_batch"),
            {
                "plan_id": self._plan_id,
                "batch_number": self._batches,
                **target.identity(),
                "fund_id": fund_id,
                "range_start": str(keys[0]),
                "range_end": str(keys[-1]),
                "rows_planned": len(keys),
                "row_numbers": _integers(keys) if integer else None,
                "row_keys": None if integer else keys,
                "spelling_ids": _integers(spelling_ids),
            },
        )
        failpoint(Failpoint.PLAN_BATCH_RECORDED)


def _integers(numbers: list[int]) -> str:
    """An array as PostgreSQL reads it: the driver's own way, made for any text, took a fifth of a plan's time."""
    return "{" + ",".join(map(str, numbers)) + "}"
