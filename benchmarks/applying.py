"""Measure applying: run every contestant on its own fresh copy of the same data, in interleaved rounds.

Raises AssertionError if a contestant did not do the same work as the limit: row for row, audit row for audit row.
"""

import statistics
import time
from dataclasses import dataclass, field

from benchmarks.contestants import CONTESTANTS, LIMIT, Contestant
from benchmarks.data import MESSY, TABLE, fill
from benchmarks.server import Server

_WORK_DONE = """
SELECT (SELECT md5(string_agg(id || ':' || stage, ',' ORDER BY id)) FROM portfoliocompanies),
       (SELECT count(*) FROM portfoliocompanies WHERE stage <> ALL (%(canonical)s)),
       count(*),
       md5(string_agg(row_id || ':' || fund_id || ':' || stage_before || ':' || stage_after, ',' ORDER BY row_id::bigint))
FROM stage_normalization_log
"""
# A session reports its counters when it ends, so this runs after the contestant's sessions have ended.
_SIZES = """
SELECT pg_relation_size(%(table)s), pg_indexes_size(%(table)s),
       pg_stat_get_tuples_updated(%(table)s::regclass), pg_stat_get_tuples_hot_updated(%(table)s::regclass),
       pg_current_wal_insert_lsn() - '0/0'::pg_lsn, (SELECT count(*) FROM stage_normalization_log)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """How the rows of the funds are laid out. `fillfactor`: how full the pages are, in percent."""

    name: str
    clustered: bool = False
    fillfactor: int = 100


INTERLEAVED = Layout(name="funds interleaved by id")
LAYOUTS = (
    INTERLEAVED,
    Layout(name="fillfactor 80", fillfactor=80),
    Layout(name="each fund's rows together", clustered=True),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """One round of one contestant. Sizes in bytes."""

    seconds: float
    rows: int
    hot_share: float
    table_growth: float
    index_growth: float
    wal_bytes: int


@dataclass(slots=True, kw_only=True)
class Result:
    """All rounds of one contestant. `ratios` compare its rate with the limit's in the same round."""

    name: str
    rounds: list[Measurement] = field(default_factory=list)
    ratios: list[float] = field(default_factory=list)

    def as_json(self) -> dict[str, object]:
        middle = sorted(self.rounds, key=lambda one: one.seconds)[len(self.rounds) // 2]
        return {
            "name": self.name,
            "rounds": len(self.rounds),
            "seconds": round(statistics.median(one.seconds for one in self.rounds), 2),
            "rows_per_second": round(statistics.median(one.rows / one.seconds for one in self.rounds)),
            "ratio": round(statistics.median(self.ratios), 3),
            "ratio_lowest": round(min(self.ratios), 3),
            "ratio_highest": round(max(self.ratios), 3),
            "hot_share": round(middle.hot_share, 2),
            "table_growth": round(middle.table_growth, 2),
            "index_growth": round(middle.index_growth, 2),
            "wal_bytes_per_row": round(middle.wal_bytes / middle.rows),
        }


def measure_applying(server: Server, rows: int, rounds: int, layout: Layout = INTERLEAVED) -> list[dict[str, object]]:
    """Run every contestant on `rows` rows, of which 60% are to change, `rounds` times in turns.

    In other layouts than the interleaved one, only the limit and this engine take part, to show the effect of the layout.
    """
    template = f"bench_{rows}"
    server.create(template)
    with server.connect(template) as connection:
        fill(connection, rows, clustered=layout.clustered, fillfactor=layout.fillfactor)
    server.add_tracking_tables(template)
    taking_part = [one for one in CONTESTANTS if one.most_rows is None or rows <= one.most_rows]
    if layout is not INTERLEAVED:
        taking_part = taking_part[:4]
    results = {one.name: Result(name=one.name) for one in taking_part}
    expected: tuple[object, ...] | None = None
    for _ in range(rounds):
        for contestant in taking_part:
            measured, done = measure_once(server, template, contestant)
            expected = expected or done
            if done != expected:
                raise AssertionError(f"{contestant.name} did not do the same work: {done} instead of {expected}")
            result = results[contestant.name]
            result.rounds.append(measured)
            limit = results[LIMIT.name].rounds[-1]
            result.ratios.append(limit.seconds / measured.seconds)
    server.drop(template)
    return [result.as_json() for result in results.values()]


def measure_once(server: Server, template: str, contestant: Contestant) -> tuple[Measurement, tuple[object, ...]]:
    """Run a contestant on a fresh copy of the data. Returns the figures, and what shows that it did the work."""
    name = "bench_run"
    server.copy(template, name)
    url = server.database_url(name)
    prepared = contestant.prepare(url)
    with server.connect(name) as connection:
        connection.execute("CHECKPOINT")
        before = connection.execute(_SIZES, {"table": TABLE}).fetchone() or ()
        start = time.perf_counter()
        contestant.work(url, prepared)
        seconds = time.perf_counter() - start
        time.sleep(0.2)
        connection.execute("SELECT pg_stat_clear_snapshot()")
        after = connection.execute(_SIZES, {"table": TABLE}).fetchone() or ()
        done = connection.execute(_WORK_DONE, {"canonical": list(MESSY)}).fetchone() or ()
    server.drop(name)
    measurement = Measurement(
        seconds=seconds,
        rows=after[5],
        hot_share=(after[3] - before[3]) / max(after[2] - before[2], 1),
        table_growth=after[0] / before[0],
        index_growth=after[1] / before[1],
        wal_bytes=int(after[4] - before[4]),
    )
    return measurement, done
