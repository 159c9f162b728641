"""Measure an application's point reads and updates while a migration runs on the same table.

The load is open-loop: pgbench starts transactions by the clock, so if one waits, those that queue behind it show the wait
too. A latency counts from when the transaction was due. Needs `pgbench` (it is in the wheel of the embedded server).
"""

import math
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
import sqlalchemy as sa

from benchmarks.contestants import LIMIT, TARGET
from benchmarks.data import fill
from benchmarks.server import Server
from stagenorm_pipeline.engine.apply.events import BatchCompleted, Event
from stagenorm_pipeline.engine.apply.runner import ApplyRequest, apply_batches
from stagenorm_pipeline.engine.plan.plan import record_plan
from stagenorm_pipeline.engine.plan.request import PlanRequest
from stagenorm_pipeline.engine.postgres.connection import Database
from stagenorm_pipeline.engine.targets.funds import FundScope
from stagenorm_pipeline.local.server_files import binaries
from stagenorm_pipeline.vocabulary import Vocabulary

_REQUESTS_PER_SECOND = 400
_PRESETS = {"conservative": (1_000, 500), "balanced": (5_000, 100), "aggressive": (10_000, 0)}
_READ = """\\set id random(1, {rows})
SELECT stage, name FROM portfoliocompanies WHERE id = :id;
"""
_UPDATE = """\\set id random(1, {rows})
UPDATE portfoliocompanies SET invested_amount = invested_amount + 1 WHERE id = :id;
"""

Stop = Callable[[], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """When the work ran, in seconds of the clock, and how long its transactions took, in milliseconds."""

    began: float = -math.inf
    ended: float = math.inf
    durations: tuple[float, ...] = ()


def measure_neighbours(
    server: Server, rows: int, seconds: int, sessions: Sequence[int] = (1,)
) -> list[dict[str, object]]:
    """Measure latencies in milliseconds during each kind of work: nothing, each preset, and the one statement.

    The balanced preset is measured with each number of sessions.
    """
    template = "bench_neighbours"
    server.create(template)
    with server.connect(template) as connection:
        fill(connection, rows)
    server.add_tracking_tables(template)
    results = [_measure(server, template, rows, seconds, "nothing else", lambda url, stop: Span())]
    for name, (batch_size, sleep_ms) in _PRESETS.items():
        for parallel in sessions if name == "balanced" else (1,):
            label = name if parallel == 1 else f"{name}, {parallel} sessions"
            work = _migration(batch_size, sleep_ms, parallel)
            results.append(_measure(server, template, rows, seconds, label, work))
    results.append(_measure(server, template, rows, seconds, LIMIT.name, _one_statement))
    server.drop(template)
    return results


def _measure(
    server: Server, template: str, rows: int, seconds: int, name: str, work: Callable[[str, Stop], Span]
) -> dict[str, object]:
    database = "bench_neighbours_run"
    server.copy(template, database)
    url = server.database_url(database)
    end = time.monotonic() + seconds + 2
    with ThreadPoolExecutor(1) as pool:
        beside = pool.submit(work, url, lambda: time.monotonic() > end)
        time.sleep(1)
        requests = list(_load(url, rows, seconds))
        span = beside.result()
    # Fast work ends before the load does. Later requests do not count, because nothing ran beside them.
    latencies = sorted(latency for due, latency in requests if span.began <= due <= span.ended)
    durations = sorted(span.durations)
    server.drop(database)
    return {
        "beside": name,
        "requests": len(latencies),
        "p50_ms": _percentile(latencies, 0.5),
        "p99_ms": _percentile(latencies, 0.99),
        "longest_ms": _percentile(latencies, 1),
        "batches": len(durations),
        "median_batch_ms": _percentile(durations, 0.5),
        "longest_batch_ms": _percentile(durations, 1),
    }


def _percentile(ordered: list[float], share: float) -> float:
    return round(ordered[min(int(share * len(ordered)), len(ordered) - 1)], 1) if ordered else 0.0


def _migration(batch_size: int, sleep_ms: int, parallel: int) -> Callable[[str, Stop], Span]:
    def work(url: str, stop: Stop) -> Span:
        durations: list[float] = []

        def watch(event: Event) -> None:
            if isinstance(event, BatchCompleted):
                durations.append(float(event.result.duration_ms))

        database = Database.at(url)
        request = PlanRequest(
            vocabulary=Vocabulary.built_in(), targets=(TARGET,), scope=FundScope(), batch_size=batch_size
        )
        plan = record_plan(database, request, created_by="bench")
        began = time.time()
        apply_batches(
            database,
            ApplyRequest(
                worker="bench", run_by="bench", plan_id=plan.plan_id, targets=(TARGET,), sleep_ms=sleep_ms,
                watch=watch, should_stop=stop, parallel=parallel,
            ),
        )  # fmt: skip
        ended = time.time()
        database.close()
        return Span(began=began, ended=ended, durations=tuple(durations))

    return work


def _one_statement(url: str, stop: Stop) -> Span:
    time.sleep(2)
    began = time.time()
    LIMIT.work(url, None)
    ended = time.time()
    return Span(began=began, ended=ended, durations=((ended - began) * 1_000,))


def _load(url: str, rows: int, seconds: int) -> Iterator[tuple[float, float]]:
    """Yield when each of pgbench's transactions was due, in seconds of the clock, and how many ms later it ended."""
    with tempfile.TemporaryDirectory() as directory, _scripts(Path(directory), rows) as scripts:
        command = [_pgbench(), "-n", "-c", "8", "-j", "1", "-R", str(_REQUESTS_PER_SECOND), "-T", str(seconds)]
        command += ["--log", f"--log-prefix={directory}/log", *scripts, _libpq(url)]
        subprocess.run(command, check=True, capture_output=True, cwd=directory)
        for log in Path(directory).glob("log*"):
            for line in log.read_text().splitlines():
                # client, transaction, microseconds since it was due, script, end (s, us), lag of the start
                _, _, latency, _, seconds_done, microseconds_done, *_ = map(int, line.split())
                yield seconds_done + (microseconds_done - latency) / 1_000_000, latency / 1_000


@contextmanager
def _scripts(directory: Path, rows: int) -> Iterator[list[str]]:
    options = []
    for name, text, weight in (("read", _READ, 3), ("update", _UPDATE, 1)):
        path = directory / f"{name}.sql"
        path.write_text(text.format(rows=rows))
        options += ["-f", f"{path}@{weight}"]
    yield options


def _pgbench() -> str:
    bundled = binaries() / "pgbench"
    return str(bundled) if bundled.exists() else shutil.which("pgbench") or "pgbench"


def _libpq(url: str) -> str:
    parsed = sa.make_url(url).set(drivername="postgresql")
    with psycopg.connect(parsed.render_as_string(hide_password=False)) as connection:
        return connection.info.dsn
