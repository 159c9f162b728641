"""Neighbours, measured: an application's point reads and updates while a migration runs beside them.

The load is open-loop: pgbench starts its transactions by the clock, so a wait of one is seen in all that queue behind
it; a latency counts from when the transaction was due. Needs `pgbench` (it is in the wheel of the embedded server).
"""

import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import sqlalchemy as sa

from benchmarks.contestants import LIMIT, TARGET
from benchmarks.data import fill
from benchmarks.server import Server
from stagenorm_pipeline.engine.apply import ApplyRequest, apply_batches
from stagenorm_pipeline.engine.connection import Database
from stagenorm_pipeline.engine.events import BatchCompleted, Event
from stagenorm_pipeline.engine.funds import FundScope
from stagenorm_pipeline.engine.plan import record_plan
from stagenorm_pipeline.engine.request import PlanRequest
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


def measure_neighbours(server: Server, rows: int, seconds: int) -> list[dict[str, object]]:
    """Latencies in milliseconds: idle, beside each preset, and beside the one statement."""
    template = "bench_neighbours"
    server.create(template)
    with server.connect(template) as connection:
        fill(connection, rows)
    server.add_tracking_tables(template)
    results = [_measure(server, template, rows, seconds, "nothing else", lambda url, stop: [])]
    for name, (batch_size, sleep_ms) in _PRESETS.items():
        results.append(_measure(server, template, rows, seconds, name, _migration(batch_size, sleep_ms)))
    results.append(_measure(server, template, rows, seconds, LIMIT.name, _one_statement))
    server.drop(template)
    return results


def _measure(
    server: Server, template: str, rows: int, seconds: int, name: str, work: Callable[[str, Stop], list[float]]
) -> dict[str, object]:
    database = "bench_neighbours_run"
    server.copy(template, database)
    url = server.database_url(database)
    durations: list[float] = []
    end = time.monotonic() + seconds + 2
    beside = threading.Thread(target=lambda: durations.extend(work(url, lambda: time.monotonic() > end)))
    beside.start()
    time.sleep(1)
    latencies = sorted(_load(url, rows, seconds))
    beside.join()
    server.drop(database)
    return {
        "beside": name,
        "requests": len(latencies),
        "p50_ms": _percentile(latencies, 0.5),
        "p99_ms": _percentile(latencies, 0.99),
        "longest_ms": _percentile(latencies, 1),
        "batches": len(durations),
        "median_batch_ms": _percentile(sorted(durations), 0.5),
        "longest_batch_ms": _percentile(sorted(durations), 1),
    }


def _percentile(ordered: list[float], share: float) -> float:
    return round(ordered[min(int(share * len(ordered)), len(ordered) - 1)], 1) if ordered else 0.0


def _migration(batch_size: int, sleep_ms: int) -> Callable[[str, Stop], list[float]]:
    def work(url: str, stop: Stop) -> list[float]:
        durations: list[float] = []

        def watch(event: Event) -> None:
            if isinstance(event, BatchCompleted):
                durations.append(float(event.result.duration_ms))

        database = Database.at(url)
        request = PlanRequest(Vocabulary.built_in(), (TARGET,), FundScope(), batch_size)
        plan = record_plan(database, request, created_by="bench")
        apply_batches(
            database,
            ApplyRequest(
                worker="bench", run_by="bench", plan_id=plan.plan_id, targets=(TARGET,), sleep_ms=sleep_ms,
                watch=watch, should_stop=stop,
            ),
        )  # fmt: skip
        database.close()
        return durations

    return work


def _one_statement(url: str, stop: Stop) -> list[float]:
    time.sleep(2)
    start = time.perf_counter()
    LIMIT.work(url, None)
    return [(time.perf_counter() - start) * 1_000]


def _load(url: str, rows: int, seconds: int) -> list[float]:
    """Latencies in milliseconds of pgbench's transactions, each from when it was due."""
    with tempfile.TemporaryDirectory() as directory, _scripts(Path(directory), rows) as scripts:
        command = [_pgbench(), "-n", "-c", "8", "-j", "1", "-R", str(_REQUESTS_PER_SECOND), "-T", str(seconds)]
        command += ["--log", f"--log-prefix={directory}/log", *scripts, _libpq(url)]
        subprocess.run(command, check=True, capture_output=True, cwd=directory)
        return [
            # client, transaction, microseconds since it was due, script, end (s, us), lag of the start
            int(line.split()[2]) / 1_000
            for log in Path(directory).glob("log*")
            for line in log.read_text().splitlines()
        ]


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
