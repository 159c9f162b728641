"""A batch, its result, and its refused rows."""

from dataclasses import dataclass, field
from enum import StrEnum

from stagenorm_pipeline.engine.targets.funds import fund_key
from stagenorm_pipeline.engine.targets.target_id import TargetId


class PlanKind(StrEnum):
    """What a plan does. Its audit rows have the same `action`."""

    NORMALIZE = "normalize"
    ROLLBACK = "rollback"


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """One batch of a plan: batch `number` of `total_batches`. `was_tried`: it failed, as a whole or in part."""

    plan_id: int
    batch_id: int
    number: int
    total_batches: int
    target: TargetId
    fund_id: str | None
    rows_planned: int
    kind: PlanKind = PlanKind.NORMALIZE
    was_tried: bool = False

    @property
    def fund_key(self) -> str:
        return fund_key(self.fund_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A row that the database refused: its place in the batch (from 1), and the error."""

    place: int
    message: str
    sqlstate: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedRow:
    """A refused row by its key, to show."""

    batch: Batch
    row_id: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchResult:
    """What happened to the rows of a batch: updated + skipped_changed + skipped_deleted + failed = planned.

    `log_ids`: the lowest and the highest id of the log entries that this attempt wrote, if any.
    """

    rows_updated: int = 0
    rows_skipped_changed: int = 0
    rows_skipped_deleted: int = 0
    refusals: tuple[Refusal, ...] = ()
    duration_ms: int = 0
    log_ids: tuple[int, int] | None = field(default=None, compare=False)

    @property
    def rows_skipped(self) -> int:
        return self.rows_skipped_changed + self.rows_skipped_deleted

    @property
    def rows_failed(self) -> int:
        return len(self.refusals)

    def __add__(self, other: "BatchResult") -> "BatchResult":
        return BatchResult(
            rows_updated=self.rows_updated + other.rows_updated,
            rows_skipped_changed=self.rows_skipped_changed + other.rows_skipped_changed,
            rows_skipped_deleted=self.rows_skipped_deleted + other.rows_skipped_deleted,
            refusals=self.refusals + other.refusals,
            duration_ms=self.duration_ms + other.duration_ms,
            log_ids=_span(self.log_ids, other.log_ids),
        )


def _span(one: tuple[int, int] | None, other: tuple[int, int] | None) -> tuple[int, int] | None:
    """Return the lowest and the highest id of both."""
    if one is None or other is None:
        return one or other
    return min(one[0], other[0]), max(one[1], other[1])
