"""Handle Ctrl-C, and the TERM signal of a service manager.

An interrupt ends a command within two seconds, even if the server does not answer. While batches are applied, the first
interrupt only asks to stop after the current batch. Both are safe: PostgreSQL rolls back what was not committed.
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
WHAT_NOW: Final = "Every batch is either complete or untouched. To see the progress: stagenorm status"

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)

# Time to cancel the statement on the server and to close files, within the two seconds.
_GRACE_S: Final = 1.2

# Clears the line of a progress bar, and shows the cursor that the bar has hidden.
_RESTORE_SCREEN: Final = b"\r\x1b[K\x1b[?25h"


class _Watch:
    """Counts interrupts in its own thread, and ends the process if the main thread does not end in time.

    Python runs no signal handler while the main thread is inside the C library, for example in a DNS look-up.
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
            # The thread then reads the end of the pipe, and ends.
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
    """Raise KeyboardInterrupt at the first interrupt, and end the process two seconds later at the latest."""
    global _watch  # noqa: PLW0603 - a process has one set of signal handlers
    # A shell that starts us in the background ignores Ctrl-C for us; it is not meant for this process then.
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
    """Yield a function that says whether to stop. The first interrupt asks to stop, the second ends the command."""
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
            # The thread may not have counted yet what was handled here, so its own count is not enough.
            _watch.needed = max(_watch.count, before + count) + 1


def second_interrupt_ends() -> None:
    """Leave the first interrupt from now on to the caller, who may take any time. The second ends the process."""
    if _watch:
        _watch.needed = _watch.count + 2


def _leave() -> None:
    """End the process at once. Nothing is lost: the server rolls back what was not committed."""
    # os.write: this is another thread, and the main thread may hold the locks of the standard streams.
    if sys.platform != "win32" and os.isatty(2):
        _write(_RESTORE_SCREEN)
    _write(_message_at_end())
    os._exit(exit_codes.FAILED)


def _message_at_end() -> bytes:
    message = f"{INTERRUPTED} The server did not answer in time."
    if os.environ.get("LOG_FORMAT") == "json":
        import json

        return json.dumps({"level": "ERROR", "message": message, "remedy": WHAT_NOW}).encode() + b"\n"
    return f"Error: {message}\n  {WHAT_NOW}\n".encode()


def _write(text: bytes) -> None:
    with suppress(OSError):
        if select.select([], [2], [], 0)[1]:
            os.write(2, text)
