"""Plans: working one out, recording it, opening it.

A preview reads in one READ ONLY transaction and records nothing. Recording reads the same way and writes the plan, its
baseline and its exact batches in a second transaction, all or nothing. Does not belong here: changing business data.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from itertools import islice
from typing import Any

import sqlalchemy as sa
from psycopg import sql

from stagenorm_pipeline import __version__
from stagenorm_pipeline.engine.batches import PlanKind
from stagenorm_pipeline.engine.connection import Database
from stagenorm_pipeline.engine.errors import PlanError
from stagenorm_pipeline.engine.funds import FundScope
from stagenorm_pipeline.engine.inventory import (
    InventoryTally,
    RowCounts,
    SpellingRows,
    TargetInventory,
    read_inventory,
    read_spellings,
)
from stagenorm_pipeline.engine.locks import BATCH_LOCK_CLASS, planning_transaction
from stagenorm_pipeline.engine.migrations import require_migrations
from stagenorm_pipeline.engine.request import PlanRequest
from stagenorm_pipeline.engine.statements import statement
from stagenorm_pipeline.engine.steps import Step, reach
from stagenorm_pipeline.engine.targets import KeyKind, Target, resolve_targets
from stagenorm_pipeline.vocabulary import MeaningKind, Stage

_CHUNK = 5_000
# Each is up to batch_size keys; a few at a time keep the client's memory flat.
_BATCHES_FETCHED = 4


@dataclass(frozen=True, slots=True)
class Plan:
    """What a plan would change. `plan_id` None: a preview, nothing is recorded."""

    plan_id: int | None
    status: str
    scope: FundScope
    batch_size: int
    vocabulary_version: str
    inventories: tuple[TargetInventory, ...]

    @property
    def counts(self) -> RowCounts:
        return sum((inventory.counts for inventory in self.inventories), RowCounts())

    @property
    def total_batches(self) -> int:
        """Each fund of each target is cut by itself; the last batch of a fund may be smaller."""
        return sum(
            -(-fund.counts.rows_to_change // self.batch_size)
            for inventory in self.inventories
            for fund in inventory.funds
        )

    @property
    def funds_to_change(self) -> tuple[str | None, ...]:
        """The ids of the funds with rows to change, over all targets."""
        seen = {
            fund.fund_id: None
            for inventory in self.inventories
            for fund in inventory.funds
            if fund.counts.rows_to_change
        }
        return tuple(seen)


def preview_plan(database: Database, request: PlanRequest) -> Plan:
    """Work out what a plan would hold, in one read-only snapshot."""
    with database.snapshot() as connection:
        targets = resolve_targets(connection, request.targets)
        inventories = read_inventory(connection, targets, request.scope, request.vocabulary)
    return Plan(None, "preview", request.scope, request.batch_size, request.vocabulary.version, inventories)


def record_plan(database: Database, request: PlanRequest, *, created_by: str, as_draft: bool = False) -> Plan:
    """Record the plan with its baseline and batches and, unless `as_draft`, open it for applying."""
    # The snapshot comes after the lock: a planner that waited must not plan from what it saw before it waited.
    with planning_transaction(database) as writer:
        require_migrations(writer)
        with database.snapshot() as reader:
            targets = resolve_targets(reader, request.targets)
            recorder = _Recorder(reader, writer, request)
            plan_id, inventories = recorder.record(targets, created_by)
        reach(Step.PLAN_RECORDED)
        status = "draft" if as_draft else open_draft(writer, plan_id, request.scope)
        reach(Step.PLAN_BEFORE_COMMIT)
    reach(Step.PLAN_AFTER_COMMIT)
    return Plan(plan_id, status, request.scope, request.batch_size, request.vocabulary.version, inventories)


def open_plan(database: Database, plan_id: int) -> None:
    """Open a recorded draft; does nothing to a plan that is open already.

    Raises PlanError when there is no such plan, or when it was cancelled, completed or rolled back.
    """
    with planning_transaction(database) as connection:
        require_migrations(connection)
        recorded = find_plan(connection, plan_id)
        if recorded.status == "draft":
            open_draft(connection, plan_id, recorded.scope)
        elif recorded.status != "open":
            raise PlanError(
                f"Plan {plan_id} is {recorded.status} and cannot be applied.",
                remedy="Make a new plan with `stagenorm run`.",
            )


def cancel_plan(database: Database, plan_id: int) -> int:
    """Cancel what the plan still has to do; what it did stays done. Returns the number of batches cancelled.

    A batch that somebody works on right now is left to end. Raises PlanError when there is no such plan.
    """
    with planning_transaction(database) as connection:
        require_migrations(connection)
        recorded = find_plan(connection, plan_id)
        if recorded.status not in ("draft", "open"):
            raise PlanError(
                f"Plan {plan_id} is {recorded.status}: there is nothing left to cancel.",
                remedy="`stagenorm status` shows the plans.",
            )
        values = {"plan_id": plan_id, "lock_class": BATCH_LOCK_CLASS}
        cancelled = connection.exec_driver_sql(statement("cancel_batches"), values).rowcount
        connection.exec_driver_sql(
            "UPDATE stage_migration_plans SET status = 'open' WHERE plan_id = %(plan_id)s AND status = 'draft'", values
        )
        close_finished_plans(connection)
    return cancelled


@dataclass(frozen=True, slots=True)
class RecordedPlan:
    """A plan's row, for those who look one up."""

    plan_id: int
    status: str
    created_at: datetime
    created_by: str
    vocabulary_version: str
    batch_size: int
    scope: FundScope
    total_batches: int
    counts: RowCounts


