"""Runs a program that must not outlive whoever started it, kill -9 included.

`python -m stagenorm_pipeline.local.child_process CMD ARGS...`: CMD runs in a process group of its own. When this
process's standard input ends (its parent closed the pipe or died) or it gets SIGTERM or SIGINT, the whole group ends.
Exits with CMD's code, or with 128 + the signal's number when a signal ended CMD.
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
    """Runs the command until it ends or is to end; nothing of its process group is left. Gives the exit code."""
    wake_up = _signals_as_bytes()
    tie = signal_on_parent_death(signal.SIGTERM)  # for a kill -9 of the tether itself
    child = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        process_group=0,
        preexec_fn=tie,  # noqa: PLW1509 - there is one thread only
    )
    _wait_for_an_end(child, wake_up)
    _end_group(child)
    code = child.wait()
    return code if code >= 0 else 128 - code


def _signals_as_bytes() -> int:
    """The descriptor on which each signal arrives as a byte, so that one select() waits for all there is."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    signal.set_wakeup_fd(writing)
    for signum in (*_STOPS, signal.SIGCHLD):
        signal.signal(signum, lambda *_: None)
    return reading


def _wait_for_an_end(child: subprocess.Popen[bytes], wake_up: int) -> None:
    while child.poll() is None:
        ready, _, _ = select.select([sys.stdin.fileno(), wake_up], [], [])
        if sys.stdin.fileno() in ready and not os.read(sys.stdin.fileno(), 4096):
            return
        woken = os.read(wake_up, 4096) if wake_up in ready else b""
        if any(signum in woken for signum in _STOPS):
            return


def _end_group(child: subprocess.Popen[bytes]) -> None:
    """Asks every process of the group to end, and makes those that have not after the grace."""
    adopt_orphans()  # to reap them: where init does not, as in many containers, each stop would last the whole grace
    deadline = time.monotonic() + _GRACE_SECONDS
    alive = _signal_group(child.pid, signal.SIGTERM)
    while alive and time.monotonic() < deadline:
        time.sleep(0.05)
        _reap(child)
        alive = _signal_group(child.pid, 0)
    if alive:
        _signal_group(child.pid, signal.SIGKILL)


def _reap(child: subprocess.Popen[bytes]) -> None:
    """Clears away the dead, which would stay in the group; the child first, whose exit code is wanted."""
    if child.poll() is not None:
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-child.pid, os.WNOHANG)[0]:
                pass


def _signal_group(group: int, signum: int) -> bool:
    """False when nobody is left in the group (which macOS calls a matter of permission, for zombies)."""
    try:
        os.killpg(group, signum)
    except (ProcessLookupError, PermissionError):
        return False
    return True


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
