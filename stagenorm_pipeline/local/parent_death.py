"""What the kernel can do about processes that outlive their parents. On Linux only.

Elsewhere these do nothing, and the caller's own means (an inherited lock, a pipe's end of file) must do.
"""

import ctypes
import os
import signal
import sys
from collections.abc import Callable

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36


def signal_on_parent_death(signum: signal.Signals) -> Callable[[], None]:
    """A `preexec_fn` that has the kernel send `signum` to the child when the thread that started it ends.

    As a preexec_fn, and not earlier: changing the user clears the setting, and preexec_fn runs after that.
    """
    if sys.platform != "linux":
        return lambda: None
    prctl = ctypes.CDLL(None).prctl
    parent = os.getpid()

    def arm() -> None:
        prctl(_PR_SET_PDEATHSIG, int(signum), 0, 0, 0)
        if os.getppid() != parent:  # it died before the setting was made: nobody would tell us any more
            os.kill(os.getpid(), signal.SIGKILL)

    return arm


def adopt_orphans() -> None:
    """Makes this process, and not init, the parent of its descendants whose own parent dies."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