def find_plan(connection: sa.Connection, plan_id: int) -> RecordedPlan:
    """Look a plan up. Raises PlanError when there is none."""
    row = connection.exec_driver_sql(
        "SELECT * FROM stage_migration_plans WHERE plan_id = %(plan_id)s", {"plan_id": plan_id}
    ).one_or_none()
    if row is None:
        raise PlanError(f"There is no plan {plan_id}.", remedy="`stagenorm status` shows the plans that there are.")
    return RecordedPlan(
        row.plan_id,
        row.status,
        row.created_at,
        row.created_by,
        row.vocabulary_version,
        row.batch_size,
        FundScope(row.scope["all_funds"], row.scope.get("fund_id")),
        row.total_batches,
        RowCounts(
            row.rows_seen,
            row.rows_canonical,
            row.rows_null,
            row.rows_unknown,
            row.rows_left_as_is,
            row.rows_to_change,
        ),
    )


def open_draft(connection: sa.Connection, plan_id: int, scope: FundScope) -> str:
    connection.exec_driver_sql(
        statement("supersede_batches"),
        {
            "plan_id": plan_id,
            "all_funds": scope.all_funds,
            "fund_id": scope.fund_id,
            "lock_class": BATCH_LOCK_CLASS,
        },
    )
    close_finished_plans(connection)
    opened = connection.exec_driver_sql(statement("open_plan"), {"plan_id": plan_id}).one()
    if opened.kind == PlanKind.ROLLBACK and opened.status == "completed":
        connection.exec_driver_sql(statement("mark_rolled_back"), {"plan_id": plan_id})
    return str(opened.status)


def close_finished_plans(connection: sa.Connection) -> None:
    """Give the open plans of which no batch waits any more their end; a rollback marks what it undid."""
    for row in connection.exec_driver_sql(statement("close_finished_plans")).all():
        if row.kind == PlanKind.ROLLBACK and row.status == "completed":
            connection.exec_driver_sql(statement("mark_rolled_back"), {"plan_id": row.plan_id})


