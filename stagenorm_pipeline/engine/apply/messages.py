"""The messages of a session: each runs a group, and claims the next batch for the message after it where possible."""

from collections.abc import Sequence

from stagenorm_pipeline.engine.apply.batch_message import IncompleteError, Sent, send_batches
from stagenorm_pipeline.engine.apply.claim import Claimed, release_claim
from stagenorm_pipeline.engine.apply.shared_work import SharedWork
from stagenorm_pipeline.engine.plan.batch_types import Batch, BatchResult
from stagenorm_pipeline.engine.targets.target import Target
from stagenorm_pipeline.engine.throttle.probe import Waiter

# After so many messages without a skipped row, the next ones of at most so many rows leave out the statement that
# records skipped rows. If a row is skipped then, its message is sent again, which costs as much as about 20 of them.
_SURE_AFTER = 32
_SURE_ROWS = 1_000

# The results of batches in one transaction, and the sessions that waited for it.
Ran = tuple[tuple[BatchResult, ...], tuple[Waiter, ...]]


class Messages:
    """Sends the messages of one session.

    `ahead`: the batch that the last message claimed. It runs next, or is released. `reads_waiters`: whether a message
    reads which sessions wait behind it.
    """

    def __init__(self, shared: SharedWork) -> None:
        self._shared = shared
        self.ahead: Claimed | None = None
        self.reads_waiters = shared.waits.has_throttle
        # Whether the next message must check that the batch may run. Not again after an error: it may have committed.
        self._must_check = False
        self._unclaimed: tuple[Batch, ...] = ()
        self._complete_in_a_row = 0

    def take_ahead(self) -> Claimed | None:
        """Return the batch that the last message claimed, for the next message to run it. None: it claimed none."""
        taken, self.ahead = self.ahead, None
        self._must_check = taken is not None
        return taken

    def take_unclaimed(self) -> tuple[Batch, ...]:
        """Return the batch that the last message should have claimed and no session will come to any more, if any."""
        taken, self._unclaimed = self._unclaimed, ()
        return taken

    def release_ahead(self) -> tuple[Batch, ...]:
        """Undo the claim of the next batch, because something comes before it. Returns the batch, if there is one."""
        if self.ahead is None:
            return ()
        batches, self.ahead = self.ahead.batches, None
        for batch in batches:
            self.release(batch)
        return batches

    def release(self, batch: Batch) -> None:
        """Undo the claim of a batch, unless another runner has claimed it since."""

        def release() -> None:
            with self._shared.transaction() as connection:
                release_claim(connection, batch, worker=self._shared.request.worker)

        self._shared.with_retries(release, batch)

    def send(self, batches: Sequence[Batch], target: Target, *, may_claim: bool) -> Ran:
        """Send the batches and, if `may_claim`, claim the next one where possible. Raises as `send_batches`."""
        following = self._shared.take_following(batches[-1]) if may_claim else None
        sent: Sent | None = None
        try:
            sent = self._send_complete(batches, target, following)
        finally:
            if following:
                self._note_claim(following, sent)
        return sent.results, sent.waiters

    def _note_claim(self, following: Batch, sent: Sent | None) -> None:
        """Note whether the message claimed the batch. `sent` None: it failed, and claimed none."""
        if sent and sent.ahead is not None:
            self.ahead = Claimed(batches=(following,), has_more=True, tuning=sent.ahead)
        elif not self._shared.give_back(following):
            self._unclaimed = (following,)

    def _send_complete(self, batches: Sequence[Batch], target: Target, following: Batch | None) -> Sent:
        try:
            sent = self._send(batches, target, following)
        except IncompleteError:
            self._complete_in_a_row = 0
            sent = self._send(batches, target, following)
        is_complete = not any(result.rows_skipped for result in sent.results)
        self._complete_in_a_row = self._complete_in_a_row + 1 if is_complete else 0
        return sent

    def _send(self, batches: Sequence[Batch], target: Target, following: Batch | None) -> Sent:
        request = self._shared.request
        must_check, self._must_check = self._must_check, False
        return send_batches(
            self._shared.database,
            batches,
            target,
            worker=request.worker,
            run_by=request.run_by,
            bounds=request.bounds,
            following=following,
            were_claimed_ahead=must_check,
            records_skipped=self._complete_in_a_row < _SURE_AFTER
            or sum(batch.rows_planned for batch in batches) > _SURE_ROWS,
            reads_waiters=self.reads_waiters,
        )
