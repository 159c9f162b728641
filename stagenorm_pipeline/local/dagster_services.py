"""Run Dagster's processes behind `stagenorm ui`: the web server and the daemon, or the web server alone for readers.

Each runs as a `child_process`, so that none outlives the command.

Both use one code server. With one each, the daemon starts a new one every minute, for 4 s of CPU. It listens on a
socket in a directory of this user: a TCP port would run code for every user of the machine. It is a `dagster
code-server`, because that loads changed code when someone presses Reload. The read-only UI starts its own.
"""

import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import stagenorm_pipeline
from stagenorm_pipeline.errors import StagenormError
from stagenorm_pipeline.local.instance_lock import instance_lock

LOOPBACK = "127.0.0.1"
_LOCATION = "stagenorm"
# Read by `defs.definitions`. Elsewhere, forking after such imports is untried.
_WARM_RUNS = {"STAGENORM_WARM_RUNS": "1"} if sys.platform == "linux" else {}
_WEB_SERVER = "stagenorm_pipeline.local.web_server"
_INSTANCE_SETTINGS = Path(__file__).with_name("dagster.yaml")
_EVERYWHERE = "0.0.0.0"  # noqa: S104 - only compared with


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """The host and port of the UI."""

    port: int
    host: str = LOOPBACK

    @property
    def reachable_host(self) -> str:
        """The host name by which this machine reaches the UI."""
        return LOOPBACK if self.host == _EVERYWHERE else self.host

    @property
    def url(self) -> str:
        return f"http://{self.reachable_host}:{self.port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Service:
    name: str
    process: subprocess.Popen[bytes]
    log: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class _CodeServer:
    """The code server of the web server and the daemon: its socket, and the workspace file that names the socket."""

    socket: Path
    workspace: Path

    @property
    def command(self) -> list[str]:
        where = ["--socket", str(self.socket), "--location-name", _LOCATION]
        return ["dagster", "code-server", "start", *where, "--module-name", "stagenorm_pipeline.defs"]


def run_services(
    home: Path,
    *,
    dagster_url: str,
    app_url: str,
    say: Callable[[str], None],
    address: Address,
    workspace: Path | None = None,
    inherited_fds: tuple[int, ...] = (),
    owns_runs: bool = False,
) -> None:
    """Serve Dagster's UI until Ctrl-C or SIGTERM. Leaves no process running.

    `dagster_url`: the PostgreSQL database of Dagster's own storage. `app_url`: the database of the targets. `say` gets
    lines for the user. `workspace`: by default one with a shared code server. `inherited_fds`: descriptors that stay
    open until the services have ended, even if this process is killed. With the embedded server's lease among them, a
    run can still record its end. `owns_runs`: only this function starts runs in this storage, so runs that a crash left
    unfinished are reported as failed.

    Raises StagenormError if the port is in use, before anything is started, and if a service dies.
    """
    _check_port(address)
    environment = _environment(home, dagster_url, DATABASE_URL=app_url)
    # For the alert, which links to the page of the failed run.
    environment.setdefault("STAGENORM_UI_URL", address.url)
    # Where the pages find a report: on this server.
    environment.setdefault("STAGENORM_REPORT_URL", "/reports")
    environment["STAGENORM_REPORT_DATABASE_URL"] = app_url

    def prepare() -> None:
        _prepare_instance(environment, home / "logs", leftovers=owns_runs)

    with tempfile.TemporaryDirectory(prefix="stagenorm-") as directory:
        code = _code_server(Path(directory)) if workspace is None else None
        workspace_file = str(code.workspace if code else workspace)
        commands = {
            "webserver": [_WEB_SERVER, "-h", address.host, "-p", str(address.port), "-w", workspace_file],
            "daemon": ["dagster._daemon", "run", "-w", workspace_file],
        }
        what = "The Dagster UI"
        _serve(commands, environment, address, home, inherited_fds, say, prepare=prepare, code=code, what=what)


def run_read_only(
    home: Path,
    *,
    dagster_url: str,
    app_url: str | None = None,
    say: Callable[[str], None],
    address: Address,
    workspace: Path | None = None,
    inherited_fds: tuple[int, ...] = (),
) -> None:
    """Serve a read-only UI of the same storage, without a daemon, with or without `run_services` beside it.

    It gets no `DATABASE_URL`, because nothing can be started there. `app_url`: where to read the reports that the pages
    link to. None: the links say what to set.
    """
    _check_port(address)
    environment = _environment(home, dagster_url)
    environment.pop("DATABASE_URL", None)
    workspace_file = str(workspace or _project_file("workspace.yaml"))
    if app_url:
        environment["STAGENORM_REPORT_DATABASE_URL"] = app_url
    server = [_WEB_SERVER, "--read-only", "-h", address.host, "-p", str(address.port), "-w", workspace_file]
    what = "The read-only Dagster UI"
    _serve({"webserver-read-only": server}, environment, address, home, inherited_fds, say, what=what)


