"""Make the starting point of many tests once, and put its rows back for each of them.

100 tests that start after a migration take 7 s of CPU, and 15 s if each of them migrates.
"""

from collections.abc import Callable
from dataclasses import dataclass

from stagenorm_pipeline_tests.support.application import Application

# A table comes after those that its foreign keys name.
_TABLES = """
WITH RECURSIVE ours AS (
    SELECT oid FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
), places AS (
    SELECT oid, 0 AS place FROM ours
    UNION
    SELECT k.conrelid, p.place + 1 FROM places p JOIN pg_constraint k ON k.confrelid = p.oid AND k.conrelid <> p.oid
    WHERE k.contype = 'f'
)
SELECT oid::regclass::text FROM places GROUP BY oid ORDER BY max(place), oid
"""
_SEQUENCES = """
SELECT format('SELECT setval(%L, %s, true)', schemaname || '.' || quote_ident(sequencename), last_value)
FROM pg_sequences WHERE schemaname = 'public' AND last_value IS NOT NULL
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rows:
    tables: dict[str, bytes]
    sequences: list[str]


class SavedRows:
    """The rows of all tables after `make` has run on an empty application."""

    def __init__(self, make: Callable[[Application], None]) -> None:
        self._make = make
        self._rows: _Rows | None = None

    def fill(self, application: Application) -> None:
        """Give an empty application these rows, in one transaction."""
        if self._rows is None:
            self._make(application)
            self._rows = _read(application)
        else:
            _write(application, self._rows)


def _read(application: Application) -> _Rows:
    tables = {}
    with application.user.cursor() as cursor:
        for table in application.column(_TABLES):
            with cursor.copy(f"COPY {table} TO STDOUT".encode()) as rows:
                tables[table] = b"".join(bytes(row) for row in rows)
    return _Rows(
        tables={table: rows for table, rows in tables.items() if rows}, sequences=application.column(_SEQUENCES)
    )


def _write(application: Application, saved: _Rows) -> None:
    with application.user.transaction(), application.user.cursor() as cursor:
        # A migrated database is not quite empty: two of our tables have rows from the start.
        deletes = [f"DELETE FROM {table}" for table in reversed(saved.tables)]
        cursor.execute("; ".join([*deletes, *saved.sequences]).encode())
        for table, rows in saved.tables.items():
            with cursor.copy(f"COPY {table} FROM STDIN".encode()) as copy:
                copy.write(rows)
