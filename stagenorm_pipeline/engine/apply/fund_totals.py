"""Add up the result of each fund from the events of one apply."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from stagenorm_pipeline.engine.apply.events import BatchCompleted, BatchFailed, Event
from stagenorm_pipeline.engine.plan.batch_types import Batch, BatchResult, PlanKind


@dataclass(frozen=True, slots=True, kw_only=True)
class FundResult:
    """The batches of a fund that this apply ran. `first_error`: the first error of the database, if there was one."""

    batches: int = 0
    failed: int = 0
    rows: BatchResult = field(default_factory=BatchResult)
    first_error: str | None = None


class FundTotals:
    """Listen to the events of `apply_batches`, which may apply plans of both kinds."""

    def __init__(self) -> None:
        self._funds: dict[tuple[PlanKind, str | None], FundResult] = {}

    def __call__(self, event: Event) -> None:
        match event:
            case BatchCompleted(batch=batch, result=result):
                self._add(batch, result, result.refusals[0].message if result.refusals else None)
            case BatchFailed(batch=batch, error=error):
                self._add(batch, BatchResult(), error)

    def before(self, watch: Callable[[Event], None]) -> Callable[[Event], None]:
        """Return a listener that passes each event to this one, and then to `watch`."""

        def listen(event: Event) -> None:
            self(event)
            watch(event)

        return listen

    def funds(self, kind: PlanKind) -> Iterator[tuple[str | None, FundResult]]:
        """Return the id and result of each fund with a finished batch, in the order in which they ran."""
        return ((fund_id, result) for (of_kind, fund_id), result in self._funds.items() if of_kind is kind)

    def _add(self, batch: Batch, result: BatchResult, error: str | None) -> None:
        key = (batch.kind, batch.fund_id)
        so_far = self._funds.get(key, FundResult())
        self._funds[key] = replace(
            so_far,
            batches=so_far.batches + 1,
            failed=so_far.failed + (error is not None),
            rows=so_far.rows + result,
            first_error=so_far.first_error or error,
        )
