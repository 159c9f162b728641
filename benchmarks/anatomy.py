"""Measure where a batch's time goes: run the parts of the engine's statement over the same batches, for each layout.

Each line does one thing more than the line above, so the difference is the cost of that thing. The last line is the
limit, which scans the whole table.
"""

import statistics
import time
from collections.abc import Callable

import psycopg

from benchmarks.applying import LAYOUTS, Layout
from benchmarks.contestants import CONTESTANTS, LIMIT
from benchmarks.data import fill
from benchmarks.server import Server

_MEMBERS = """
WITH m AS MATERIALIZED (
    SELECT u.row_key, s.spelling, p.stage_after
    FROM stage_migration_batch_members b
    CROSS JOIN LATERAL unnest(b.row_numbers, b.spelling_ids) AS u (row_key, spelling_id)
    JOIN stage_migration_spellings s USING (spelling_id)
    JOIN stage_migration_plan_spellings p USING (spelling_id)
    WHERE b.batch_id = %(batch_id)s
    ORDER BY row_key
)
"""
_HOLDS = 't.id = m.row_key AND t.stage COLLATE "C" = m.spelling'
_CHANGED = f""", changed AS (
    UPDATE portfoliocompanies t SET stage = m.stage_after FROM m WHERE {_HOLDS}
    RETURNING t.id::text AS row_id, t.fund_id::text AS fund_id, m.spelling, m.stage_after
)
"""
_STATEMENTS = {
    "read the batch's members": _MEMBERS + "SELECT count(*) FROM m",
    "and find their rows": _MEMBERS + f"SELECT count(*) FROM m JOIN portfoliocompanies t ON {_HOLDS}",
    "and change them": _MEMBERS + _CHANGED + "SELECT count(*) FROM changed",
    "and log the changes": _MEMBERS
    + _CHANGED
    + "INSERT INTO stage_normalization_log (schema_name, table_name, column_name, row_id, fund_id, stage_before, stage_after, "
    "action, plan_id, batch_id, run_by) SELECT 'public', 'portfoliocompanies', 'stage', row_id, fund_id, spelling, stage_after, "
    "'normalize', 1, %(batch_id)s, 'bench' FROM changed",
}
_ENGINE = CONTESTANTS[1]


def measure_anatomy(server: Server, rows: int, rounds: int) -> list[dict[str, object]]:
    """Measure each part in microseconds per row: medians, one column per layout."""
    columns = {layout.name: _measure(server, rows, rounds, layout) for layout in LAYOUTS}
    parts = next(iter(columns.values()))
    return [{"microseconds a row": part, **{name: found[part] for name, found in columns.items()}} for part in parts]


def _measure(server: Server, rows: int, rounds: int, layout: Layout) -> dict[str, float]:
    template, name = "bench_anatomy", "bench_anatomy_run"
    server.create(template)
    with server.connect(template) as connection:
        fill(connection, rows, clustered=layout.clustered, fillfactor=layout.fillfactor)
    server.add_tracking_tables(template)
    url = server.database_url(name)
    plan_id = _ENGINE.prepare(server.database_url(template))
    with server.connect(template) as connection:
        batches = [row[0] for row in connection.execute("SELECT batch_id FROM stage_migration_batches ORDER BY 1")]
        (planned,) = connection.execute("SELECT sum(rows_planned) FROM stage_migration_batches").fetchone() or (0,)
    ways: dict[str, Callable[[], None]] = {
        part: lambda statement=statement: _each_batch(url, statement, batches)
        for part, statement in _STATEMENTS.items()
    }
    ways[_ENGINE.name] = lambda: _ENGINE.work(url, plan_id)
    ways[LIMIT.name] = lambda: LIMIT.work(url, None)
    seconds: dict[str, list[float]] = {part: [] for part in ways}
    for _ in range(rounds):
        for part, work in ways.items():
            server.copy(template, name)
            start = time.perf_counter()
            work()
            seconds[part].append(time.perf_counter() - start)
            server.drop(name)
    server.drop(template)
    return {part: round(statistics.median(found) / float(planned) * 1e6, 1) for part, found in seconds.items()}


def _each_batch(url: str, statement: str, batches: list[int]) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET jit = off")
        for batch_id in batches:
            connection.execute(statement, {"batch_id": batch_id})
