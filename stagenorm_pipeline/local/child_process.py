"""Run a child process that exits when its parent does, even after SIGKILL.

`python -m stagenorm_pipeline.local.child_process CMD ARGS...` runs CMD in its own process group. The whole group ends
when standard input ends (because the parent closed the pipe or died) or on SIGTERM or SIGINT. Exits with CMD's code, or
with 128 + the signal number if a signal ended CMD.
"""

import contextlib
import os
import select
import signal
import subprocess
import sys
import time

from stagenorm_pipeline.local.parent_death import adopt_orphans, signal_on_parent_death

_GRACE_SECONDS = 10.0
_STOPS = (signal.SIGTERM, signal.SIGINT)


def run(command: list[str]) -> int:
    """Run the command to its end, or until this process is told to stop. Leaves no process of its group behind.

    Returns the exit code.
    """
    wake_up = _signals_as_bytes()
    die_with_parent = signal_on_parent_death(signal.SIGTERM)  # in case this process itself gets SIGKILL
    child = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        process_group=0,
        preexec_fn=die_with_parent,  # noqa: PLW1509 - there is one thread only
    )
    _wait_until_stopped(child, wake_up)
    _end_group(child)
    code = child.wait()
    return code if code >= 0 else 128 - code


def _signals_as_bytes() -> int:
    """Return a descriptor on which each signal arrives as a byte, so that one select() can wait for everything."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    signal.set_wakeup_fd(writing)
    for signum in (*_STOPS, signal.SIGCHLD):
        signal.signal(signum, lambda *_: None)
    return reading


def _wait_until_stopped(child: subprocess.Popen[bytes], wake_up: int) -> None:
    while child.poll() is None:
        ready, _, _ = select.select([sys.stdin.fileno(), wake_up], [], [])
        if sys.stdin.fileno() in ready and not os.read(sys.stdin.fileno(), 4096):
            return
        woken = os.read(wake_up, 4096) if wake_up in ready else b""
        if any(signum in woken for signum in _STOPS):
            return


def _end_group(child: subprocess.Popen[bytes]) -> None:
    """Send SIGTERM to every process of the group, and SIGKILL to those that are left after the grace period."""
    # To reap orphans here: in many containers init does not, and each stop would last the whole grace period.
    adopt_orphans()
    deadline = time.monotonic() + _GRACE_SECONDS
    alive = _signal_group(child.pid, signal.SIGTERM)
    while alive and time.monotonic() < deadline:
        time.sleep(0.05)
        _reap(child)
        alive = _signal_group(child.pid, 0)
    if alive:
        _signal_group(child.pid, signal.SIGKILL)


def _reap(child: subprocess.Popen[bytes]) -> None:
    """Reap ended processes, which would stay in the group. The child comes first, because its exit code is needed."""
    if child.poll() is not None:
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-child.pid, os.WNOHANG)[0]:
                pass


def _signal_group(group: int, signum: int) -> bool:
    """Send the signal. Returns False if the group is empty (macOS reports PermissionError if only zombies are left)."""
    try:
        os.killpg(group, signum)
    except (ProcessLookupError, PermissionError):
        return False
    return True


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
