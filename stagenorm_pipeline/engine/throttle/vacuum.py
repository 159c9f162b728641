"""Throttle while a vacuum runs on the table of the next batch, but for no vacuum longer than a bound.

A manual VACUUM counts like autovacuum: it loads the same disks, and it cannot remove the row versions that we create
while it runs. The bound exists because a vacuum of a large table takes hours.
"""

from stagenorm_pipeline.config.throttle import ThrottlerName, ThrottleSettings
from stagenorm_pipeline.engine.throttle.probe import Reading


class VacuumOnTable:
    """Wait for vacuums on the next table, and remember since when it has waited for each."""

    name = ThrottlerName.VACUUM
    is_required = False

    def __init__(self, settings: ThrottleSettings) -> None:
        self._longest_s = settings.max_vacuum_hold_seconds
        self._since: dict[tuple[str, int], float] = {}

    def reason(self, reading: Reading, table: str) -> str | None:
        running = {(vacuum.table, vacuum.pid): vacuum for vacuum in reading.vacuums}
        self._since = {key: since for key, since in self._since.items() if key in running}
        reasons = []
        for key, vacuum in running.items():
            if vacuum.table != table:
                continue
            since = self._since.setdefault(key, reading.at)
            if reading.at - since < self._longest_s:
                kind = "autovacuum" if vacuum.is_auto else "VACUUM"
                reasons.append(f"{kind} (process {vacuum.pid}) is running on {table}")
        return f"{'; '.join(reasons)}; continues after it, or after {self._longest_s:g} s" if reasons else None

    def close(self) -> None:
        """Nothing to close."""
