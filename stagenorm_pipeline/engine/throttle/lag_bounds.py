"""The verdict on one replica, whoever told of it: behind by time or by bytes, with hysteresis. Pure."""

from stagenorm_pipeline.config.throttle import MEGABYTE, ThrottleSettings
from stagenorm_pipeline.engine.throttle.hysteresis import Hysteresis


class LagBounds:
    """Remembers whether this replica is being waited for."""

    def __init__(self, settings: ThrottleSettings) -> None:
        self._seconds = Hysteresis(settings.max_lag_seconds, settings.resume_lag_seconds)
        self._megabytes = Hysteresis(settings.max_lag_mb, settings.resume_lag_mb)

    def take(self, name: str, behind_s: float, behind_bytes: int) -> str | None:
        """Why to wait for the replica `name`; None when it is near enough."""
        behind_mb = behind_bytes / MEGABYTE
        late, far = self._seconds.take(behind_s), self._megabytes.take(behind_mb)
        if not late and not far:
            return None
        bounds = [
            f"{bound.go_below:g}{unit}"
            for bound, unit, holds in ((self._seconds, " s", late), (self._megabytes, " MB", far))
            if holds
        ]
        return (
            f"replica {name} is {behind_s:.1f} s and {behind_mb:,.1f} MB behind; goes on below {' and '.join(bounds)}"
        )
