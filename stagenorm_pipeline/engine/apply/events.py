"""What happens while batches are applied, as facts that a terminal, Dagster or a log can show."""

from dataclasses import dataclass
from datetime import datetime

from stagenorm_pipeline.engine.plan.batch import Batch, BatchResult


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkFound:
    """What waits in the scope as the work begins; of a failed batch its refused rows alone."""

    batches: int
    rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchStarted:
    """A batch was taken."""

    batch: Batch


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchCompleted:
    """A batch has its result; `result.rows_failed` of its rows were refused."""

    batch: Batch
    result: BatchResult


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchFailed:
    """A batch was rolled back as a whole; others go on."""

    batch: Batch
    error: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchTaken:
    """Somebody else works on the batch right now."""

    batch: Batch
    worker: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Retrying:
    """An attempt failed for a passing reason; the next one follows after `wait_s` seconds."""

    batch: Batch | None
    error: str
    attempt: int
    wait_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Sleeping:
    """The pause between two batches, in milliseconds."""

    milliseconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Paused:
    """Somebody paused all work; this runner waits."""

    reason: str
    changed_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupSplit:
    """Batches that were to share a transaction did not go through together; nothing changed, fewer are tried next."""

    batches: int
    reason: str

    def __str__(self) -> str:
        return f"{self.batches} batches did not go through in one transaction, fewer follow: {self.reason}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Throttled:
    """The throttle keeps the next batch from starting; said again each minute. `reason` may quote the database."""

    reason: str
    since: datetime

    def __str__(self) -> str:
        return f"Holding since {self.since:%H:%M:%S %Z}: {self.reason}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ThrottleEnded:
    """The throttle lets the work go on, after `seconds` of holding for `reason`."""

    reason: str
    seconds: float

    def __str__(self) -> str:
        return f"Going on after {self.seconds:.1f} s of holding: {self.reason}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unwatched:
    """Something that the throttle would watch has never been visible; said once, the work goes on without.

    `is_wrong`: it may be there unseen. Otherwise there is nothing of the kind, as on many servers.
    """

    throttler: str
    reason: str
    remedy: str
    is_wrong: bool = True

    def __str__(self) -> str:
        return f"Not watched ({self.throttler}): {self.reason}. What to do: {self.remedy}."


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
)
