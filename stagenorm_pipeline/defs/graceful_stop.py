"""Terminate, taken as a request: the batch at work is finished first.

Dagster's own handler raises in the middle of whatever runs. PostgreSQL would roll that batch back, so nothing breaks
either way; but its work would be lost, and a run that was stopped politely should not leave a batch that says running.
"""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def interrupts_noted() -> Iterator[Callable[[], bool]]:
    """While inside, an interrupt is noted instead of raised; what is yielded says whether there was one.

    Must not be held across a `yield` to Dagster, which puts its own handlers in place between two events. Does nothing
    outside the main thread, where no signal arrives.
    """
    noted = threading.Event()

    def note(signum: int, frame: FrameType | None) -> None:  # noqa: ARG001 - the signature of a handler
        noted.set()

    if threading.current_thread() is not threading.main_thread():
        yield noted.is_set
        return
    before = {signum: signal.signal(signum, note) for signum in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield noted.is_set
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)
