"""Finish the current batch when Dagster terminates a run.

Dagster's own signal handler raises an exception at any point. PostgreSQL would roll the batch back, so no data would be
wrong. But its work would be lost, and its status would stay `running`.
"""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def deferred_termination() -> Iterator[Callable[[], bool]]:
    """Record SIGINT and SIGTERM instead of raising. Yields a function that says whether one arrived.

    Do not `yield` to Dagster inside: it installs its own signal handlers between two events. Outside the main thread
    this does nothing, because only the main thread receives signals.
    """
    received = threading.Event()

    def record(signum: int, frame: FrameType | None) -> None:  # noqa: ARG001 - the signature of a signal handler
        received.set()

    if threading.current_thread() is not threading.main_thread():
        yield received.is_set
        return
    previous = {signum: signal.signal(signum, record) for signum in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield received.is_set
    finally:
        for signum, handler in previous.items():
            signal.signal(signum, handler)
