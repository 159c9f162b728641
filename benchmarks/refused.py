"""Measure refused rows: how long a batch takes in which the database refuses every row, and a run with a few hundred."""

import statistics
import time
from dataclasses import dataclass

from benchmarks.contestants import TARGET
from benchmarks.data import fill
from benchmarks.server import Server
from stagenorm_pipeline.engine.apply.request import ApplyRequest
from stagenorm_pipeline.engine.apply.runner import apply_batches
from stagenorm_pipeline.engine.plan.plan import record_plan
from stagenorm_pipeline.engine.plan.request import PlanRequest
from stagenorm_pipeline.engine.postgres.connection import Database
from stagenorm_pipeline.engine.targets.funds import FundScope
from stagenorm_pipeline.vocabulary import Vocabulary

_NAME = "bench_refused"
# Each case has the same trigger, so that they differ only in what it refuses.
_TRIGGER = """
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF {condition} THEN RAISE EXCEPTION 'row % is closed', new.id USING ERRCODE = 'check_violation'; END IF;
    RETURN new;
END $$;
CREATE TRIGGER refuse BEFORE UPDATE ON portfoliocompanies FOR EACH ROW EXECUTE FUNCTION refuse()
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """Which rows the trigger refuses, in a table of `rows` rows."""

    name: str
    condition: str
    rows: int
    funds: int


_ONE_BATCH = 8_300  # About 5,000 of them are to change.
_CASES = (
    Case(name="one batch, none refused", condition="false", rows=_ONE_BATCH, funds=1),
    Case(name="one batch, every row refused", condition="true", rows=_ONE_BATCH, funds=1),
    Case(name="200 batches, none refused", condition="false", rows=100_000, funds=200),
    Case(name="200 batches, one row in 128 refused", condition="new.id % 128 = 0", rows=100_000, funds=200),
)


def measure_refused(server: Server, rounds: int) -> list[dict[str, object]]:
    """Run each case once a round. `times_good`: how much longer than the case before it, in the same round."""
    seconds: dict[str, list[float]] = {case.name: [] for case in _CASES}
    refused: dict[str, int] = {}
    for _ in range(rounds):
        for case in _CASES:
            took, refused[case.name] = _measure(server, case)
            seconds[case.name].append(took)
    report: list[dict[str, object]] = []
    for good, bad in zip(_CASES[::2], _CASES[1::2], strict=True):
        pairs = zip(seconds[bad.name], seconds[good.name], strict=True)
        times = {good.name: 1.0, bad.name: statistics.median(slow / fast for slow, fast in pairs)}
        report += [
            {
                "case": name,
                "refused_rows": refused[name],
                "seconds": round(statistics.median(seconds[name]), 3),
                "times_good": round(times[name], 2),
            }
            for name in times
        ]
    return report


def _measure(server: Server, case: Case) -> tuple[float, int]:
    server.create(_NAME)
    with server.connect(_NAME) as connection:
        fill(connection, case.rows, funds=case.funds)
        connection.execute(_TRIGGER.replace("{condition}", case.condition).encode())
    server.add_tracking_tables(_NAME)
    database = Database.at(server.database_url(_NAME))
    request = PlanRequest(vocabulary=Vocabulary.built_in(), targets=(TARGET,), scope=FundScope(), batch_size=5_000)
    record_plan(database, request, created_by="bench")
    started = time.perf_counter()
    result = apply_batches(database, ApplyRequest(worker="bench", run_by="bench", sleep_ms=0))
    seconds = time.perf_counter() - started
    database.close()
    server.drop(_NAME)
    return seconds, result.rows.rows_failed
