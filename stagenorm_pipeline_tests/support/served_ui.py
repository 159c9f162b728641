"""Run `stagenorm ui` on the demo's database, in a home directory of its own."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

# Variables that would point it to another database or another Dagster instance.
_ELSEWHERE = ("DATABASE_URL", "STAGENORM_DAGSTER_URL", "STAGENORM_CONFIG", "DAGSTER_HOME")


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedUi:
    """A running UI. `said` is what the command printed before it answered."""

    url: str
    said: str

    @property
    def database_url(self) -> str:
        """The URL of the demo's database, as the command prints it."""
        found = re.search(r"export DATABASE_URL='(.+)'", self.said)
        assert found, self.said
        return found[1]


@contextmanager
def served_ui(home: Path, *options: str, environment: Mapping[str, str] | None = None) -> Iterator[ServedUi]:
    """Start the UI and wait until it answers; at the end stop it as Ctrl-C does. `environment`: more variables."""
    port = _free_port()
    command = subprocess.Popen(
        [sys.executable, "-m", "stagenorm_pipeline.cli.main", "ui", "--port", str(port), *options],
        env={
            **{k: v for k, v in os.environ.items() if k not in _ELSEWHERE},
            **(environment or {}),
            "STAGENORM_HOME": str(home),
        },
        cwd=home,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield ServedUi(url=f"http://127.0.0.1:{port}", said=_until_it_answers(command))
    finally:
        command.send_signal(signal.SIGINT)
        command.communicate()


def _until_it_answers(command: subprocess.Popen[str]) -> str:
    assert command.stdout is not None
    said = ""
    for line in command.stdout:
        said += line
        if "Ctrl-C stops it" in line:
            return said
    raise AssertionError(f"`stagenorm ui` ended:\n{said}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
