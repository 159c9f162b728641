"""Measure one round of a revision: the program that `benchmarks.compare` runs in each revision's directory.

It uses only what every revision's `benchmarks` has, and prints the ratios as JSON: `python -c PROGRAM ROWS`.
"""

import json
import sys
import time

from benchmarks.contestants import CONTESTANTS, LIMIT, Contestant
from benchmarks.data import fill
from benchmarks.server import Server, server
from benchmarks.verifying import measure_verifying

_TEMPLATE, _COPY = "bench_compare", "bench_compare_run"


def measure_round(found: Server, rows: int) -> dict[str, float]:
    """Return ratios of this revision. Rates are against the limit of the same round, and so are plans."""
    found.create(_TEMPLATE)
    with found.connect(_TEMPLATE) as connection:
        fill(connection, rows)
    found.add_tracking_tables(_TEMPLATE)
    _, limit = _prepare_and_work(found, LIMIT)
    ratios = {}
    for way in (one for one in CONTESTANTS if one.name.startswith("stagenorm")):
        prepared, worked = _prepare_and_work(found, way)
        ratios[f"rate: {way.name}"] = limit / worked
        ratios[f"time of the plan: {way.name}"] = prepared / limit
    found.drop(_TEMPLATE)
    states = [line for line in measure_verifying(found, rows) if line["verify_to_applied"] != ""]
    return {**ratios, **{f"time to verify: {line['state']}": float(str(line["verify_to_applied"])) for line in states}}


def _prepare_and_work(found: Server, way: Contestant) -> tuple[float, float]:
    """Return the seconds of a contestant's plan and of its work, on a fresh copy of the data."""
    found.copy(_TEMPLATE, _COPY)
    url = found.database_url(_COPY)
    start = time.perf_counter()
    prepared = way.prepare(url)
    middle = time.perf_counter()
    way.work(url, prepared)
    end = time.perf_counter()
    found.drop(_COPY)
    return middle - start, end - middle


if __name__ == "__main__":
    with server() as found:
        print(json.dumps(measure_round(found, int(sys.argv[1]))))
