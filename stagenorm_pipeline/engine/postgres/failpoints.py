"""Named places where tests stop or kill the program: before and after statements and commits.

In production nothing listens, and there are no gates.
"""

from collections.abc import Callable, Mapping
from enum import StrEnum


class Failpoint(StrEnum):
    """A place where a test can stop the program."""

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
_gates: Mapping[Failpoint, str] = {}


def listen(listener: Callable[[Failpoint], None] | None) -> None:
    """Call `listener` at every failpoint. None: stop calling it."""
    global _listener  # noqa: PLW0603 - one process runs one test
    _listener = listener


def is_listening() -> bool:
    """Tell whether anything listens. Statements are then sent one by one: within a message the program cannot stop."""
    return _listener is not None


def failpoint(place: Failpoint) -> None:
    """Tell the listener that the program is at `place`."""
    if _listener is not None:
        _listener(place)


def set_gates(gates: Mapping[Failpoint, str]) -> None:
    """Make the server wait inside a message: at each failpoint it runs a statement of the test."""
    global _gates  # noqa: PLW0603 - one process runs one test
    _gates = gates


def gate(place: Failpoint) -> tuple[str, ...]:
    """Return what a message contains at `place`: nothing, or the statement of the test."""
    return (_gates[place],) if place in _gates else ()
