"""Verifying, measured against the apply that it proves.

The seven rules run in a process of their own, whose peak memory is read at its end: right after the apply, after users
changed one row in a thousand, and after all of it was rolled back.
"""

import json
import resource
import subprocess
import sys
import time
from dataclasses import dataclass

from benchmarks.contestants import TARGET
from benchmarks.data import TABLE, fill
from benchmarks.server import Server
from stagenorm_pipeline.engine.apply import ApplyRequest, apply_batches
from stagenorm_pipeline.engine.connection import Database
from stagenorm_pipeline.engine.funds import FundScope
from stagenorm_pipeline.engine.plan import record_plan
from stagenorm_pipeline.engine.request import PlanRequest
from stagenorm_pipeline.engine.rollback import RollbackRequest, record_rollback
from stagenorm_pipeline.engine.verification.result import Outcome, Rule
from stagenorm_pipeline.engine.verification.verify import VerifyRequest, verify
from stagenorm_pipeline.vocabulary import Vocabulary

_NAME = "bench_verifying"
_ROUNDS = 3
_CHANGED_BY_USERS = f"UPDATE {TABLE} SET stage = 'series-b' WHERE id % 1000 = 7"


@dataclass(frozen=True, slots=True)
class Verified:
    """The median round of a verification: seconds, its parts, its process's peak memory, and what it found."""

    seconds: float
    parts: dict[str, float]
    peak_memory_mb: int
    audit_rows: int
    not_passed: int


def measure_verifying(found: Server, rows: int) -> list[dict[str, object]]:
    """A line for each state of the same migrated table, then one for each part of the verification right after it."""
    found.create(_NAME)
    with found.connect(_NAME) as connection:
        fill(connection, rows)
    found.add_tracking_tables(_NAME)
    url = found.database_url(_NAME)
    database = Database.at(url)
    record_plan(database, PlanRequest(Vocabulary.built_in(), (TARGET,), FundScope(), 5_000), created_by="bench")
    applied = _apply(database)
    states = {"as applied": _in_a_process(url)}
    with found.connect(_NAME) as connection:
        connection.execute(_CHANGED_BY_USERS)
    states["0.1% changed by users"] = _in_a_process(url)
    record_rollback(database, RollbackRequest(plan_id=1, targets=(TARGET,)), created_by="bench")
    undone = _apply(database)
    states["rolled back"] = _in_a_process(url)
    database.close()
    found.drop(_NAME)
    lines = [_line(state, applied, undone, verified) for state, verified in states.items()]
    return [*lines, *({**dict.fromkeys(lines[0], ""), "state": part, "verify_seconds": seconds}
                      for part, seconds in states["as applied"].parts.items())]  # fmt: skip


def _line(state: str, applied: float, undone: float, verified: Verified) -> dict[str, object]:
    work = applied + (undone if "rolled back" in state else 0.0)
    return {
        "state": state,
        "audit_rows": verified.audit_rows,
        "work_seconds": round(work, 1),
        "verify_seconds": verified.seconds,
        "verify_to_work": round(verified.seconds / work, 3),
        "peak_memory_mb": verified.peak_memory_mb,
        "checks_not_passed": verified.not_passed,
    }


def _apply(database: Database) -> float:
    started = time.perf_counter()
    apply_batches(database, ApplyRequest("bench", "bench", sleep_ms=0))
    return time.perf_counter() - started


def _in_a_process(url: str) -> Verified:
    command = [sys.executable, "-m", "benchmarks.verifying", url]
    return Verified(**json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout))


def _verify_repeatedly(url: str) -> dict[str, object]:
    database = Database.at(url)
    results = []
    for _ in range(_ROUNDS):
        started = time.perf_counter()
        result = verify(database, VerifyRequest(Vocabulary.built_in(), "bench", (TARGET,)))
        results.append((time.perf_counter() - started, result))
    seconds, result = sorted(results, key=lambda one: one[0])[_ROUNDS // 2]
    reads = {f"read: {read.name}": read.duration_ms / 1000 for read in result.reads}
    checks = {f"check: {check.rule.heading}": check.duration_ms / 1000 for check in result.checks}
    log = result.check(Rule.AUDIT_CONSISTENCY).figures
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {
        "seconds": round(seconds, 2),
        "parts": {**reads, **checks},
        "peak_memory_mb": round(peak / (1024 * 1024 if sys.platform == "darwin" else 1024)),
        "audit_rows": log["audit_rows"] + log["rollback_rows"],
        "not_passed": len(result.checks) - result.count(Outcome.PASSED),
    }


if __name__ == "__main__":
    print(json.dumps(_verify_repeatedly(sys.argv[1])))
