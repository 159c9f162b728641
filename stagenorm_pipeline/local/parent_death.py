"""Use Linux's means against processes that outlive their parents.

On other systems these functions do nothing, and callers rely on an inherited lock or a pipe's end of file.
"""

import ctypes
import os
import signal
import sys
from collections.abc import Callable

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36


def signal_on_parent_death(signum: signal.Signals) -> Callable[[], None]:
    """Return a `preexec_fn` that makes the kernel send `signum` to the child when the thread that started it ends.

    It is a preexec_fn because changing the user clears the setting, and preexec_fn runs after that.
    """
    if sys.platform != "linux":
        return lambda: None
    prctl = ctypes.CDLL(None).prctl
    parent = os.getpid()

    def arm() -> None:
        prctl(_PR_SET_PDEATHSIG, int(signum), 0, 0, 0)
        if os.getppid() != parent:  # the parent died before the setting was made, so no signal would come
            os.kill(os.getpid(), signal.SIGKILL)

    return arm


def adopt_orphans() -> None:
    """Make this process, and not init, the parent of descendants whose own parent dies."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
