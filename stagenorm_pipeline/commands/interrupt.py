"""Ctrl-C, and the TERM signal of a service manager: stop politely first, at once if asked again."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import FrameType


@contextmanager
def stop_on_interrupt() -> Iterator[Callable[[], bool]]:
    """The first Ctrl-C asks to stop after the current batch; the second one interrupts at once. Both are safe."""
    from stagenorm_pipeline.terminal import say_in_handler

    asked = False

    def ask(signum: int, frame: FrameType | None) -> None:  # noqa: ARG001 - the signature of a handler
        nonlocal asked
        if asked:
            raise KeyboardInterrupt
        asked = True
        say_in_handler("Stopping after the current batch; press Ctrl-C again to stop at once.", "WARN")

    previous = {signum: signal.signal(signum, ask) for signum in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: asked
    finally:
        for signum, handler in previous.items():
            signal.signal(signum, handler)
