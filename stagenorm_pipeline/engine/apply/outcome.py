"""What can happen to a claimed batch, or to a group of them, as a closed set of types."""

from dataclasses import dataclass

from stagenorm_pipeline.engine.plan.batch_types import Batch, BatchResult


@dataclass(frozen=True, slots=True, kw_only=True)
class Completed:
    """The batch is committed; `result.rows_failed` of its rows were refused and are in quarantine."""

    batch: Batch
    result: BatchResult


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """The batch was rolled back as a whole."""

    batch: Batch
    error: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """Another runner has the batch; `worker` None: its name is not known."""

    batch: Batch
    worker: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Gone:
    """The batch has nothing left to do: another runner completed it, or it was cancelled or deleted."""

    batch: Batch


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """The group was rolled back. Its batches are retried in smaller groups."""

    batches: tuple[Batch, ...]


Outcome = Completed | Failed | Taken | Gone | Split
