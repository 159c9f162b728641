"""Measure planning: the cost of a plan compared with the scan that it needs, and the size of the plan.

Each plan is made in a separate process, which reports its peak memory.
"""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.contestants import TARGET
from benchmarks.data import FUNDS, fill
from benchmarks.memory import peak_memory_mb
from benchmarks.server import Server
from stagenorm_pipeline.engine.plan.plan import preview_plan, record_plan
from stagenorm_pipeline.engine.plan.request import PlanRequest
from stagenorm_pipeline.engine.postgres.connection import Database
from stagenorm_pipeline.engine.targets.funds import FundScope
from stagenorm_pipeline.vocabulary import Vocabulary

_ROUNDS = 3
# The tables that a plan writes: batches, baseline, and the texts of the spellings.
_PLAN_SIZE = """
SELECT sum(pg_total_relation_size(name::regclass)) FROM unnest(array['stage_migration_batches', 'stage_migration_batch_members',
    'stage_migration_baseline', 'stage_migration_plan_spellings', 'stage_migration_spellings']) AS name
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A table to plan."""

    name: str
    messy_share: float
    funds: int


_CASES = (
    Case(name="60% messy", messy_share=0.6, funds=FUNDS),
    Case(name="0.1% messy", messy_share=0.001, funds=FUNDS),
    Case(name="all canonical", messy_share=0.0, funds=FUNDS),
    Case(name="60% messy, 5,000 funds", messy_share=0.6, funds=5_000),
)


def measure_planning(server: Server, rows: int) -> list[dict[str, object]]:
    """Measure each case: seconds of an inventory (the scan) and of a recorded plan, their ratio, and the plan's size."""
    return [_measure(server, rows, case) for case in _CASES]


def _measure(server: Server, rows: int, case: Case) -> dict[str, object]:
    name = "bench_planning"
    server.create(name)
    with server.connect(name) as connection:
        fill(connection, rows, messy_share=case.messy_share, funds=case.funds)
    server.add_tracking_tables(name)
    with server.connect(name) as connection:
        (empty,) = connection.execute(_PLAN_SIZE).fetchone() or (0,)
        found = _in_a_process(server.database_url(name))
        (size,) = connection.execute(_PLAN_SIZE).fetchone() or (0,)
    server.drop(name)
    planned = found["rows_to_change"]
    return {
        "table": case.name,
        "rows_to_change": planned,
        "scan_seconds": found["scan_seconds"],
        "plan_seconds": found["plan_seconds"],
        "plan_to_scan": round(found["plan_seconds"] / found["scan_seconds"], 2),
        "bytes_per_planned_row": round(int(size - empty) / _ROUNDS / planned, 1) if planned else 0.0,
        "peak_memory_mb": found["peak_memory_mb"],
    }


def _in_a_process(url: str) -> dict[str, int]:
    command = [sys.executable, "-m", "benchmarks.planning", url]
    found: dict[str, int] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return found


def _plan_repeatedly(url: str) -> dict[str, float]:
    database = Database.at(url)
    request = PlanRequest(vocabulary=Vocabulary.built_in(), targets=(TARGET,), scope=FundScope(), batch_size=5_000)
    scans, plans, to_change = [], [], 0
    for _ in range(_ROUNDS):
        scans.append(_seconds(lambda: preview_plan(database, request)))
        plans.append(_seconds(lambda: record_plan(database, request, created_by="bench", as_draft=True)))
    to_change = preview_plan(database, request).counts.rows_to_change
    return {
        "rows_to_change": to_change,
        "scan_seconds": round(sorted(scans)[_ROUNDS // 2], 2),
        "plan_seconds": round(sorted(plans)[_ROUNDS // 2], 2),
        "peak_memory_mb": peak_memory_mb(),
    }


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


if __name__ == "__main__":
    print(json.dumps(_plan_repeatedly(sys.argv[1])))
