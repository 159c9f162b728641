"""The Dagster services of `stagenorm ui`: they start and stop together."""

import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from stagenorm_pipeline.errors import StagenormError
from stagenorm_pipeline.local import dagster_services
from stagenorm_pipeline.local.dagster_services import Address, run_read_only, run_services
from stagenorm_pipeline.local.ui import require_only_ui
from stagenorm_pipeline_tests.support.forked_programs import forks
from stagenorm_pipeline_tests.support.processes import is_running
from stagenorm_pipeline_tests.support.server_homes import new_server_home
from stagenorm_pipeline_tests.support.waiting import wait_until

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="finds processes by their environment in /proc")

DEFINITIONS = "import dagster\n\n\n@dagster.asset\ndef only() -> None: ...\n"
WORKSPACE = "load_from:\n  - python_file: {relative_path: definitions.py, location_name: trial}\n"
BROKEN = "  - python_file: {relative_path: broken.py, location_name: broken}\n"
NOWHERE = "postgresql://127.0.0.1:1/nowhere"
LOCATIONS = """{ workspaceOrError { ... on Workspace { locationEntries { name locationOrLoadError {
    __typename ... on RepositoryLocation { repositories { assetNodes { assetKey { path } } } } } } } } }"""


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    """A home directory with two workspaces, one of them with a broken code location."""
    directory = new_server_home()
    (directory / "definitions.py").write_text(DEFINITIONS)
    (directory / "broken.py").write_text("raise RuntimeError('broken on purpose')\n")
    (directory / "workspace.yaml").write_text(WORKSPACE)
    (directory / "broken.yaml").write_text(WORKSPACE + BROKEN)
    yield directory
    wait_until(lambda: not processes_of(directory), "all services are gone")
    shutil.rmtree(directory)


@pytest.fixture
def port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def serve(home: Path, workspace: str, port: int, *kind: str) -> subprocess.Popen[str]:
    user = [sys.executable, "-m", "stagenorm_pipeline_tests.support.dagster_services_program"]
    return subprocess.Popen(
        [*user, home, home / workspace, str(port), *kind],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for_address(command: subprocess.Popen[str], port: int) -> None:
    assert command.stdout is not None
    for line in command.stdout:
        if f"http://127.0.0.1:{port}" in line:
            return
    pytest.fail(f"no address: {command.communicate()[1]}")


def processes_of(home: Path) -> list[int]:
    """Find the processes of the home: services, their code servers and runs, the supervisor, and PostgreSQL."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            known = (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes()
        except OSError:
            continue
        if os.fsencode(home) in known and is_running(int(entry.name)):
            found.append(int(entry.name))
    return found


def ask(port: int, query: str) -> str:
    page = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    page.request("POST", "/graphql", json.dumps({"query": query}), {"Content-Type": "application/json"})
    answer = page.getresponse().read().decode()
    page.close()
    return answer


# With the daemon it starts seven interpreters with Dagster in them, without it two.
@pytest.mark.parametrize("kind", ["read-only", pytest.param("", marks=pytest.mark.soak)])
def test_sigkill_of_the_command_leaves_no_service(home: Path, port: int, kind: str) -> None:
    command = serve(home, "workspace.yaml", port, kind)
    wait_for_address(command, port)
    assert '["only"]' in ask(port, LOCATIONS)
    command.kill()
    command.communicate()
    wait_until(lambda: not processes_of(home), "all services and the server are gone")


def serve_stub(home: Path, port: int) -> None:
    """Serve a read-only UI whose web server is a stub."""
    os.environ["DATABASE_URL"] = NOWHERE
    dagster_services._WEB_SERVER = "stagenorm_pipeline_tests.support.stub_web_server"
    run_read_only(home, dagster_url=NOWHERE, say=list[str]().append, address=Address(port=port))


def started_with(port: int) -> Any:
    """What a stub was started with; nothing while it does not answer."""
    page = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        page.request("GET", "/")
        return json.loads(page.getresponse().read())
    except OSError:
        return None
    finally:
        page.close()


def test_read_only_ui_is_one_process_that_sigterm_stops(home: Path, port: int) -> None:
    command = forks.Process(target=serve_stub, args=(home, port))
    command.start()
    wait_until(lambda: started_with(port), "the stub answers")
    started = started_with(port)
    assert "--read-only" in started["arguments"]
    assert "DATABASE_URL" not in started["environment"]
    assert len(processes_of(home)) == 2, "the web server, and the process that watches it"
    command.terminate()
    command.join(60)
    assert command.exitcode == 0
    assert not processes_of(home)


RELOAD = 'mutation { reloadRepositoryLocation(repositoryLocationName: "trial") { __typename } }'


# It starts six interpreters with Dagster in them. What we start, and how it stops, is tested above with a stub.
@pytest.mark.soak
def test_read_only_ui_shows_broken_definitions_and_starts_nothing(home: Path, port: int) -> None:
    command = serve(home, "broken.yaml", port, "read-only")
    wait_for_address(command, port)
    answer = ask(port, LOCATIONS)
    assert '["only"]' in answer
    assert answer.count('"PythonError"') == 1
    assert "UnauthorizedError" in ask(port, RELOAD)
    started = [Path(f"/proc/{pid}/cmdline").read_bytes() for pid in processes_of(home)]
    assert not any(b"dagster._daemon" in line for line in started)
    command.send_signal(signal.SIGTERM)
    _, errors = command.communicate()
    assert (command.returncode, errors) == (0, "")
    assert not processes_of(home)


def test_home_has_only_one_ui_with_a_daemon(home: Path) -> None:
    with ExitStack() as first, ExitStack() as second:
        require_only_ui(home, first)
        with pytest.raises(StagenormError, match="Another `stagenorm ui`"):
            require_only_ui(home, second)
    with ExitStack() as later:
        require_only_ui(home, later)


def test_failed_service_is_named_with_its_log(home: Path, port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dagster_services, "_WEB_SERVER", "no_such_module")
    with pytest.raises(StagenormError, match="The Dagster webserver-read-only ended with code 1") as error:
        run_read_only(home, dagster_url=NOWHERE, say=list[str]().append, address=Address(port=port))
    assert "No module named no_such_module" in error.value.message
    assert not processes_of(home)


def test_port_in_use_is_an_error_before_the_start(home: Path) -> None:
    said: list[str] = []
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = other.getsockname()[1]
        with pytest.raises(StagenormError, match=f"Port {taken}"):
            run_services(home, dagster_url=NOWHERE, app_url=NOWHERE, say=said.append, address=Address(port=taken))
    assert said == []
