"""Wait for something that another process or thread does."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def wait_until(
    look: Callable[[], T | None], what: str = "the condition holds", *, seconds: float = 60, poll_s: float = 0.02
) -> T:
    """Call `look` until it returns something true, and return that.

    `what` says in the error what did not happen. The bound ends a failed test; it measures nothing.
    """
    deadline = time.monotonic() + seconds
    while not (value := look()):
        assert time.monotonic() < deadline, f"waited {seconds:g} s for this: {what}"
        time.sleep(poll_s)
    return value
