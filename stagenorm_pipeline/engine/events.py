"""What happens while batches are applied, as facts that a terminal, Dagster or a log can show."""

from dataclasses import dataclass

from stagenorm_pipeline.engine.batches import Batch, BatchResult


@dataclass(frozen=True, slots=True)
class WorkFound:
    """What waits in the scope as the work begins; of a failed batch its refused rows alone."""

    batches: int
    rows: int


@dataclass(frozen=True, slots=True)
class BatchStarted:
    """A batch was taken."""

    batch: Batch


@dataclass(frozen=True, slots=True)
class BatchCompleted:
    """A batch has its result; `result.rows_failed` of its rows were refused."""

    batch: Batch
    result: BatchResult


@dataclass(frozen=True, slots=True)
class BatchFailed:
    """A batch was rolled back as a whole; others go on."""

    batch: Batch
    error: str


@dataclass(frozen=True, slots=True)
class BatchHeld:
    """Somebody else works on the batch right now."""

    batch: Batch
    worker: str


@dataclass(frozen=True, slots=True)
class Retrying:
    """An attempt failed for a passing reason; the next one follows after `wait_s` seconds."""

    batch: Batch | None
    error: str
    attempt: int
    wait_s: float


@dataclass(frozen=True, slots=True)
class Sleeping:
    """The pause between two batches, in milliseconds."""

    milliseconds: int


@dataclass(frozen=True, slots=True)
class Paused:
    """Somebody paused all work; this runner waits."""

    reason: str
    changed_by: str


Event = WorkFound | BatchStarted | BatchCompleted | BatchFailed | BatchHeld | Retrying | Sleeping | Paused
