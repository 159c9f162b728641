"""A program run by `child_process` ends with its parent, whatever kills either of them."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from stagenorm_pipeline_tests.support.processes import is_running
from stagenorm_pipeline_tests.support.waiting import wait_until

WRAPPER = [sys.executable, "-m", "stagenorm_pipeline.local.child_process"]
# A parent that starts what its arguments say with a pipe to it, and then waits to be killed.
PARENT = "import subprocess, sys, time; p = subprocess.Popen(sys.argv[1:], stdin=subprocess.PIPE); time.sleep(1000)"
# A program with a child; it writes the process ids of both to a file.
FAMILY = 'sleep 1000 & echo "$! $$" > "$0.part"; mv "$0.part" "$0"; wait'


def family(note: Path) -> list[int]:
    """Read the process ids that FAMILY wrote."""
    wait_until(note.exists, "the program has started its child")
    return [int(pid) for pid in note.read_text().split()]


def wait_until_gone(pids: list[int]) -> None:
    wait_until(lambda: not any(map(is_running, pids)), "the program and its child are gone")


def test_sigkill_of_the_parent_ends_the_program_and_its_child(tmp_path: Path) -> None:
    note = tmp_path / "pids"
    parent = subprocess.Popen([sys.executable, "-c", PARENT, *WRAPPER, "sh", "-c", FAMILY, str(note)])
    pids = family(note)
    parent.kill()
    parent.wait()
    wait_until_gone(pids)


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_stop_signal_ends_the_program_and_its_child(tmp_path: Path, signum: signal.Signals) -> None:
    note = tmp_path / "pids"
    wrapper = subprocess.Popen([*WRAPPER, "sh", "-c", FAMILY, str(note)], stdin=subprocess.PIPE)
    pids = family(note)
    wrapper.send_signal(signum)
    assert wrapper.wait() == 128 + signal.SIGTERM
    wait_until_gone(pids)


def test_orphan_of_the_program_is_ended(tmp_path: Path) -> None:
    note = tmp_path / "pids"
    leaving = FAMILY.replace("wait", "exit 3")
    wrapper = subprocess.Popen([*WRAPPER, "sh", "-c", leaving, str(note)], stdin=subprocess.PIPE)
    assert wrapper.wait() == 3
    wait_until_gone(family(note))


def test_program_that_ignores_sigterm_is_killed(tmp_path: Path) -> None:
    note = tmp_path / "pids"
    impatient = "import sys; from stagenorm_pipeline.local import child_process; child_process._GRACE_SECONDS = 0.2; "
    deaf = "trap '' TERM; " + FAMILY
    wrapper = subprocess.Popen(
        [sys.executable, "-c", impatient + "sys.exit(child_process.run(sys.argv[1:]))", "sh", "-c", deaf, str(note)],
        stdin=subprocess.PIPE,
    )
    pids = family(note)
    wrapper.terminate()
    assert wrapper.wait() == 128 + signal.SIGKILL
    wait_until_gone(pids)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux signals a child when its parent dies")
def test_sigkill_of_the_wrapper_ends_the_program(tmp_path: Path) -> None:
    note = tmp_path / "pids"
    wrapper = subprocess.Popen([*WRAPPER, "sh", "-c", FAMILY, str(note)], stdin=subprocess.PIPE)
    child, program = family(note)
    wrapper.kill()
    wrapper.wait()
    wait_until_gone([program])
    os.kill(child, signal.SIGKILL)  # the kernel signals only the program, not its child
