"""The first commands of a Dagster user in a clone: those of docs/dagster.md. They need what pyproject.toml says."""

import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Callable
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from stagenorm_pipeline_tests.support.application import COMPANIES, Application
from stagenorm_pipeline_tests.support.documented_commands import fences
from stagenorm_pipeline_tests.support.waiting import wait_until

_REPOSITORY = Path(__file__).parents[2]
# The parts of the page, each a list of commands.
_LISTING, _RUNNING, _BY_FUND = (
    [shlex.split(line) for line in fence.text.splitlines()]
    for fence in fences(_REPOSITORY / "docs" / "dagster.md")
    if fence.note.endswith("test_first_commands.py")
)

Command = Callable[..., str]


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], memory_path: Path) -> Command:
    """Run `dagster` or `dg` in the repository's directory, in this process: importing them takes most of the time.

    Without DAGSTER_HOME they make a temporary instance.
    """
    monkeypatch.setattr(tempfile, "tempdir", str(memory_path))
    for name in [name for name in os.environ if name.startswith(("DAGSTER_", "STAGENORM_"))]:
        monkeypatch.delenv(name)

    def run(*words: str) -> str:
        (program,) = entry_points(group="console_scripts", name=words[0])
        monkeypatch.chdir(_REPOSITORY)
        monkeypatch.setattr(sys, "argv", list(words))
        with pytest.raises(SystemExit) as end:
            program.load()()
        printed = capfd.readouterr()
        assert not end.value.code, printed.out + printed.err
        return printed.out

    return run


def test_listing_and_checking_needs_no_environment(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)

    # Before commands that start a code server, which writes its last line late.
    listed = json.loads(command("dg", "list", "defs", "--json"))
    _, listed_for_people, assets, jobs = (command(*words) for words in _LISTING)
    command("dagster", "definitions", "validate")

    ours = {"stagenorm/stage_inventory", "stagenorm/batch_plan", "stagenorm/normalized_stages"}
    assert ours < set(assets.split())
    assert "batch_plan" in listed_for_people
    assert ours < {asset["asset_key"] for asset in listed["assets"]}
    assert {f"Job: {job['name']}" for job in listed["jobs"]} < set(jobs.splitlines())


def test_assets_and_jobs_run_without_dagster_home(
    command: Command, application: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    application.add(COMPANIES, [(1, "Seed"), (2, "Seed")])
    monkeypatch.setenv("DATABASE_URL", application.url)

    for words in _RUNNING:
        command(*words)

    assert list(application.stages(COMPANIES).values()) == ["seed", "seed"]


def test_partition_runs_after_a_plan_in_the_same_dagster_home(
    command: Command, application: Application, monkeypatch: pytest.MonkeyPatch, memory_path: Path
) -> None:
    application.add(COMPANIES, [(1, "Seed"), (3, "Seed"), (2, "Seed")])
    monkeypatch.setenv("DATABASE_URL", application.url)
    monkeypatch.setenv("DAGSTER_HOME", str(memory_path))

    assert _BY_FUND[0][0] == "mkdir"
    for words in _BY_FUND[1:]:
        command(*words)

    assert list(application.stages(COMPANIES).values()) == ["seed", "Seed", "seed"]


_LOCATIONS = "{ workspaceOrError { ... on Workspace { locationEntries { name locationOrLoadError { __typename } } } } }"


@pytest.mark.soak
@pytest.mark.parametrize("program", ["dagster", "dg"])
def test_development_server_loads_the_definitions(program: str) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    ours = {name: value for name, value in os.environ.items() if not name.startswith(("DAGSTER_", "STAGENORM_"))}
    server = subprocess.Popen(
        [Path(sys.executable).with_name(program), "dev", "-p", port],
        env=ours,
        cwd=_REPOSITORY,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_until(lambda: '"RepositoryLocation"' in _ask(port), "the definitions are loaded", poll_s=0.5)
    finally:
        server.send_signal(signal.SIGINT)
        server.wait(60)


def _ask(port: str) -> str:
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/graphql",
        json.dumps({"query": _LOCATIONS}).encode(),
        {"Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310 - our own page
            return str(answer.read().decode())
    except OSError:
        return ""
