"""Judge the lag of one replica, in seconds and in bytes, with hysteresis."""

from stagenorm_pipeline.config.throttle import MEGABYTE, ThrottleSettings
from stagenorm_pipeline.engine.throttle.hysteresis import Hysteresis


class LagBounds:
    """The bounds for one replica, and whether the runner is waiting for it."""

    def __init__(self, settings: ThrottleSettings) -> None:
        self._seconds = Hysteresis(settings.max_lag_seconds, settings.resume_lag_seconds)
        self._megabytes = Hysteresis(settings.max_lag_mb, settings.resume_lag_mb)

    def reason(self, name: str, behind_s: float, behind_bytes: int) -> str | None:
        """Return why to wait for the replica `name`; None if its lag is within the bounds."""
        behind_mb = behind_bytes / MEGABYTE
        is_late, is_far = self._seconds.update(behind_s), self._megabytes.update(behind_mb)
        if not is_late and not is_far:
            return None
        bounds = [
            f"{bound.continue_below:g}{unit}"
            for bound, unit, is_exceeded in ((self._seconds, " s", is_late), (self._megabytes, " MB", is_far))
            if is_exceeded
        ]
        return (
            f"replica {name} is {behind_s:.1f} s and {behind_mb:,.1f} MB behind; continues below {' and '.join(bounds)}"
        )
