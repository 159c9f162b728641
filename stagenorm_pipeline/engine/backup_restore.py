"""Going back to a backup, for the day on which the audit log is lost: what differs, and a rollback made from it.

A restore is a plan of kind `rollback` like any other: exact batches, compare and set, audited, resumable. Without the
log nothing tells who changed a row, so a row goes back only where its stage now is what normalizing its stage of then
gives; any other difference is somebody else's, listed and left. Does not belong here: applying its batches (see
`apply`).
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from stagenorm_pipeline import __version__
from stagenorm_pipeline.engine.backup_file import BackupReader, Manifest, SavedRow, SavedTarget, check_backup
from stagenorm_pipeline.engine.batches import PlanKind
from stagenorm_pipeline.engine.configuration import TargetSetting
from stagenorm_pipeline.engine.connection import Database
from stagenorm_pipeline.engine.enforce import enforced_by, refuse_to_restore
from stagenorm_pipeline.engine.funds import FundScope
from stagenorm_pipeline.engine.locks import planning_transaction
from stagenorm_pipeline.engine.migrations import require_migrations
from stagenorm_pipeline.engine.plan import open_draft
from stagenorm_pipeline.engine.request import DEFAULT_BATCH_SIZE
from stagenorm_pipeline.engine.rollback import RollbackRow
from stagenorm_pipeline.engine.rollback_scope import require_batch_size
from stagenorm_pipeline.engine.statements import statement
from stagenorm_pipeline.engine.targets import KeyKind, Target, resolve_targets
from stagenorm_pipeline.vocabulary import Vocabulary

_EXAMPLES = 20
# Rows that are compared at once; fewer where their stages are long: one may be 1 MB.
_CHUNK_ROWS = 5_000
_CHUNK_CHARACTERS = 4_000_000
# No plan changes a longer spelling.
_LONGEST_KNOWN = 1_000


@dataclass(frozen=True, slots=True)
class RestoreRequest:
    """A backup to go back to. `vocabulary` tells which stages now are what normalizing gave."""

    path: Path
    vocabulary: Vocabulary
    batch_size: int = DEFAULT_BATCH_SIZE

    def __post_init__(self) -> None:
        require_batch_size(self.batch_size)


@dataclass(frozen=True, slots=True)
class RestorePreview:
    """Rows of the backup by state (`same restorable changed null gone`), exactly, with the first ones that differ.

    `changes_since`: changes that the audit log holds since the backup was made, which a rollback undoes better.
    `enforced`: targets with rows to restore whose constraint (`stagenorm enforce`) would refuse the old spellings.
    """

    manifest: Manifest
    sha256: str
    database: str
    counts: Mapping[str, int]
    examples: tuple[RollbackRow, ...]
    changes_since: int
    enforced: tuple[str, ...] = ()

    @property
    def restorable(self) -> int:
        return self.counts.get("restorable", 0)


def preview_restore(database: Database, request: RestoreRequest) -> RestorePreview:
    """Hold a backup against the database, in one read-only snapshot, once the whole file was found undamaged.

    Raises BackupError for a damaged file, TargetError when one of its tables is not there as it was.
    """
    check_backup(request.path)
    counts: dict[str, int] = {"same": 0}
    examples: list[RollbackRow] = []
    shown: dict[str, int] = {}
    to_restore: dict[str, Target] = {}
    with database.snapshot() as connection:
        require_migrations(connection)
        comparison = _Comparison(connection, request)
        for compared in comparison.chunks():
            counts["same"] += compared.rows - len(compared.differing)
            for row in compared.differing:
                counts[row.state] = counts.get(row.state, 0) + 1
                shown[row.state] = shown.get(row.state, 0) + 1
                if shown[row.state] <= _EXAMPLES:
                    examples.append(row)
                if row.state == "restorable":
                    to_restore[row.target] = compared.target
        enforced = tuple(name for name, target in to_restore.items() if enforced_by(connection, target))
        manifest = comparison.reader.manifest
        values = {"made_at": manifest.made_at, "targets": [target.name for target in manifest.targets]}
        since = connection.exec_driver_sql(statement("backup_changes_since"), values).scalar_one()
        name = connection.exec_driver_sql("SELECT current_database()").scalar_one()
    return RestorePreview(manifest, comparison.reader.sha256, name, counts, tuple(examples), since, enforced)


def record_restore(database: Database, request: RestoreRequest, *, created_by: str) -> int:
    """Record the restore as a plan and open it; `apply_batches` with its number then restores the rows.

    What older plans still had to do in its tables is cancelled. Returns the plan's number. Raises as the preview does,
    and StagenormError where a target is enforced: its constraint would refuse the old spellings. Records nothing then.
    """
    with planning_transaction(database) as connection:
        require_migrations(connection)
        recorder = _Recorder(connection, request)
        plan_id = recorder.record(created_by)
        open_draft(connection, plan_id, FundScope())
    return plan_id


@dataclass(frozen=True, slots=True)
class _Compared:
    target: Target
    rows: int
    differing: tuple[RollbackRow, ...]


class _Comparison:
    """Reads a backup chunk by chunk, each of one target, and looks at what its rows hold now."""

    def __init__(self, connection: sa.Connection, request: RestoreRequest) -> None:
        self.reader = BackupReader(request.path)
        self._connection = connection
        self._vocabulary = request.vocabulary
        self._targets: dict[str, Target] = {}

    def chunks(self) -> Iterator[_Compared]:
        chunk: list[SavedRow] = []
        characters = 0
        for row in self.reader.rows():
            is_full = len(chunk) >= _CHUNK_ROWS or characters >= _CHUNK_CHARACTERS
            if chunk and (is_full or row.target is not chunk[0].target):
                yield self._compare(chunk)
                chunk, characters = [], 0
            chunk.append(row)
            characters += len(row.stage or "")
        if chunk:
            yield self._compare(chunk)

    def _compare(self, chunk: list[SavedRow]) -> _Compared:
        target = self._target(chunk[0].target)
        parts = target.sql_parts()
        query = statement("backup_compare", **{name: parts[name] for name in ("key", "key_type", "stage", "table")})
        values = {"keys": [row.row_id for row in chunk], "stages": [row.stage for row in chunk]}
        differing = tuple(
            self._judged(target, chunk[found.place - 1], found)
            for found in self._connection.exec_driver_sql(query, values)
        )
        return _Compared(target, len(chunk), differing)

    def _judged(self, target: Target, row: SavedRow, found: Any) -> RollbackRow:
        if found.is_gone:
            state = "gone"
        elif found.stage_now is None:
            state = "null"
        else:
            state = "restorable" if found.was_planned or self._gives(row.stage, found.stage_now) else "changed"
        return RollbackRow(target.name, row.fund_id, row.row_id, state, row.stage, found.stage_now, now=found.stage_now)

    def _gives(self, then: str | None, now: str) -> bool:
        if then is None or len(then) > _LONGEST_KNOWN:
            return False
        return self._vocabulary.meaning_of(then).stage == now

    def _target(self, saved: SavedTarget) -> Target:
        if saved.name not in self._targets:
            setting = TargetSetting(
                saved.table,
                saved.column,
                saved.schema,
                saved.key_column,
                saved.fund_column or "",
                bool(saved.fund_column),
            )
            self._targets[saved.name] = resolve_targets(self._connection, (setting,))[0]
        return self._targets[saved.name]


@dataclass(slots=True)
class _Pending:
    """Rows of one target and fund that will be a batch."""

    target: Target
    rows: list[RollbackRow] = field(default_factory=list)


class _Recorder:
    def __init__(self, connection: sa.Connection, request: RestoreRequest) -> None:
        self._connection = connection
        self._request = request
        self._plan_id = 0
        self._batches = 0
        self._rows = 0

    def record(self, created_by: str) -> int:
        comparison = _Comparison(self._connection, self._request)
        self._plan_id = self._record_plan(created_by)
        pending: _Pending | None = None
        for compared in comparison.chunks():
            restorable = [row for row in compared.differing if row.state == "restorable"]
            if restorable:
                refuse_to_restore(self._connection, compared.target)
            for row in restorable:
                if pending is not None and not self._goes_into(pending, compared.target, row):
                    self._flush(pending)
                    pending = None
                pending = pending or _Pending(compared.target)
                pending.rows.append(row)
        if pending is not None:
            self._flush(pending)
        self._complete(comparison.reader)
        return self._plan_id

    def _goes_into(self, pending: _Pending, target: Target, row: RollbackRow) -> bool:
        # The file is ordered by fund, so one batch is filled at a time.
        is_same = pending.target == target and pending.rows[0].fund_id == row.fund_id
        return is_same and len(pending.rows) < self._request.batch_size

    def _record_plan(self, created_by: str) -> int:
        values = {
            "created_by": created_by,
            "kind": PlanKind.ROLLBACK.value,
            "vocabulary_version": self._request.vocabulary.version,
            "code_version": __version__,
            "batch_size": self._request.batch_size,
            "scope": "{}",
        }
        return int(self._connection.exec_driver_sql(statement("record_plan"), values).scalar_one())

    def _flush(self, pending: _Pending) -> None:
        target, rows = pending.target, pending.rows
        now, back = self._intern([row.now or "" for row in rows]), self._intern([row.restore or "" for row in rows])
        keys: list[Any] = [row.row_id for row in rows]
        integer = target.key_kind is KeyKind.INTEGER
        self._batches += 1
        self._rows += len(rows)
        self._connection.exec_driver_sql(
            statement("backup_batch"),
            {
                "plan_id": self._plan_id,
                "batch_number": self._batches,
                **target.identity(),
                "fund_id": rows[0].fund_id,
                "range_start": keys[0],
                "range_end": keys[-1],
                "rows_planned": len(rows),
                "row_numbers": [int(key) for key in keys] if integer else None,
                "row_keys": None if integer else keys,
                "spelling_ids": now,
                "restore_ids": back,
            },
        )

    def _intern(self, spellings: list[str]) -> list[int]:
        digests = {spelling: hashlib.sha256(spelling.encode()).digest() for spelling in spellings}
        values = {"digests": list(digests.values()), "spellings": list(digests)}
        found = self._connection.exec_driver_sql(statement("intern_spellings"), values)
        numbers = {bytes(row.spelling_sha256): row.spelling_id for row in found}
        return [numbers[digests[spelling]] for spelling in spellings]

    def _complete(self, reader: BackupReader) -> None:
        """The file is read to its end and was found undamaged: what the plan is about can be said."""
        targets = reader.manifest.targets
        for number, saved in enumerate(targets, start=1):
            self._connection.exec_driver_sql(
                statement("record_plan_target"),
                {
                    "plan_id": self._plan_id,
                    "target_no": number,
                    "schema_name": saved.schema,
                    "table_name": saved.table,
                    "column_name": saved.column,
                    "key_column": saved.key_column,
                    "fund_column": saved.fund_column,
                },
            )
        backup = {"file": self._request.path.name, "sha256": reader.sha256}
        scope = {"targets": [saved.name for saved in targets], **FundScope().as_json(), "backup": backup}
        self._connection.exec_driver_sql(
            "UPDATE stage_migration_plans SET scope = %(scope)s::jsonb, total_batches = %(batches)s, "
            "rows_to_change = %(rows)s WHERE plan_id = %(plan_id)s",
            {"scope": json.dumps(scope), "batches": self._batches, "rows": self._rows, "plan_id": self._plan_id},
        )
