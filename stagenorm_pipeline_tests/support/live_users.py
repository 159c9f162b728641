"""Simulate users who change rows during a migration. Each keeps a ledger of what it committed."""

import random
import threading
from dataclasses import dataclass, field
from typing import Any

import psycopg

from stagenorm_pipeline_tests.support.application import COMPANIES, DEALS
from stagenorm_pipeline_tests.support.spellings import CANONICAL_STAGES

# None of them is in the data when a plan is made, so whatever a user writes, no plan has seen on that row.
CLEAN = tuple(map(str, CANONICAL_STAGES))
MESSY = (*CLEAN, "series_b", "PreSeed", "  seed", "Growth")

_PAUSE_S = 0.002
RowKey = tuple[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Deleted:
    """The ledger's entry for a row that its user deleted."""


@dataclass(kw_only=True)
class LiveUser:
    """Inserts, updates and deletes rows, one transaction each. Users share no row, so each ledger stands alone."""

    url: str
    seed: int
    rows: list[RowKey]
    spellings: tuple[str, ...]
    ledger: dict[RowKey, str | Deleted | None] = field(default_factory=dict)
    _leaves: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)  # noqa: S311 - reproducible
        self._connection: psycopg.Connection[tuple[Any, ...]] = psycopg.connect(self.url, autocommit=True)
        self._thread = threading.Thread(target=self._work_until_told, daemon=True)

    def work(self, actions: int) -> None:
        for _ in range(actions):
            self._act()

    def start(self) -> None:
        self._thread.start()

    def leave(self) -> None:
        self._leaves.set()
        self._thread.join()

    def _work_until_told(self) -> None:
        while not self._leaves.wait(_PAUSE_S):
            self._act()

    def _act(self) -> None:
        row = self._random.choice(self.rows)
        table = row[0]
        stage = self._random.choice(self.spellings)
        match self._random.choices(("update", "null", "delete", "insert"), (6, 1, 1, 1))[0]:
            case "update":
                self._write(row, f"UPDATE {table} SET stage = %s WHERE id = %s", stage)
            case "null" if table == DEALS:
                self._write(row, f"UPDATE {table} SET stage = %s WHERE id = %s", None)
            case "delete":
                if self._connection.execute(f"DELETE FROM {table} WHERE id = %s".encode(), [row[1]]).rowcount:
                    self.ledger[row] = Deleted()
            case "insert":
                added = f"INSERT INTO {table} (fund_id, stage) VALUES (1, %s) RETURNING id"
                [(row_id,)] = self._connection.execute(added.encode(), [stage]).fetchall()
                self.ledger[table, row_id] = stage

    def _write(self, row: RowKey, statement: str, stage: str | None) -> None:
        if self._connection.execute(statement.encode(), [stage, row[1]]).rowcount:
            self.ledger[row] = stage


def users_of(
    url: str, stages: dict[str, dict[Any, str | None]], spellings: tuple[str, ...], users: int = 3
) -> list[LiveUser]:
    """Users that share the rows of both tables among them."""
    rows = [(table, row_id) for table in (COMPANIES, DEALS) for row_id in stages[table]]
    return [LiveUser(url=url, seed=seed, rows=rows[seed::users], spellings=spellings) for seed in range(users)]