def _serve(
    commands: Mapping[str, list[str]],
    environment: dict[str, str],
    address: Address,
    home: Path,
    inherited_fds: tuple[int, ...],
    say: Callable[[str], None],
    *,
    what: str,
    prepare: Callable[[], None] = lambda: None,
    code: _CodeServer | None = None,
) -> None:
    """Start the first command, the web server, while `prepare` runs, and the other ones when the page answers."""
    logs = home / "logs"
    services: list[_Service] = []
    web_server, *others = commands.items()
    with _signals_interrupt():
        try:
            say(f"Starting the Dagster UI. Logs: {logs}")
            with instance_lock(home) as lock:
                lock.exclusive()
                if code is not None:
                    services.append(_start("code", code.command, logs, {**environment, **_WARM_RUNS}, inherited_fds))
                    environment = {**environment, "STAGENORM_CODE_SOCKET": str(code.socket)}
                services.append(_start(*web_server, logs, environment, inherited_fds))
                prepare()
            _wait_for_page(services, address)
            # Only now: the daemon needs the prepared storage, and its imports would delay the page by 2 s.
            services += [_start(*other, logs, environment, inherited_fds) for other in others]
            say(f"{what} is at {address.url} - Ctrl-C stops it.")
            while True:
                _check_alive(services)
                time.sleep(0.5)
        except KeyboardInterrupt:
            say("Stopping.")
        finally:
            _stop(services)


def _check_port(address: Address) -> None:
    with socket.socket() as probe:
        # SO_REUSEADDR as the web server sets it: a port in TIME_WAIT is free, a port with a listener is not.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address.host, address.port))
        except OSError as error:
            raise StagenormError(
                f"Port {address.port} of {address.host} cannot be used: {error.strerror}.",
                remedy="Is another `stagenorm ui` running? Stop it, or choose another port: --port 3002 "
                "(make ui PORT=3002).",
            ) from error


def _environment(home: Path, dagster_url: str, **more: str) -> dict[str, str]:
    """Copy `dagster.yaml` to where Dagster looks for it, and return the environment of the services."""
    dagster_home = home / "dagster"
    dagster_home.mkdir(parents=True, exist_ok=True)
    # Replaced in one step, because a run that another UI of this home is launching may be reading it.
    shutil.copyfile(_INSTANCE_SETTINGS, dagster_home / f"dagster.yaml.{os.getpid()}")
    (dagster_home / f"dagster.yaml.{os.getpid()}").replace(dagster_home / "dagster.yaml")
    # SQLAlchemy 2.1 reads a bare postgresql:// as psycopg 3, with which dagster-postgres fails on its first event.
    storage_url = "postgresql+psycopg2://" + dagster_url.partition("://")[2]
    return {
        **os.environ,
        "STAGENORM_HOME": str(home),
        "DAGSTER_HOME": str(dagster_home),
        "STAGENORM_DAGSTER_URL": storage_url,
        **more,
    }


def _prepare_instance(environment: dict[str, str], logs: Path, *, leftovers: bool) -> None:
    logs.mkdir(parents=True, exist_ok=True)
    log = logs / "instance.log"
    command = [
        sys.executable,
        "-m",
        "stagenorm_pipeline.defs.instance_setup",
        *(["--fail-orphaned-runs"] if leftovers else []),
    ]
    with log.open("wb") as output:
        code = subprocess.run(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, check=False
        ).returncode
    if code:
        raise StagenormError("Dagster's storage could not be prepared.", remedy=f"See {log}.")


def _project_file(name: str) -> Path:
    """Find a file of the project's top level. In an installed package it is inside the package."""
    package = Path(stagenorm_pipeline.__file__).parent
    return next(path for path in (package / name, package.parent / name) if path.exists())


def _start(
    name: str, arguments: list[str], logs: Path, environment: dict[str, str], inherited_fds: tuple[int, ...]
) -> _Service:
    logs.mkdir(parents=True, exist_ok=True)
    log = logs / f"{name}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "stagenorm_pipeline.local.child_process", sys.executable, "-m", *arguments],
            env=environment,
            stdin=subprocess.PIPE,  # end of file tells `child_process` that we have ended
            stdout=output,
            stderr=subprocess.STDOUT,
            pass_fds=inherited_fds,  # only for `child_process`: its own child does not inherit them
        )
    return _Service(name=name, process=process, log=log)


def _code_server(directory: Path) -> _CodeServer:
    """Describe the code server, and write the workspace file that names its socket."""
    code = _CodeServer(socket=directory / "code.sock", workspace=directory / "workspace.yaml")
    code.workspace.write_text(
        f"load_from:\n  - grpc_server: {{socket: {json.dumps(str(code.socket))}, location_name: {_LOCATION}}}\n"
    )
    return code


def _wait_for_page(services: list[_Service], address: Address) -> None:
    while True:
        _check_alive(services)
        # Not urllib, because that would use a proxy from the environment.
        page = http.client.HTTPConnection(address.reachable_host, address.port, timeout=5)
        try:
            page.request("GET", "/server_info")
            if page.getresponse().status == http.HTTPStatus.OK:
                return
        except (OSError, http.client.HTTPException):
            pass
        finally:
            page.close()
        time.sleep(0.2)


def _check_alive(services: list[_Service]) -> None:
    for service in services:
        code = service.process.poll()
        if code is not None:
            lines = service.log.read_text(errors="replace").splitlines()[-20:]
            tail = "\n".join(f"  {line}" for line in lines)
            raise StagenormError(
                f"The Dagster {service.name} ended with code {code}. The end of {service.log}:\n{tail}",
                remedy="Fix what the log names and start the UI again. Everything that was recorded is kept.",
            )


def _stop(services: list[_Service]) -> None:
    """Stop all services at once. Returns when each has ended with all its children, after about 10 s at most."""
    for service in services:
        if service.process.stdin:
            service.process.stdin.close()
    for service in services:
        service.process.wait()


@contextmanager
def _signals_interrupt() -> Iterator[None]:
    """Make SIGTERM and a closed terminal work like Ctrl-C, and make Ctrl-C work in a background job too."""
    signals = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {signum: signal.signal(signum, signal.default_int_handler) for signum in signals}
    try:
        yield
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)
