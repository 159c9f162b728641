"""Throttle while a replication slot makes the server keep too much WAL: its disk would fill up.

An inactive slot counts too. Nothing but its owner makes it smaller, so the run waits until somebody looks at it.
"""

from stagenorm_pipeline.config.throttle import MEGABYTE, ThrottlerName, ThrottleSettings
from stagenorm_pipeline.engine.throttle.hysteresis import Hysteresis
from stagenorm_pipeline.engine.throttle.probe import Reading, Slot

# The server has begun to remove the slot's WAL (max_slot_wal_keep_size). Its consumer has until the next checkpoint.
_ABOUT_TO_BE_LOST = "unreserved"


class WalRetained:
    """Compare the WAL that each slot retains with the bound."""

    name = ThrottlerName.WAL_RETAINED
    is_required = False

    def __init__(self, settings: ThrottleSettings) -> None:
        self._settings = settings
        self._bounds: dict[str, Hysteresis] = {}

    def reason(self, reading: Reading, table: str) -> str | None:  # noqa: ARG002 - WAL has no table
        return "; ".join(filter(None, map(self._reason, reading.slots))) or None

    def close(self) -> None:
        """Nothing to close."""

    def _reason(self, slot: Slot) -> str | None:
        settings = self._settings
        bound = self._bounds.setdefault(
            slot.name, Hysteresis(settings.max_retained_wal_mb, settings.resume_retained_wal_mb)
        )
        retained_mb = slot.retained / MEGABYTE
        which = f"the {'' if slot.is_active else 'inactive '}replication slot {slot.name}"
        if bound.update(retained_mb):
            return f"{which} retains {retained_mb:,.0f} MB of WAL; continues below {bound.continue_below:g} MB"
        if slot.wal_status == _ABOUT_TO_BE_LOST:
            return f"{which} is about to lose WAL that it needs (wal_status unreserved); continues when it catches up"
        return None
