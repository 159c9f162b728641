"""Locks that the kernel lets go by itself when their holder dies, kill -9 included.

flock() and not fcntl()'s record locks, because a flock belongs to the open file and not to the process: handed to a
child through `pass_fds` it stays held until both have closed it or died. All else is closed on exec, so that nothing
leaks to other children.
"""

import fcntl
import os
from pathlib import Path
from types import TracebackType
from typing import Self


class FileLock:
    """One open lock file; each instance is a holder of its own, even within one process."""

    def __init__(self, path: Path) -> None:
        self.fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def shared(self) -> None:
        """Waits for as long as somebody holds the lock exclusively."""
        fcntl.flock(self.fd, fcntl.LOCK_SH)

    def exclusive(self) -> None:
        """Waits for as long as anybody holds the lock."""
        fcntl.flock(self.fd, fcntl.LOCK_EX)

    def try_shared(self) -> bool:
        return self._try(fcntl.LOCK_SH)

    def try_exclusive(self) -> bool:
        return self._try(fcntl.LOCK_EX)

    def _try(self, kind: int) -> bool:
        try:
            fcntl.flock(self.fd, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def close(self) -> None:
        """Lets go of this holder's copy; a child that was given the descriptor keeps the lock."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
