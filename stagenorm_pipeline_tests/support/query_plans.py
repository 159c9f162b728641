"""Read query plans and the scan counters of tables, for tests that bound the number of scans."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event

from stagenorm_pipeline.engine.postgres.failpoints import Failpoint, listen
from stagenorm_pipeline_tests.support.application import Application

_EXPLAIN = "EXPLAIN (FORMAT JSON) "


def nodes(plan: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Every node of a plan in PostgreSQL's JSON form."""
    yield plan
    for child in plan.get("Plans", ()):
        yield from nodes(child)


def explain(connection: sa.Connection, statement: str, values: Any) -> list[Mapping[str, Any]]:
    """The nodes of the plan that PostgreSQL has for a statement with these values."""
    result = connection.exec_driver_sql(_EXPLAIN + statement, values)
    return list(nodes(result.scalar_one()[0]["Plan"]))


def _ignore(step: Failpoint) -> None:
    """Ignore the failpoint."""


@contextmanager
def explained(application: Application, containing: str) -> Iterator[list[list[Mapping[str, Any]]]]:
    """The plans of the statements that hold `containing`, each explained right before it runs, in its own session.

    Batches are applied statement by statement, because nothing can be explained inside a message.
    """
    plans: list[list[Mapping[str, Any]]] = []

    def listener(
        connection: sa.Connection, cursor: object, statement: str, parameters: Any, context: object, many: bool
    ) -> None:
        if containing in statement and not statement.startswith(_EXPLAIN):
            plans.append(explain(connection, statement, parameters))

    event.listen(application.database.engine, "before_cursor_execute", listener)
    listen(_ignore)
    try:
        yield plans
    finally:
        listen(None)
        event.remove(application.database.engine, "before_cursor_execute", listener)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reads:
    """How a table was read: scans of the whole, rows read by them, look-ups by an index, rows fetched by those."""

    seq_scans: int
    seq_rows: int
    index_scans: int
    index_rows: int

    def __sub__(self, other: "Reads") -> "Reads":
        return Reads(
            seq_scans=self.seq_scans - other.seq_scans,
            seq_rows=self.seq_rows - other.seq_rows,
            index_scans=self.index_scans - other.index_scans,
            index_rows=self.index_rows - other.index_rows,
        )


def reads(application: Application, table: str) -> Reads:
    """The scan counters of a table."""
    # A session hands its figures in when it ends, which it has done when it is no longer listed.
    application.database.close()
    sessions = "pg_stat_activity WHERE datname = current_database() AND backend_type = 'client backend'"
    while application.value(f"SELECT count(*) FROM {sessions}") > 1:
        application.sql("SELECT pg_sleep(0.01)")
    application.flush_counters()
    query = "SELECT seq_scan, seq_tup_read, idx_scan, idx_tup_fetch FROM pg_stat_user_tables WHERE relname = %s"
    seq_scans, seq_rows, index_scans, index_rows = application.sql(query, table)[0]
    return Reads(seq_scans=seq_scans, seq_rows=seq_rows, index_scans=index_scans, index_rows=index_rows)
