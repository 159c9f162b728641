"""How many batches of a group may share a transaction."""

from collections.abc import Sequence

from stagenorm_pipeline.config.auto_batch_size import MAX_GROUP_SIZE
from stagenorm_pipeline.engine.apply.outcome import Completed, Outcome, Split
from stagenorm_pipeline.engine.plan.batch_types import Batch


class GroupSize:
    """The most batches that may share a transaction: halved after a split, doubled after success.

    Bisecting finds the bad batch in O(log n) attempts. The size does not grow again before the split group is past.
    """

    def __init__(self) -> None:
        self.most = MAX_GROUP_SIZE
        self._split_until = (0, 0)

    def adapt(self, batches: Sequence[Batch], outcomes: Sequence[Outcome]) -> None:
        """Adapt the size to what happened to the group."""
        last = (batches[-1].plan_id, batches[-1].number)
        if any(isinstance(outcome, Split) for outcome in outcomes):
            self.most = max(1, len(batches) // 2)
            self._split_until = last
        elif last >= self._split_until and all(
            isinstance(outcome, Completed) and not outcome.result.refusals for outcome in outcomes
        ):
            self.most = min(MAX_GROUP_SIZE, 2 * self.most)
