"""What is tethered ends with whoever started it."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from stagenorm_pipeline_tests.support.processes import is_running
from stagenorm_pipeline_tests.support.waiting import wait_until

TETHER = [sys.executable, "-m", "stagenorm_pipeline.local.child_process"]
# A parent that starts what its arguments say with a pipe to it, and then waits to be killed.
PARENT = "import subprocess, sys, time; p = subprocess.Popen(sys.argv[1:], stdin=subprocess.PIPE); time.sleep(1000)"
# A program with a child of its own; it notes the process ids of both.
FAMILY = 'sleep 1000 & echo "$! $$" > "$0.part"; mv "$0.part" "$0"; wait'


def family(note: Path) -> list[int]:
    """The process ids that FAMILY has noted."""
    wait_until(note.exists, "the program has started its child")
    return [int(pid) for pid in note.read_text().split()]


def wait_until_gone(pids: list[int]) -> None:
    wait_until(lambda: not any(map(is_running, pids)), "the program and its child are gone")


def test_a_kill_9_of_the_parent_ends_the_program_and_its_child(tmp_path: Path) -> None:
    note = tmp_path / "pids"
    parent = subprocess.Popen([sys.executable, "-c", PARENT, *TETHER, "sh", "-c", FAMILY, str(note)])
    pids = family(note)
    parent.kill()
    parent.wait()
    wait_until_gone(pids)


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_a_polite_kill_of_the_tether_ends_the_program_and_its_child(tmp_path: Path, signum: signal.Signals) -> None:
    note = tmp_path / "pids"
    tether = subprocess.Popen([*TETHER, "sh", "-c", FAMILY, str(note)], stdin=subprocess.PIPE)
    pids = family(note)
    tether.send_signal(signum)
    assert tether.wait() == 128 + signal.SIGTERM
    wait_until_gone(pids)


def test_a_child_that_the_program_leaves_behind_is_ended(tmp_path: Path) -> None:
    note = tmp_path / "pids"
    leaving = FAMILY.replace("wait", "exit 3")
    tether = subprocess.Popen([*TETHER, "sh", "-c", leaving, str(note)], stdin=subprocess.PIPE)
    assert tether.wait() == 3
    wait_until_gone(family(note))


def test_a_program_that_ignores_the_request_is_killed_after_the_grace(tmp_path: Path) -> None:
    note = tmp_path / "pids"
    impatient = "import sys; from stagenorm_pipeline.local import tether; tether._GRACE_SECONDS = 0.2; "
    deaf = "trap '' TERM; " + FAMILY
    tether = subprocess.Popen(
        [sys.executable, "-c", impatient + "sys.exit(tether.run(sys.argv[1:]))", "sh", "-c", deaf, str(note)],
        stdin=subprocess.PIPE,
    )
    pids = family(note)
    tether.terminate()
    assert tether.wait() == 128 + signal.SIGKILL
    wait_until_gone(pids)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child of its parent's death")
def test_a_kill_9_of_the_tether_itself_ends_the_program(tmp_path: Path) -> None:
    note = tmp_path / "pids"
    tether = subprocess.Popen([*TETHER, "sh", "-c", FAMILY, str(note)], stdin=subprocess.PIPE)
    child, program = family(note)
    tether.kill()
    tether.wait()
    wait_until_gone([program])
    os.kill(child, signal.SIGKILL)  # the kernel tells the program only: what that started is its own affair
