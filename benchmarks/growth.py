"""Measure how sizes and times grow with the rows, fit a power law, and extrapolate it: `python -m benchmarks.growth`.

A fund has 10,000 rows, as in a table of 1,000,000,000 rows and 100,000 funds; `--rows-a-fund 2` shows how what a fund
and a batch cost grows. A fit is as good as its residuals: its
exponent says how a figure grows, and the last two columns bound what it could be at the far end.
"""

import argparse
import json
import math
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.contestants import TARGET
from benchmarks.data import fill
from benchmarks.memory import peak_memory_mb
from benchmarks.server import Server, server
from benchmarks.table import markdown_table
from stagenorm_pipeline.engine.apply.runner import ApplyRequest, apply_batches
from stagenorm_pipeline.engine.plan.plan import record_plan
from stagenorm_pipeline.engine.plan.request import PlanRequest
from stagenorm_pipeline.engine.postgres.connection import Database
from stagenorm_pipeline.engine.targets.funds import FundScope
from stagenorm_pipeline.engine.verify.verification import VerifyRequest, verify
from stagenorm_pipeline.vocabulary import Vocabulary

_NAME = "bench_growth"
_FAR = 1_000_000_000
# Megabytes of: the audit log, every other tracking table, and all WAL so far.
_SIZES = """
SELECT sum(pg_total_relation_size(c.oid)) FILTER (WHERE relname = 'stage_normalization_log') / 1e6,
       sum(pg_total_relation_size(c.oid)) FILTER (WHERE relname <> 'stage_normalization_log') / 1e6,
       (pg_current_wal_insert_lsn() - '0/0'::pg_lsn) / 1e6
FROM pg_class c WHERE relkind = 'r' AND relname LIKE 'stage\\_%'
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class PowerLaw:
    """y = factor * x ** exponent. `residual`: by how much the worst point is off, as a share of the fitted value."""

    factor: float
    exponent: float
    residual: float

    def at(self, x: float) -> float:
        return float(self.factor * x**self.exponent)


def fit(points: Mapping[int, float]) -> PowerLaw:
    """Fit by least squares of the logarithms, so that each size counts the same."""
    logs = [(math.log(x), math.log(y)) for x, y in points.items()]
    middle_x, middle_y = (sum(values) / len(logs) for values in zip(*logs, strict=True))
    slope = sum((x - middle_x) * (y - middle_y) for x, y in logs) / sum((x - middle_x) ** 2 for x, _ in logs)
    law = PowerLaw(factor=math.exp(middle_y - slope * middle_x), exponent=slope, residual=0.0)
    worst = max(abs(y / law.at(x) - 1) for x, y in points.items())
    return PowerLaw(factor=law.factor, exponent=law.exponent, residual=worst)


def measure_size(found: Server, rows: int, rows_a_fund: int) -> dict[str, float]:
    """Plan, apply and verify a table of so many rows, 60% of them messy, in a new process."""
    found.create(_NAME)
    with found.connect(_NAME) as connection:
        fill(connection, rows, funds=max(1, rows // rows_a_fund))
    found.add_tracking_tables(_NAME)
    with found.connect(_NAME) as connection:
        connection.execute("CHECKPOINT")
        empty = connection.execute(_SIZES).fetchone() or ()
        command = [sys.executable, "-m", "benchmarks.growth", "--measure", found.database_url(_NAME)]
        figures: dict[str, float] = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
        sizes = connection.execute(_SIZES).fetchone() or ()
    found.drop(_NAME)
    names = ("audit log, MB", "other tracking tables, MB", "WAL, MB")
    return {**figures, **{name: float(now - then) for name, now, then in zip(names, sizes, empty, strict=True)}}


def _measure(url: str) -> dict[str, float]:
    database = Database.at(url)
    plan = PlanRequest(vocabulary=Vocabulary.built_in(), targets=(TARGET,), scope=FundScope(), batch_size=5_000)
    check = VerifyRequest(vocabulary=Vocabulary.built_in(), created_by="bench", targets=(TARGET,))
    return {
        "plan, s": _seconds(lambda: record_plan(database, plan, created_by="bench")),
        "plan, peak memory, MB": peak_memory_mb(),
        "apply, one session, s": _seconds(
            lambda: apply_batches(database, ApplyRequest(worker="bench", run_by="bench", sleep_ms=0))
        ),
        "verify, s": _seconds(lambda: verify(database, check)),
        "verify, peak memory, MB": peak_memory_mb(),
    }


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _line(name: str, points: Mapping[int, float]) -> dict[str, object]:
    law, largest = fit(points), max(points)
    return {
        "figure": name,
        **{f"{rows:,}": f"{value:,.4g}" for rows, value in points.items()},
        "exponent": f"{law.exponent:.2f}",
        "worst residual": f"{law.residual:.0%}",
        f"fit at {_FAR:,}": f"{law.at(_FAR):,.0f}",
        "in proportion to the largest": f"{points[largest] * _FAR / largest:,.0f}",
    }


def _table(measured: Mapping[int, Mapping[str, float]]) -> str:
    names: Sequence[str] = list(next(iter(measured.values())))
    return markdown_table([_line(name, {rows: found[name] for rows, found in measured.items()}) for name in names])


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.growth", description=__doc__)
    parser.add_argument("--rows", default="30000,100000,300000,1000000", help="sizes to measure, at least two")
    parser.add_argument("--rows-a-fund", type=int, default=10_000)
    parser.add_argument("--shared-buffers", default="128MB", help="of the embedded server, e.g. 4GB")
    parser.add_argument("--measure", metavar="URL", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        print(json.dumps(_measure(arguments.measure)))
        return
    with server(arguments.shared_buffers) as found:
        sizes = [int(rows) for rows in arguments.rows.split(",")]
        print(_table({rows: measure_size(found, rows, arguments.rows_a_fund) for rows in sizes}))


if __name__ == "__main__":
    main()
