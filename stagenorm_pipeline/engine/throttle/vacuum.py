"""Holds while a vacuum works on the table that comes next, but for no vacuum longer than a bound.

A vacuum of an administrator's counts like one of autovacuum's: it loads the same disks, and what we change meanwhile
is what it cannot clean up. The bound is there because a vacuum of a large table takes hours.
"""

from stagenorm_pipeline.config.throttle import ThrottlerName, ThrottleSettings
from stagenorm_pipeline.engine.throttle.probe import Reading


class VacuumOnTable:
    """Remembers since when each vacuum has been in the way."""

    name = ThrottlerName.VACUUM
    is_asked_for = False

    def __init__(self, settings: ThrottleSettings) -> None:
        self._longest_s = settings.max_vacuum_hold_seconds
        self._since: dict[tuple[str, int], float] = {}

    def look(self, reading: Reading, table: str) -> str | None:
        at_work = {(vacuum.table, vacuum.pid): vacuum for vacuum in reading.vacuums}
        self._since = {key: since for key, since in self._since.items() if key in at_work}
        reasons = []
        for key, vacuum in at_work.items():
            if vacuum.table != table:
                continue
            since = self._since.setdefault(key, reading.at)
            if reading.at - since < self._longest_s:
                kind = "autovacuum" if vacuum.is_auto else "VACUUM"
                reasons.append(f"{kind} (process {vacuum.pid}) is at work on {table}")
        return f"{'; '.join(reasons)}; goes on after it, or after {self._longest_s:g} s" if reasons else None

    def close(self) -> None:
        """Holds nothing open."""
