"""Look up whether a process runs, and its parent."""

import os
import subprocess
from pathlib import Path


def is_running(pid: int) -> bool:
    """Whether the process exists and is no zombie (whose reaping is a matter of the machine's init)."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return not _status(pid)[0].startswith(("Z", "X", "?"))


def parent_of(pid: int) -> int:
    return int(_status(pid)[1])


def _status(pid: int) -> tuple[str, str]:
    """The state and the parent of a process: from /proc where there is one, because not every machine has ps."""
    if Path("/proc/self").exists():
        try:
            state, parent, *_ = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            return "?", "0"
        return state, parent
    shown = subprocess.run(["ps", "-o", "stat=,ppid=", "-p", str(pid)], capture_output=True, text=True, check=False)
    state, _, parent = shown.stdout.strip().partition(" ")
    return state or "?", parent.strip() or "0"
