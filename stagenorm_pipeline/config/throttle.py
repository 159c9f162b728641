"""The bounds of every throttler, with their defaults: `[throttle]` in stagenorm.toml.

docs/throttling.md says where each number comes from.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated

from pydantic import ConfigDict, Field

from stagenorm_pipeline.config.values import PositiveNumber, PositiveWholeNumber
from stagenorm_pipeline.errors import ConfigurationError

MEGABYTE = 1_000_000


class ThrottlerName(StrEnum):
    """The throttlers, by the names that the log, `status` and `ignore` in stagenorm.toml use."""

    REPLICA_LAG = "replica_lag"
    REPLICA_URL = "replica_url"
    LOCK_QUEUE = "lock_queue"
    VACUUM = "vacuum"
    WAL_RATE = "wal_rate"
    CHECKPOINTS = "checkpoints"
    WAL_RETAINED = "wal_retained"
    ARCHIVE_BACKLOG = "archive_backlog"
    GUARD = "guard"


LAG_THROTTLERS = frozenset({ThrottlerName.REPLICA_LAG, ThrottlerName.REPLICA_URL})


@dataclass(frozen=True, kw_only=True)
class ThrottleSettings:
    """When a runner is throttled, and when it continues. A `resume_...` of None is half of its `max_...`.

    `replica_urls` are replicas that stagenorm connects to. They may hold passwords, so no representation shows them.
    Raises ConfigurationError for bounds that could never be met.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")

    ignore: Annotated[
        frozenset[ThrottlerName], Field(description=f"a list of throttlers ({', '.join(ThrottlerName)})")
    ] = frozenset()
    replica_urls: Annotated[tuple[str, ...], Field(description="a list of PostgreSQL URLs")] = field(
        default=(), repr=False
    )
    max_lag_seconds: PositiveNumber = 10.0
    resume_lag_seconds: PositiveNumber | None = None
    max_lag_mb: PositiveNumber = 256.0
    resume_lag_mb: PositiveNumber | None = None
    max_lock_wait_ms: PositiveWholeNumber = 1_000
    max_lock_waiters: PositiveWholeNumber = 5
    max_vacuum_hold_seconds: PositiveNumber = 600.0
    max_wal_mb_per_second: PositiveNumber = 64.0
    resume_wal_mb_per_second: PositiveNumber | None = None
    max_forced_checkpoints: PositiveWholeNumber = 2
    max_retained_wal_mb: PositiveNumber = 8_000.0
    resume_retained_wal_mb: PositiveNumber | None = None
    max_archive_backlog: PositiveWholeNumber = 64
    probe_interval_ms: PositiveWholeNumber = 1_000
    probe_timeout_ms: PositiveWholeNumber = 500

    def __post_init__(self) -> None:
        for bound, resume in (
            ("max_lag_seconds", "resume_lag_seconds"),
            ("max_lag_mb", "resume_lag_mb"),
            ("max_wal_mb_per_second", "resume_wal_mb_per_second"),
            ("max_retained_wal_mb", "resume_retained_wal_mb"),
        ):
            throttle_above, resume_below = getattr(self, bound), getattr(self, resume)
            if resume_below is not None and not 0 < resume_below <= throttle_above:
                raise ConfigurationError(
                    f"{resume} = {resume_below:g} must be above 0 and not above {bound} = {throttle_above:g}.",
                    remedy=f"Lower {resume}, or remove it: the default is half of {bound}.",
                )
