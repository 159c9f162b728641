"""Build readings of the primary, second by second, for tests of throttlers."""

from typing import Any

from stagenorm_pipeline.engine.throttle.probe import Reading, Replica, Vacuum, Waiter
from stagenorm_pipeline.engine.throttle.throttler import Throttler

TABLE = "public.portfoliocompanies"
OTHER = "public.deal_opportunities"
MB = 1_000_000


def at(second: float, written: int = 0, **seen: Any) -> Reading:
    return Reading(at=float(second), written=written, max_wal_bytes=1_000 * MB, **seen)


def replica(behind: int = 0, *, written: int = 0, name: str = "one", lag_s: float | None = None) -> Replica:
    return Replica(name=name, replayed=written - behind, lag_s=lag_s)


def hidden(name: str = "one") -> Replica:
    return Replica(name=name, replayed=None, lag_s=None)


def vacuum(table: str = TABLE, pid: int = 7, *, is_auto: bool = True) -> Vacuum:
    return Vacuum(table=table, pid=pid, is_auto=is_auto)


def behind_us(waited_ms: int, pid: int = 9) -> Waiter:
    return Waiter(pid=pid, waited_ms=waited_ms, is_behind_us=True, table=None)


def for_the_table(waited_ms: int, table: str = TABLE) -> Waiter:
    return Waiter(pid=9, waited_ms=waited_ms, is_behind_us=False, table=table)


def throttles(throttler: Throttler, *readings: Reading) -> list[bool]:
    """Tell after each reading whether it throttles."""
    return [throttler.reason(reading, TABLE) is not None for reading in readings]