class _Recorder:
    """Streams a snapshot's rows into a plan: what it holds at once is one chunk of spellings or one batch."""

    def __init__(self, reader: sa.Connection, writer: sa.Connection, request: PlanRequest) -> None:
        self._reader = reader
        self._writer = writer
        self._request = request
        self._plan_id = 0
        self._batches = 0

    def record(self, targets: tuple[Target, ...], created_by: str) -> tuple[int, tuple[TargetInventory, ...]]:
        request = self._request
        scope = {"targets": [target.name for target in targets], **request.scope.as_json()}
        self._plan_id = self._writer.exec_driver_sql(
            statement("record_plan"),
            {
                "created_by": created_by,
                "kind": PlanKind.NORMALIZE.value,
                "vocabulary_version": request.vocabulary.version,
                "code_version": __version__,
                "batch_size": request.batch_size,
                "scope": json.dumps(scope),
            },
        ).scalar_one()
        reach(Step.PLAN_STARTED)
        inventories = tuple(self._record_target(number, target) for number, target in enumerate(targets, start=1))
        plan = Plan(self._plan_id, "draft", request.scope, request.batch_size, request.vocabulary.version, inventories)
        if self._batches != plan.total_batches:
            raise PlanError(
                f"The inventory promised {plan.total_batches} batches, but {self._batches} were read.",
                remedy="Nothing was recorded. The two scans of one snapshot must agree: please report this.",
            )
        totals = {"plan_id": self._plan_id, "total_batches": self._batches, **asdict(plan.counts)}
        self._writer.exec_driver_sql(statement("record_plan_totals"), totals)
        return self._plan_id, inventories

    def _record_target(self, number: int, target: Target) -> TargetInventory:
        self._writer.exec_driver_sql(
            statement("record_plan_target"),
            {
                "plan_id": self._plan_id,
                "target_no": number,
                **target.identity(),
                "key_column": target.key_column,
                "fund_column": target.fund_column,
            },
        )
        tally = InventoryTally(target)
        known: dict[str, tuple[int, Stage]] = {}
        found = read_spellings(self._reader, target, self._request.scope, self._request.vocabulary)
        while chunk := list(islice(found, _CHUNK)):
            numbers = self._intern(chunk)
            self._record_baseline(number, chunk, numbers)
            for entry in chunk:
                tally.add(entry)
                stage = entry.meaning.stage if entry.meaning and entry.meaning.kind is MeaningKind.MESSY else None
                if stage and entry.spelling is not None and entry.sha256 is not None:
                    known[entry.spelling] = (numbers[entry.sha256], stage)
        reach(Step.PLAN_BASELINE_RECORDED)
        if known:
            self._record_mapping(known)
            self._record_batches(target, known)
        return tally.finish()

    def _intern(self, chunk: list[SpellingRows]) -> dict[bytes, int]:
        spellings = {entry.sha256: entry.spelling for entry in chunk if entry.sha256 is not None}
        rows = self._writer.exec_driver_sql(
            statement("intern_spellings"), {"digests": list(spellings), "spellings": list(spellings.values())}
        )
        return {bytes(row.spelling_sha256): row.spelling_id for row in rows}

    def _record_baseline(self, target_no: int, chunk: list[SpellingRows], numbers: dict[bytes, int]) -> None:
        self._writer.exec_driver_sql(
            statement("record_baseline"),
            {
                "plan_id": self._plan_id,
                "target_no": target_no,
                "fund_ids": [entry.fund_id for entry in chunk],
                "spelling_ids": [None if entry.sha256 is None else numbers[entry.sha256] for entry in chunk],
                "kinds": [entry.kind for entry in chunk],
                "rows": [entry.rows for entry in chunk],
            },
        )

    def _record_mapping(self, known: dict[str, tuple[int, Stage]]) -> None:
        self._writer.exec_driver_sql(
            statement("record_plan_spellings"),
            {
                "plan_id": self._plan_id,
                "spelling_ids": [spelling_id for spelling_id, _ in known.values()],
                "stages": [stage.value for _, stage in known.values()],
            },
        )

    def _record_batches(self, target: Target, known: dict[str, tuple[int, Stage]]) -> None:
        for fund_id, keys, spelling_ids in self._read_members(target, known):
            self._batches += 1
            integer = target.key_kind is KeyKind.INTEGER
            self._writer.exec_driver_sql(
                statement("record_batch"),
                {
                    "plan_id": self._plan_id,
                    "batch_number": self._batches,
                    **target.identity(),
                    "fund_id": fund_id,
                    "range_start": str(keys[0]),
                    "range_end": str(keys[-1]),
                    "rows_planned": len(keys),
                    "row_numbers": keys if integer else None,
                    "row_keys": None if integer else keys,
                    "spelling_ids": spelling_ids,
                },
            )
            reach(Step.PLAN_BATCH_RECORDED)

    def _read_members(
        self, target: Target, known: dict[str, tuple[int, Stage]]
    ) -> Iterator[tuple[str | None, list[Any], list[int]]]:
        parts = target.sql_parts()
        integer = target.key_kind is KeyKind.INTEGER
        query = statement(
            "plan_members",
            table=parts["table"],
            stage=parts["stage"],
            key=parts["key"],
            fund=parts["fund"],
            member_type=sql.SQL("bigint" if integer else "text"),
            fund_condition=self._request.scope.condition(parts["fund"]),
        )
        values = {
            "batch_size": self._request.batch_size,
            "spellings": list(known),
            "spelling_ids": [spelling_id for spelling_id, _ in known.values()],
            "fund_id": self._request.scope.fund_id,
        }
        options = {"stream_results": True, "yield_per": _BATCHES_FETCHED}
        with self._reader.exec_driver_sql(query, values, execution_options=options) as result:
            for row in result:
                yield row.fund_id, row.row_keys, row.spelling_ids
