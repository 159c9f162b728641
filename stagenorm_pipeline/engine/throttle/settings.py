"""The bounds of every throttler, with their defaults. docs/throttling.md says where each number comes from."""

from dataclasses import dataclass, field
from enum import StrEnum

from stagenorm_pipeline.errors import ConfigurationError

MEGABYTE = 1_000_000


class ThrottlerName(StrEnum):
    """The names of the throttlers in the log, in `status` and for `ignore` in stagenorm.toml."""

    REPLICA_LAG = "replica_lag"
    REPLICA_URL = "replica_url"
    LOCK_QUEUE = "lock_queue"
    VACUUM = "vacuum"
    WAL_RATE = "wal_rate"
    CHECKPOINTS = "checkpoints"


LAG_THROTTLERS = frozenset({ThrottlerName.REPLICA_LAG, ThrottlerName.REPLICA_URL})


@dataclass(frozen=True, slots=True, kw_only=True)
class ThrottleSettings:
    """When to throttle and when to continue. A `resume_...` of None is half of its `max_...`.

    `replica_urls` are replicas to ask directly. They may contain passwords, so no representation shows them. Raises
    ConfigurationError for bounds that could never be met.
    """

    ignore: frozenset[ThrottlerName] = frozenset()
    replica_urls: tuple[str, ...] = field(default=(), repr=False)
    max_lag_seconds: float = 10.0
    resume_lag_seconds: float | None = None
    max_lag_mb: float = 256.0
    resume_lag_mb: float | None = None
    max_lock_wait_ms: int = 1_000
    max_lock_waiters: int = 5
    max_vacuum_hold_seconds: float = 600.0
    max_wal_mb_per_second: float = 64.0
    resume_wal_mb_per_second: float | None = None
    max_forced_checkpoints: int = 2
    probe_interval_ms: int = 1_000
    probe_timeout_ms: int = 500

    def __post_init__(self) -> None:
        for bound, resume in (
            ("max_lag_seconds", "resume_lag_seconds"),
            ("max_lag_mb", "resume_lag_mb"),
            ("max_wal_mb_per_second", "resume_wal_mb_per_second"),
        ):
            throttle_above, continue_below = getattr(self, bound), getattr(self, resume)
            if continue_below is not None and not 0 < continue_below <= throttle_above:
                raise ConfigurationError(
                    f"{resume} = {continue_below:g} must be above 0 and not above {bound} = {throttle_above:g}.",
                    remedy=f"Lower {resume}, or leave it out: then it is half of {bound}.",
                )
