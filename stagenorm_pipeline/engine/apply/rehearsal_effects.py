"""Measure what a batch does besides its update: rows that triggers write, and other columns that change."""

import json
import operator
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import sqlalchemy as sa
from psycopg import sql

from stagenorm_pipeline.engine.approval.rehearsals import ChangedColumn, Effects, RefusedCause, TableWrites
from stagenorm_pipeline.engine.plan.batch_types import Batch, BatchResult, RefusedRow
from stagenorm_pipeline.engine.postgres.sql_files import identifier, statement
from stagenorm_pipeline.engine.targets.target import KeyKind, Target

# Of each batch, so that comparing needs little memory and no more time than the batch itself.
_ROWS_COMPARED = 1_000
_MOST_CAUSES = 20

# The values of the other columns, by the key of the row.
Values = Mapping[str, Mapping[str, Any]]


class Writes(NamedTuple):
    """Rows written to a table."""

    inserted: int
    updated: int
    deleted: int

    def plus(self, other: "Writes") -> "Writes":
        return Writes(*map(operator.add, self, other))

    def minus(self, other: "Writes") -> "Writes":
        """Return the difference, never below 0."""
        return Writes(*(max(0, mine - theirs) for mine, theirs in zip(self, other, strict=True)))


_NOTHING = Writes(0, 0, 0)


class RowsWritten:
    """Counts the rows that triggers and cascades write during a transaction, by table.

    What a rolled-back attempt wrote is not counted. `spent_s`: how long the counting took.
    """

    def __init__(self, connection: sa.Connection, target: Target) -> None:
        self._connection = connection
        self._target = target
        self._written: dict[str, Writes] = {}
        self.spent_s = 0.0

    @contextmanager
    def counting(self) -> Iterator[None]:
        """Count what is written inside it, unless it ends with an exception."""
        before = self._read()
        yield
        for table, writes in self._read().items():
            self._written[table] = self._written.get(table, _NOTHING).plus(writes).minus(before.get(table, _NOTHING))

    def beyond(self, result: BatchResult) -> Mapping[str, Writes]:
        """Return what was written besides the batch's own updates of its target."""
        own = {self._target.table_name: Writes(0, result.rows_updated, 0)}
        return {table: writes.minus(own.get(table, _NOTHING)) for table, writes in self._written.items()}

    def _read(self) -> dict[str, Writes]:
        """Read what this session wrote, with all parts of the target together."""
        began = time.monotonic()
        written: dict[str, Writes] = {}
        for row in self._connection.exec_driver_sql(statement("apply/rows_written"), self._target.identity()):
            table = self._target.table_name if row.is_target else row.table_name
            writes = Writes(row.inserted, row.updated, row.deleted)
            written[table] = written.get(table, _NOTHING).plus(writes)
        self.spent_s += time.monotonic() - began
        return written


class OtherValues:
    """Read the values of a target's other columns, as far as the role may read them."""

    def __init__(self, connection: sa.Connection, target: Target) -> None:
        columns = connection.exec_driver_sql(statement("apply/other_columns"), target.identity()).all()
        self.unreadable = sum(1 for column in columns if not column.is_readable)
        readable = [sql.SQL("t.") + identifier(column.column_name) for column in columns if column.is_readable]
        parts = target.sql_parts()
        self._query = statement(
            "apply/other_values",
            member_column=sql.Identifier("row_numbers" if target.key_kind is KeyKind.INTEGER else "row_keys"),
            columns=sql.SQL(", ").join(readable),
            **{name: parts[name] for name in ("key", "key_type", "table")},
        )

    def read(self, connection: sa.Connection, batch: Batch) -> Values:
        """Read the first rows of the batch."""
        rows = connection.exec_driver_sql(self._query, {"batch_id": batch.batch_id, "most": _ROWS_COMPARED})
        # As text: a float would lose digits of a numeric.
        return {row.row_id: json.loads(row.others, parse_float=str, parse_int=str) for row in rows}


@dataclass(slots=True, kw_only=True)
class EffectsTally:
    """Add up the effects of batches."""

    are_rows_counted: bool
    unreadable_columns: int = 0
    _causes: dict[tuple[str, str, str | None], RefusedCause] = field(default_factory=dict)
    _tables: dict[str, Writes] = field(default_factory=dict)
    _columns: Counter[tuple[str, str]] = field(default_factory=Counter)
    _compared: Counter[str] = field(default_factory=Counter)

    def add_refused(self, batch: Batch, result: BatchResult, rows: tuple[RefusedRow, ...]) -> None:
        """Add the refused rows of a batch. `rows`: the same, with their keys."""
        for refusal, row in zip(result.refusals, rows, strict=True):
            self._add_cause(batch, refusal.message, refusal.sqlstate, 1, f"row {row.row_id}")

    def add_failed(self, batch: Batch, error: str, sqlstate: str | None) -> None:
        """Add a batch that failed as a whole."""
        self._add_cause(batch, error, sqlstate, batch.rows_planned, f"all of batch {batch.number}")

    def add_written(self, written: Mapping[str, Writes]) -> None:
        """Add the rows that triggers wrote during a batch."""
        for table, writes in written.items():
            self._tables[table] = self._tables.get(table, _NOTHING).plus(writes)

    def add_compared(self, target: Target, before: Values, after: Values) -> None:
        """Compare the values of a batch's rows before and after."""
        self._compared[target.name] += len(before)
        for row_id, values in before.items():
            now = after.get(row_id, values)
            self._columns.update((target.name, name) for name, value in values.items() if now[name] != value)

    def effects(self) -> Effects:
        """Return the sums: the most frequent causes, and tables and columns by name."""
        causes = sorted(self._causes.values(), key=lambda cause: -cause.rows)
        return Effects(
            refused=tuple(causes[:_MOST_CAUSES]),
            are_rows_counted=self.are_rows_counted,
            tables=tuple(
                TableWrites(table=table, **writes._asdict())
                for table, writes in sorted(self._tables.items())
                if any(writes)
            ),
            columns=tuple(
                ChangedColumn(target=target, column=column, rows=rows, rows_compared=self._compared[target])
                for (target, column), rows in sorted(self._columns.items())
            ),
            rows_compared=self._compared.total(),
            unreadable_columns=self.unreadable_columns,
        )

    def _add_cause(self, batch: Batch, message: str, sqlstate: str | None, rows: int, example: str) -> None:
        key = (batch.target.name, message, sqlstate)
        known = self._causes.get(key)
        self._causes[key] = RefusedCause(
            target=batch.target.name,
            message=message,
            sqlstate=sqlstate,
            rows=rows + (known.rows if known else 0),
            example=known.example if known else example,
        )
