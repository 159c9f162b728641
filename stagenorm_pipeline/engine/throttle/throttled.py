"""The reason why a runner is throttled."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ThrottleReason:
    """Why no batch starts, and since when."""

    reason: str
    since: datetime
