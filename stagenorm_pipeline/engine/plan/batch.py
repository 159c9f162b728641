"""A batch and its result, as facts."""

from dataclasses import dataclass, field
from enum import StrEnum

from stagenorm_pipeline.engine.targets.funds import fund_key


class PlanKind(StrEnum):
    """What a plan does; also the action of its audit rows."""

    NORMALIZE = "normalize"
    ROLLBACK = "rollback"


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """One batch of a plan; `number` of `total_batches` within it. `was_tried`: it failed, as a whole or in part."""

    plan_id: int
    batch_id: int
    number: int
    total_batches: int
    schema: str
    table: str
    column: str
    fund_id: str | None
    rows_planned: int
    kind: PlanKind = PlanKind.NORMALIZE
    was_tried: bool = False

    @property
    def target(self) -> str:
        return f"{self.schema}.{self.table}.{self.column}"

    @property
    def fund_key(self) -> str:
        return fund_key(self.fund_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A row that the database refused: its place in the batch (from 1), and what was said."""

    place: int
    message: str
    sqlstate: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedRow:
    """A refused row by its key, for people."""

    batch: Batch
    row_id: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchResult:
    """Rows by what became of them: updated + skipped_changed + skipped_deleted + failed = planned.

    `log_ids`: the lowest and the highest id of the log entries of the updated rows, where this attempt wrote any.
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
    """The ids from the lowest to the highest of both."""
    if one is None or other is None:
        return one or other
    return min(one[0], other[0]), max(one[1], other[1])
