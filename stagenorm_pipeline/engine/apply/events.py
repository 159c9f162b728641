"""The events of applying batches, for a terminal, Dagster or a log to show."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from stagenorm_pipeline.counts import counted
from stagenorm_pipeline.engine.plan.batch_types import Batch, BatchResult


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkFound:
    """The batches and rows that are waiting at the start. Of a failed batch only the refused rows count."""

    batches: int
    rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchStarted:
    """A batch was claimed and starts."""

    batch: Batch


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchCompleted:
    """A batch is committed; `result.rows_failed` of its rows were refused."""

    batch: Batch
    result: BatchResult


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchFailed:
    """A batch was rolled back as a whole; the other batches continue."""

    batch: Batch
    error: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchTaken:
    """Another runner has the batch."""

    batch: Batch
    worker: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Retrying:
    """An attempt failed with a passing error; the next one follows after `wait_s` seconds."""

    batch: Batch | None
    error: str
    attempt: int
    wait_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Sleeping:
    """The runner sleeps between two batches."""

    milliseconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Paused:
    """All work is paused; the runner waits."""

    reason: str
    changed_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupSplit:
    """A group of batches was rolled back. Its batches are retried in smaller groups."""

    batches: int
    reason: str

    def __str__(self) -> str:
        return f"A transaction of {self.batches} batches was rolled back; retrying with fewer: {self.reason}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Throttled:
    """The runner is throttled. Repeated every minute. `reason` may quote the database."""

    reason: str
    since: datetime

    def __str__(self) -> str:
        return f"Throttled since {self.since:%H:%M:%S %Z}: {self.reason}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ThrottleEnded:
    """The runner continues after it was throttled for `seconds`."""

    reason: str
    seconds: float

    def __str__(self) -> str:
        return f"Continuing after {self.seconds:.1f} s of throttling: {self.reason}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unwatched:
    """A throttler cannot read what it watches and never could. Reported once; the runner continues without it.

    `is_wrong`: there may be something that it cannot see. Otherwise there is nothing to watch, as on many servers.
    """

    throttler: str
    reason: str
    remedy: str
    is_wrong: bool = True

    def __str__(self) -> str:
        return f"Not watched ({self.throttler}): {self.reason}. What to do: {self.remedy}."


@dataclass(frozen=True, slots=True, kw_only=True)
class CanaryStarted:
    """The batches of a canary were chosen."""

    batches: int
    rows: int
    funds: int

    def __str__(self) -> str:
        return (
            f"Canary: {counted(self.rows, 'row')} in {counted(self.batches, 'batch')} of {counted(self.funds, 'fund')}"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CanaryPassed:
    """The canary is applied and as it should be."""

    def __str__(self) -> str:
        return "The canary passed rules 1 to 5. Going on with the rest."


@dataclass(frozen=True, slots=True, kw_only=True)
class FundsExcluded:
    """The batches of these funds stay as they are."""

    funds: tuple[str, ...]

    def __str__(self) -> str:
        return f"Left out, protected or excluded: {', '.join(self.funds)}"


class SessionLimit(StrEnum):
    """Why a runner has fewer sessions than asked for."""

    NONE = "none"
    BATCHES = "no more batches were waiting"
    CONNECTIONS = "the server has no more free connections for this role"


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionsTuned:
    """The runner was tuned to `asked` sessions and will have `sessions`."""

    sessions: int
    asked: int
    limit: SessionLimit

    def __str__(self) -> str:
        now = f"Going on with {counted(self.sessions, 'session')}"
        return now if self.limit is SessionLimit.NONE else f"{now} instead of {self.asked}: {self.limit}"


Event = (
    WorkFound
    | BatchStarted
    | BatchCompleted
    | BatchFailed
    | BatchTaken
    | Retrying
    | Sleeping
    | Paused
    | Throttled
    | ThrottleEnded
    | Unwatched
    | GroupSplit
    | CanaryStarted
    | CanaryPassed
    | FundsExcluded
    | SessionsTuned
)
