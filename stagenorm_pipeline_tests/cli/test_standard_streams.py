"""Test closed, full and broken standard streams, and Ctrl-C during imports: never a stack trace."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest

from stagenorm_pipeline_tests.support.command_line import stagenorm_here

_STAGENORM = f"{sys.executable} -m stagenorm_pipeline"


def _shell(line: str, url: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), "DATABASE_URL": url}
    script = f'set -o pipefail; stagenorm() {{ {_STAGENORM} "$@"; }}; {line}'
    return subprocess.run(
        ["bash", "-c", script], env=environment, capture_output=True, text=True, timeout=120, check=False
    )


@pytest.mark.parametrize(
    ("line", "code", "error"),
    [
        ("stagenorm inventory <&- >&- 2>&-", 0, ""),
        ("stagenorm inventory >/dev/full", 1, "Error: The output cannot be written: No space left on device."),
        ("stagenorm --help >/dev/full", 1, "Error: The output cannot be written: No space left on device."),
        ("stagenorm inventory >/dev/full 2>/dev/full", 1, ""),
        ("stagenorm inventory --table nonsense 2>/dev/full", 2, ""),
        ("stagenorm inventory | true", 1, ""),
        ("stagenorm --help | head -1 >/dev/null", 0, ""),
        # Each line starts an interpreter. These close one stream of the first line's three.
        *(
            pytest.param(line, code, "", marks=pytest.mark.soak)
            for line, code in (
                ("stagenorm inventory 2>&-", 0),
                ("stagenorm inventory >&-", 0),
                ("stagenorm inventory --table nonsense 2>&-", 2),
            )
        ),
    ],
)
def test_unwritable_streams_leave_no_stack_trace(application_url: str, line: str, code: int, error: str) -> None:
    ran = _shell(line, application_url)
    assert "Traceback" not in ran.stdout + ran.stderr
    assert "Exception ignored" not in ran.stderr
    lines = [line for line in ran.stderr.splitlines() if not line.startswith(("Before a run", "Apply "))]
    assert (ran.returncode, lines[0] if lines else "") == (code, error), ran.stderr


def test_run_with_unwritable_log_stops_between_batches(ready_url: str) -> None:
    ran = _shell("stagenorm run --yes --sleep-ms 0 --batch-size 10 >/dev/full", ready_url)
    assert ran.returncode == 1
    assert "Traceback" not in ran.stderr
    with psycopg.connect(ready_url) as user:
        counts = user.execute(
            "SELECT (SELECT coalesce(sum(rows_updated), 0) FROM stage_migration_batches), "
            "(SELECT count(*) FROM stage_normalization_log)"
        ).fetchone()
    assert counts is not None
    assert counts[0] == counts[1]


def test_report_is_written_although_nobody_reads_the_terminal_output(ready_url: str, tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    assert _shell(f"stagenorm verify --output {report} | true", ready_url).returncode == 1
    assert json.loads(report.read_text())["kind"] == "verification"


def test_closed_standard_error_is_not_taken_by_a_connection(ready_url: str, tmp_path: Path) -> None:
    backup = tmp_path / "backup.gz"
    assert _shell(f"stagenorm backup --output {backup} >&- 2>&-", ready_url).returncode == 0
    assert stagenorm_here("backup", "verify", str(backup), url=ready_url).code == 0


@pytest.mark.parametrize(
    "after_s",
    [0.2, 0.5, *(pytest.param(seconds, marks=pytest.mark.soak) for seconds in (0.1, 0.3, 0.8))],
)
def test_ctrl_c_during_imports_leaves_no_stack_trace(after_s: float) -> None:
    program = [sys.executable, "-c", _SLOW_IMPORTS, "inventory"]
    with subprocess.Popen(program, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        # Before that it is Python that starts, and not this program.
        process.stdout.readline()
        time.sleep(after_s)
        process.send_signal(signal.SIGINT)
        _, error = process.communicate(timeout=60)
    assert process.returncode == 1, error
    assert error.startswith("Error: Interrupted."), error
    assert "Traceback" not in error


# Each module takes a moment to be found, as from a slow disk.
_SLOW_IMPORTS = """
import sys, time
from stagenorm_pipeline.__main__ import main
class Slow:
    def find_spec(self, name, path=None, target=None):
        time.sleep(0.01)
sys.meta_path.insert(0, Slow())
print(flush=True)
main()
"""
