"""Ctrl-C, and the TERM signal of a service manager.

An interrupt ends a command within two seconds, whatever the server does. Where batches are applied the first one only
asks to stop after the current batch. Both are safe: PostgreSQL rolls back what was not committed.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final

from stagenorm_pipeline.cli import exit_codes

if TYPE_CHECKING:
    from types import FrameType

INTERRUPTED: Final = "Interrupted."
WHAT_NOW: Final = "Every batch is either complete or untouched. `stagenorm status` shows how far the work is."

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)

# For cancelling what the server does and closing files. The promise is two seconds.
_GRACE_S: Final = 1.2

# Clears the line of a progress bar, and shows the cursor that the bar has hidden.
_RESTORE_SCREEN: Final = b"\r\x1b[K\x1b[?25h"


class _Watch:
    """Counts interrupts in a thread of its own, and ends the process when the main thread does not end in time.

    The main thread cannot be relied on: it may be in the C library, looking up a host's name, where no handler runs.
    """

    def __init__(self) -> None:
        self.needed = 1
        self.count = 0
        self._reading, self._writing = os.pipe()
        os.set_blocking(self._writing, False)

    @contextmanager
    def watching(self) -> Iterator[None]:
        before = signal.set_wakeup_fd(self._writing, warn_on_full_buffer=False)
        threading.Thread(target=self._follow, daemon=True).start()
        try:
            yield
        finally:
            signal.set_wakeup_fd(before)
            # The thread reads the end of the file, and ends.
            os.close(self._writing)

    def _follow(self) -> None:
        while self.count < self.needed:
            if not (numbers := os.read(self._reading, 64)):
                break
            self.count += sum(number in _SIGNALS for number in numbers)
        else:
            self._wait_for_the_end()
        os.close(self._reading)

    def _wait_for_the_end(self) -> None:
        end = time.monotonic() + _GRACE_S
        while (left := end - time.monotonic()) > 0:
            ready, _, _ = select.select([self._reading], [], [], left)
            if ready and not os.read(self._reading, 64):
                return
        _leave()


_watch: _Watch | None = None


@contextmanager
def ending_on_interrupt() -> Iterator[None]:
    """An interrupt raises KeyboardInterrupt, once; the process ends in two seconds whatever becomes of that."""
    global _watch  # noqa: PLW0603 - a process has one set of signal handlers
    # Ignored by a shell that started us in the background: then Ctrl-C is not meant for us.
    signals = [signum for signum in _SIGNALS if signal.getsignal(signum) is not signal.SIG_IGN]
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    is_raised = False

    def interrupt(signum: int, frame: FrameType | None) -> None:  # noqa: ARG001 - the signature of a handler
        nonlocal is_raised
        if not is_raised:
            is_raised = True
            raise KeyboardInterrupt

    _watch = _Watch()
    previous = {signum: signal.signal(signum, interrupt) for signum in signals}
    try:
        with _watch.watching():
            yield
    finally:
        _watch = None
        for signum, handler in previous.items():
            signal.signal(signum, handler)


@contextmanager
def stop_on_interrupt() -> Iterator[Callable[[], bool]]:
    """The first interrupt asks to stop after the current batch; the second one ends the command."""
    from stagenorm_pipeline.cli.log_lines import say_in_handler

    count = 0

    def ask(signum: int, frame: FrameType | None) -> None:  # noqa: ARG001 - the signature of a handler
        nonlocal count
        count += 1
        if count == 1:
            say_in_handler("Stopping after the current batch; press Ctrl-C again to stop at once.", "WARN")
        elif count == 2:
            raise KeyboardInterrupt

    before = _watch.count if _watch else 0
    second_interrupt_ends()
    previous = {signum: signal.signal(signum, ask) for signum in _SIGNALS}
    try:
        yield lambda: count > 0
    finally:
        for signum, handler in previous.items():
            signal.signal(signum, handler)
        if _watch:
            # Not the watch's count alone: its thread may not have heard yet of what was handled here.
            _watch.needed = max(_watch.count, before + count) + 1


def second_interrupt_ends() -> None:
    """From now on the first interrupt is the caller's, who may take any time; the second one ends the process."""
    if _watch:
        _watch.needed = _watch.count + 2


def _leave() -> None:
    """End the process without waiting for anybody. Nothing is lost: the server rolls back what was not committed."""
    # From a thread: the standard streams may be locked by the main thread, or full.
    if sys.platform != "win32" and os.isatty(2):
        _write(_RESTORE_SCREEN)
    _write(_last_words())
    os._exit(exit_codes.FAILED)


def _last_words() -> bytes:
    message = f"{INTERRUPTED} The server did not answer in time, so this does not wait for it."
    if os.environ.get("LOG_FORMAT") == "json":
        import json

        return json.dumps({"level": "ERROR", "message": message, "remedy": WHAT_NOW}).encode() + b"\n"
    return f"Error: {message}\n  {WHAT_NOW}\n".encode()


def _write(text: bytes) -> None:
    with suppress(OSError):
        if select.select([], [2], [], 0)[1]:
            os.write(2, text)
