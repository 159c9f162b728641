"""Estimate how long batches take, from the durations of past batches on this database and the sleeps of the pace.

Reads only. A range, because batches differ: the twentieth and the eightieth percentile.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import Final

import sqlalchemy as sa

from stagenorm_pipeline.config.auto_batch_size import MAX_GROUP_SIZE
from stagenorm_pipeline.engine.postgres.sql_files import statement

# Fewer say nothing about how much they differ.
_LEAST_BATCHES = 5
# Sessions share disk and WAL. Two did 1.2 to 1.7 times as much as one; more gain where the network is slow.
_LEAST_GAIN = 1.2


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkAhead:
    """What is to be done in one target. `funds`: those with rows to change."""

    target: str
    batches: int
    funds: int
    rows: int

    @property
    def fewest_groups(self) -> int:
        """The fewest transactions with `auto`: none spans two funds, and none takes more than so many batches."""
        return max(self.funds, ceil(self.batches / MAX_GROUP_SIZE))


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedPace:
    """The sleep of each session, how many sessions, and the target time of `auto`; None: a transaction per batch.

    `is_tuned`: a person set a part of it for all runners.
    """

    sleep_ms: int
    parallel: int = 1
    target_ms: int | None = None
    is_tuned: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SecondsRange:
    """A duration in seconds, from a low to a high one."""

    low: float = 0.0
    high: float = 0.0

    def __add__(self, other: "SecondsRange") -> "SecondsRange":
        return SecondsRange(low=self.low + other.low, high=self.high + other.high)

    def times(self, low: float, high: float) -> "SecondsRange":
        """Return both ends multiplied."""
        return SecondsRange(low=self.low * low, high=self.high * high)


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """How long the batches and the sleeps take: `total`, with all sessions. `batch`: a batch; `sleep`: the sleeps.

    `measured_batches`: how many past batches it comes from. `is_same_target`: all of those were in the same targets.
    """

    total: SecondsRange
    batches: int
    batch: SecondsRange
    sleep: SecondsRange
    measured_batches: int
    is_same_target: bool
    pace: PlannedPace


@dataclass(frozen=True, slots=True, kw_only=True)
class NotMeasured:
    """Too few batches were applied to this database to estimate from. `sleep`: how long the sleeps alone take."""

    batches: int
    sleep: SecondsRange
    pace: PlannedPace


@dataclass(frozen=True, slots=True, kw_only=True)
class NothingAhead:
    """No batch is to be applied."""


DurationEstimate = Estimate | NotMeasured | NothingAhead
NOTHING_AHEAD: Final = NothingAhead()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Measured:
    """How long the work of one target takes in one session, and how many past batches say so.

    `between`: what comes before each transaction besides the sleep.
    """

    ahead: WorkAhead
    work: SecondsRange
    between: SecondsRange
    batches: int
    is_same_target: bool


def read_work_ahead(connection: sa.Connection) -> tuple[WorkAhead, ...]:
    """Read what open plans still have to do, by target."""
    rows = connection.exec_driver_sql(statement("monitor/work_ahead"))
    return tuple(WorkAhead(**row._mapping) for row in rows)


def estimate(connection: sa.Connection, ahead: Sequence[WorkAhead], pace: PlannedPace) -> DurationEstimate:
    """Estimate how long the work takes. Needs the tracking tables."""
    if not ahead:
        return NOTHING_AHEAD
    measured = [found for work in ahead for found in _measure(connection, work)]
    return _combined(measured, pace) if len(measured) == len(ahead) else not_measured(ahead, pace)


def not_measured(ahead: Sequence[WorkAhead], pace: PlannedPace) -> DurationEstimate:
    """Return what is known without any measurement: the sleeps."""
    if not ahead:
        return NOTHING_AHEAD
    batches = sum(work.batches for work in ahead)
    fewest = batches if pace.target_ms is None else sum(work.fewest_groups for work in ahead)
    return NotMeasured(batches=batches, sleep=_sleeps(fewest, batches, pace), pace=pace)


def _measure(connection: sa.Connection, ahead: WorkAhead) -> list[_Measured]:
    """Read what past batches say about the work of a target. Empty if there are too few."""
    values = {"target": ahead.target, "rows": ahead.rows / ahead.batches, "least": _LEAST_BATCHES}
    return [
        _Measured(
            ahead=ahead,
            work=SecondsRange(low=row.row_low_ms, high=row.row_high_ms).times(ahead.rows / 1_000, ahead.rows / 1_000),
            between=SecondsRange(low=row.between_low_ms / 1_000, high=row.between_high_ms / 1_000),
            batches=row.batches,
            is_same_target=row.is_same_target,
        )
        for row in connection.exec_driver_sql(statement("monitor/past_durations"), values)
    ]


def _combined(measured: Sequence[_Measured], pace: PlannedPace) -> Estimate:
    """Add the targets up, and add the sleeps."""
    batches = sum(found.ahead.batches for found in measured)
    transactions = [_transactions(found, pace) for found in measured]
    work = sum(
        (found.work + found.between.times(*count) for found, count in zip(measured, transactions, strict=True)),
        SecondsRange(),
    )
    sessions = min(pace.parallel, batches)
    in_sessions = work.times(1 / sessions, 1 / _LEAST_GAIN if sessions > 1 else 1)
    sleep = _sleeps(sum(fewest for fewest, _ in transactions), sum(most for _, most in transactions), pace)
    is_same_target = all(found.is_same_target for found in measured)
    counts = [found.batches for found in measured]
    return Estimate(
        total=in_sessions + sleep,
        batches=batches,
        batch=work.times(1 / batches, 1 / batches),
        sleep=sleep,
        # Targets with too few batches of their own share the batches of all targets: these must not be added up.
        measured_batches=sum(counts) if is_same_target else max(counts),
        is_same_target=is_same_target,
        pace=pace,
    )


def _transactions(found: _Measured, pace: PlannedPace) -> tuple[int, int]:
    """Return the fewest and the most transactions: one per batch, or with `auto` as the target time allows."""
    ahead = found.ahead
    if pace.target_ms is None:
        return ahead.batches, ahead.batches
    target_s = pace.target_ms / 1_000
    fewest = max(ahead.fewest_groups, ceil(found.work.low / target_s))
    # Groups start small and stay below the target, and each fund ends with a smaller one.
    most = max(ahead.fewest_groups, ceil(2 * found.work.high / target_s) + ahead.funds)
    return min(ahead.batches, fewest), min(ahead.batches, most)


def _sleeps(fewest: int, most: int, pace: PlannedPace) -> SecondsRange:
    """Return how long the sleeps take: each session sleeps between its own transactions."""

    def seconds(transactions: int) -> float:
        return max(0, ceil(transactions / pace.parallel) - 1) * pace.sleep_ms / 1_000

    return SecondsRange(low=seconds(fewest), high=seconds(most))
