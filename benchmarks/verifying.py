"""Measure verifying, compared with the apply that it proves.

The seven rules run in a separate process, which reports its peak memory: after the apply, after users changed one row
in a thousand, and after everything was rolled back.
"""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.contestants import TARGET
from benchmarks.data import TABLE, fill
from benchmarks.memory import peak_memory_mb
from benchmarks.server import Server
from stagenorm_pipeline.engine.apply.runner import ApplyRequest, apply_batches
from stagenorm_pipeline.engine.plan.plan import record_plan
from stagenorm_pipeline.engine.plan.request import PlanRequest
from stagenorm_pipeline.engine.postgres.connection import Database
from stagenorm_pipeline.engine.rollback.rollback import RollbackRequest, record_rollback
from stagenorm_pipeline.engine.targets.funds import FundScope
from stagenorm_pipeline.engine.verify.result import Outcome, Rule
from stagenorm_pipeline.engine.verify.rules.registry import RULES
from stagenorm_pipeline.engine.verify.verification import VerifyRequest, verify
from stagenorm_pipeline.vocabulary import Vocabulary

_NAME = "bench_verifying"
_ROUNDS = 3
_CHANGED_BY_USERS = f"UPDATE {TABLE} SET stage = 'series-b' WHERE id % 1000 = 7"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """The median round of a verification: seconds, parts, peak memory of its process, and results."""

    seconds: float
    parts: dict[str, float]
    peak_memory_mb: int
    audit_rows: int
    not_passed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Work:
    """Seconds of planning and of applying, with which a verification is compared."""

    planned: float
    applied: float

    def __add__(self, other: "_Work") -> "_Work":
        return _Work(planned=self.planned + other.planned, applied=self.applied + other.applied)


def measure_verifying(found: Server, rows: int) -> list[dict[str, object]]:
    """Return a line for each state of the migrated table, and one for each part of the first verification."""
    found.create(_NAME)
    with found.connect(_NAME) as connection:
        fill(connection, rows)
    found.add_tracking_tables(_NAME)
    url = found.database_url(_NAME)
    database = Database.at(url)
    plan = PlanRequest(vocabulary=Vocabulary.built_in(), targets=(TARGET,), scope=FundScope(), batch_size=5_000)
    done = _work(database, lambda: record_plan(database, plan, created_by="bench"))
    lines = [_line("as applied", done, as_applied := _in_a_process(url))]
    with found.connect(_NAME) as connection:
        connection.execute(_CHANGED_BY_USERS)
    lines.append(_line("0.1% changed by users", done, _in_a_process(url)))
    rollback = RollbackRequest(plan_id=1, targets=(TARGET,))
    done += _work(database, lambda: record_rollback(database, rollback, created_by="bench"))
    lines.append(_line("rolled back", done, _in_a_process(url)))
    database.close()
    found.drop(_NAME)
    return [*lines, *({**dict.fromkeys(lines[0], ""), "state": part, "verify_seconds": seconds}
                      for part, seconds in as_applied.parts.items())]  # fmt: skip


def _line(state: str, work: _Work, verified: Verified) -> dict[str, object]:
    return {
        "state": state,
        "audit_rows": verified.audit_rows,
        "planned_seconds": round(work.planned, 1),
        "applied_seconds": round(work.applied, 1),
        "verify_seconds": verified.seconds,
        "verify_to_applied": round(verified.seconds / work.applied, 3),
        "peak_memory_mb": verified.peak_memory_mb,
        "checks_not_passed": verified.not_passed,
    }


def _work(database: Database, plan: Callable[[], object]) -> _Work:
    started = time.perf_counter()
    plan()
    planned = time.perf_counter()
    apply_batches(database, ApplyRequest(worker="bench", run_by="bench", sleep_ms=0))
    return _Work(planned=planned - started, applied=time.perf_counter() - planned)


def _in_a_process(url: str) -> Verified:
    command = [sys.executable, "-m", "benchmarks.verifying", url]
    return Verified(**json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout))


def _verify_repeatedly(url: str) -> dict[str, object]:
    database = Database.at(url)
    results = []
    for _ in range(_ROUNDS):
        started = time.perf_counter()
        result = verify(
            database, VerifyRequest(vocabulary=Vocabulary.built_in(), created_by="bench", targets=(TARGET,))
        )
        results.append((time.perf_counter() - started, result))
    seconds, result = sorted(results, key=lambda one: one[0])[_ROUNDS // 2]
    reads = {f"read: {read.name}": read.duration_ms / 1000 for read in result.reads}
    checks = {f"check: {RULES[check.rule].title}": check.duration_ms / 1000 for check in result.checks}
    log = result.check(Rule.AUDIT_CONSISTENCY).figures
    return {
        "seconds": round(seconds, 2),
        "parts": {**reads, **checks},
        "peak_memory_mb": peak_memory_mb(),
        "audit_rows": log["audit_rows"] + log["rollback_rows"],
        "not_passed": len(result.checks) - result.count(Outcome.PASSED),
    }


if __name__ == "__main__":
    print(json.dumps(_verify_repeatedly(sys.argv[1])))
