"""Named steps of the work, so that tests can block the program there and kill it.

Each is announced where a crash would be most awkward: before and after statements and commits. Nobody listens in
production.
"""

from collections.abc import Callable
from enum import StrEnum


class Failpoint(StrEnum):
    """A place in the program that a test can stop at."""

    PLAN_STARTED = "plan.started"
    PLAN_BASELINE_RECORDED = "plan.baseline_recorded"
    PLAN_BATCH_RECORDED = "plan.batch_recorded"
    PLAN_RECORDED = "plan.recorded"
    PLAN_BEFORE_COMMIT = "plan.before_commit"
    PLAN_AFTER_COMMIT = "plan.after_commit"
    APPLY_BEFORE_CLAIM = "apply.before_claim"
    APPLY_CLAIM_BEFORE_COMMIT = "apply.claim_before_commit"
    APPLY_CLAIMED = "apply.claimed"
    APPLY_LOCKED = "apply.locked"
    APPLY_ROWS_CHANGED = "apply.rows_changed"
    APPLY_RESULT_RECORDED = "apply.result_recorded"
    APPLY_BEFORE_COMMIT = "apply.before_commit"
    APPLY_AFTER_COMMIT = "apply.after_commit"
    APPLY_BETWEEN_BATCHES = "apply.between_batches"
    APPLY_BEFORE_CLOSE = "apply.before_close"
    ROLLBACK_STARTED = "rollback.started"
    ROLLBACK_BEFORE_COMMIT = "rollback.before_commit"
    ROLLBACK_AFTER_COMMIT = "rollback.after_commit"


_listener: Callable[[Failpoint], None] | None = None


def listen(listener: Callable[[Failpoint], None] | None) -> None:
    """Have every step announced to `listener` (None: to nobody)."""
    global _listener  # noqa: PLW0603 - one process has one harness
    _listener = listener


def failpoint(step: Failpoint) -> None:
    """Say that the program is at `step`."""
    if _listener is not None:
        _listener(step)
