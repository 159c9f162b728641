"""What became of each fund in one apply, told from its events. Pure."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from stagenorm_pipeline.engine.apply.events import BatchCompleted, BatchFailed, Event
from stagenorm_pipeline.engine.plan.batch import Batch, BatchResult, PlanKind


@dataclass(frozen=True, slots=True, kw_only=True)
class FundResult:
    """A fund's batches that this apply did. `first_error`: what the database said first where it refused something."""

    batches: int = 0
    failed: int = 0
    rows: BatchResult = field(default_factory=BatchResult)
    first_error: str | None = None


class FundTotals:
    """Listens to `apply_batches`, which may do plans of both kinds."""

    def __init__(self) -> None:
        self._funds: dict[tuple[PlanKind, str | None], FundResult] = {}

    def __call__(self, event: Event) -> None:
        match event:
            case BatchCompleted(batch=batch, result=result):
                self._add(batch, result, result.refusals[0].message if result.refusals else None)
            case BatchFailed(batch=batch, error=error):
                self._add(batch, BatchResult(), error)

    def before(self, watch: Callable[[Event], None]) -> Callable[[Event], None]:
        """A listener that hears for this one, and then for `watch`."""

        def listen(event: Event) -> None:
            self(event)
            watch(event)

        return listen

    def funds(self, kind: PlanKind) -> Iterator[tuple[str | None, FundResult]]:
        """The result of each fund of which a batch ended, with its id, in the order of the work."""
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
