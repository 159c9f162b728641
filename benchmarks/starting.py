"""Measure start-up: the cost of a command before it does any work, and the fixed cost of a fund."""

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.data import fill
from benchmarks.server import Server

_ROUNDS = 10
_STAGENORM = str(Path(sys.executable).with_name("stagenorm"))
_LOAD_DEFINITIONS = "from stagenorm_pipeline.defs.definitions import build_defs; build_defs().get_repository_def()"


def measure_starting(server: Server) -> list[dict[str, object]]:
    """Measure the wall time of whole processes, medians of ten. The targets are times that a person does not notice."""
    name = "bench_starting"
    server.create(name)
    with server.connect(name) as connection:
        fill(connection, 2_000)
        connection.execute("CREATE TABLE deal_opportunities (id bigint PRIMARY KEY, fund_id integer, stage text)")
    server.add_tracking_tables(name)
    environment = {**os.environ, "DATABASE_URL": server.database_url(name)}
    fund = [_STAGENORM, "run", "--fund-id", "7", "--table", "portfoliocompanies", "--yes"]
    results = [
        _measure("stagenorm --help", [_STAGENORM, "--help"], environment, 0.3),
        _measure("stagenorm status", [_STAGENORM, "status"], environment, 0.6),
        _measure("the Dagster code location loads", [sys.executable, "-c", _LOAD_DEFINITIONS], environment, 3.0),
        _measure("stagenorm run, one fund of ten rows, plan included", fund, environment, None),
    ]
    server.drop(name)
    return results


def _measure(name: str, command: Sequence[str], environment: dict[str, str], target: float | None) -> dict[str, object]:
    seconds = []
    for _ in range(_ROUNDS):
        start = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True, env=environment)
        seconds.append(time.perf_counter() - start)
    return {
        "what": name,
        "median_seconds": round(statistics.median(seconds), 2),
        "lowest": round(min(seconds), 2),
        "highest": round(max(seconds), 2),
        "target": target or "",
    }
