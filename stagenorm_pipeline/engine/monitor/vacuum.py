"""Find out which tables to vacuum after a run, and why, from PostgreSQL's statistics. Reads only, and vacuums nothing.

A session reports its updates to the statistics with a delay of up to 10 seconds, or when it ends.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from psycopg import sql

from stagenorm_pipeline.config.configuration import TargetSetting
from stagenorm_pipeline.engine.postgres.connection import Database
from stagenorm_pipeline.engine.postgres.sql_files import statement

# Fewer dead rows are not worth a command.
_LEAST_DEAD_ROWS = 1_000
_LEAST_DEAD_SHARE = 0.05
# Sessions that end report at once, but after their client has gone. PostgreSQL 14 passes it on every half second.
_LONGEST_WAIT_S = 2.0
_POLL_S = 0.1


class Autovacuum(StrEnum):
    """What autovacuum will do about a table."""

    OFF = "off"
    DUE = "due"
    NOT_DUE = "not due"


@dataclass(frozen=True, slots=True, kw_only=True)
class TableStatistics:
    """What the statistics say of one table. `name`: quoted, with its schema. `is_due`: autovacuum would start."""

    name: str
    live_rows: int
    dead_rows: int
    updates: int
    hot_updates: int
    has_autovacuum: bool
    is_due: bool
    is_being_vacuumed: bool

    @property
    def dead_share(self) -> float:
        return self.dead_rows / max(self.live_rows + self.dead_rows, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdatesOfRun:
    """The updates of a table while the run was at work, by anybody. HOT ones added no index entry."""

    updates: int
    hot_updates: int


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdatesUnknown:
    """The updates of the run were not measured, or its sessions have not reported them yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VacuumAdvice:
    """A table to vacuum, by the SQL command, and why."""

    command: str
    dead_rows: int
    dead_share: float
    autovacuum: Autovacuum
    of_run: UpdatesOfRun | UpdatesUnknown


def read_table_statistics(database: Database, targets: Sequence[TargetSetting]) -> tuple[TableStatistics, ...]:
    """Read the statistics of the targets that exist."""
    names = dict.fromkeys(sql.Identifier(*filter(None, (one.schema, one.table))).as_string(None) for one in targets)
    with database.snapshot() as connection:
        rows = connection.exec_driver_sql(statement("monitor/dead_rows"), {"tables": list(names)})
        return tuple(TableStatistics(**row._mapping) for row in rows)


def advise(now: Sequence[TableStatistics]) -> tuple[VacuumAdvice, ...]:
    """Return which tables to vacuum: those with many dead rows that no vacuum works on."""
    return tuple(_advice(table, UpdatesUnknown()) for table in now if _is_worth_it(table))


def advise_after_run(
    database: Database, targets: Sequence[TargetSetting], before: Sequence[TableStatistics], *, rows_updated: int
) -> tuple[VacuumAdvice, ...]:
    """Return which tables to vacuum after a run that updated so many rows. Closes every connection of the run.

    Waits up to two seconds for the statistics. Without them it says nothing of HOT updates.
    """
    if rows_updated < _LEAST_DEAD_ROWS:
        return ()
    database.close()
    end = time.monotonic() + _LONGEST_WAIT_S
    while True:
        now = read_table_statistics(database, targets)
        of_run = _updates_between(before, now)
        is_complete = sum(one.updates for one in of_run.values()) >= rows_updated
        if is_complete or time.monotonic() > end:
            break
        time.sleep(_POLL_S)
    return tuple(
        _advice(table, of_run[table.name] if is_complete else UpdatesUnknown())
        for table in now
        if _is_worth_it(table) and of_run[table.name].updates
    )


def _updates_between(before: Sequence[TableStatistics], now: Sequence[TableStatistics]) -> dict[str, UpdatesOfRun]:
    """Return the updates of each table between two readings."""
    earlier = {table.name: (table.updates, table.hot_updates) for table in before}
    found = {}
    for table in now:
        updates, hot_updates = earlier.get(table.name, (0, 0))
        found[table.name] = UpdatesOfRun(updates=table.updates - updates, hot_updates=table.hot_updates - hot_updates)
    return found


def _is_worth_it(table: TableStatistics) -> bool:
    is_many = table.dead_rows >= _LEAST_DEAD_ROWS and table.dead_share >= _LEAST_DEAD_SHARE
    return is_many and not table.is_being_vacuumed


def _advice(table: TableStatistics, of_run: UpdatesOfRun | UpdatesUnknown) -> VacuumAdvice:
    by_itself = Autovacuum.DUE if table.is_due else Autovacuum.NOT_DUE
    return VacuumAdvice(
        command=f"VACUUM (ANALYZE) {table.name};",
        dead_rows=table.dead_rows,
        dead_share=table.dead_share,
        autovacuum=by_itself if table.has_autovacuum else Autovacuum.OFF,
        of_run=of_run,
    )
