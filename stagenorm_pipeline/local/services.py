"""Dagster's processes behind `stagenorm ui`: the web server and the daemon, each with a code server that it manages.

Or the web server alone, for those who only read.

Each runs under a tether, so that nothing outlives the command. What the pages show is `defs`; what is in
`dagster.yaml` and `workspace.yaml` is theirs.

Managed code servers, from a workspace file, and not one `dagster api grpc` for both: that is one second faster to the
page (3.1 against 4.0 s, a trivial definition), but then the UI's Reload does not load changed code, so that a broken
definition could only be mended by a restart; and its TCP port would run code for every user of the machine.
"""

import http.client
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import stagenorm_pipeline
from stagenorm_pipeline.errors import StagenormError

LOOPBACK = "127.0.0.1"
_EVERYWHERE = "0.0.0.0"  # noqa: S104 - only compared with


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where the pages are served."""

    port: int
    host: str = LOOPBACK

    @property
    def reachable_host(self) -> str:
        """By what this machine finds them."""
        return LOOPBACK if self.host == _EVERYWHERE else self.host

    @property
    def url(self) -> str:
        return f"http://{self.reachable_host}:{self.port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Service:
    name: str
    tether: subprocess.Popen[bytes]
    log: Path


def run_services(
    home: Path,
    *,
    dagster_url: str,
    app_url: str,
    say: Callable[[str], None],
    address: Address,
    workspace: Path | None = None,
    hold: tuple[int, ...] = (),
    owns_runs: bool = False,
) -> None:
    """Serves Dagster's UI until Ctrl-C or SIGTERM, and leaves nothing running.

    `dagster_url` is the PostgreSQL database for Dagster's own storage, `app_url` the one to work on; `say` gets lines
    for the user. The workspace is the project's own where none is given. `hold` are descriptors that stay open until
    the services are gone, even when this process is killed: with the embedded server's lease among them, a run can
    still record its end. `owns_runs`: every run of this storage belonged to an earlier call of this function, so that
    those which a crash left unfinished are reported as failed.
    Raises StagenormError when the port is taken, before anything is started, and when a service dies.
    """
    _check_port(address)
    environment = _environment(home, dagster_url, DATABASE_URL=app_url)
    # For the alert, which names the page of the run that failed.
    environment.setdefault("STAGENORM_UI_URL", address.url)
    workspace_file = str(workspace or _project_file("workspace.yaml"))
    commands = {
        "webserver": ["dagster_webserver", "-h", address.host, "-p", str(address.port), "-w", workspace_file],
        "daemon": ["dagster._daemon", "run", "-w", workspace_file],
    }

    def prepare() -> None:
        _prepare_instance(environment, home / "logs", leftovers=owns_runs)

    _serve(commands, environment, address, home / "logs", hold, say, prepare=prepare, what="The Dagster UI")


def run_read_only(
    home: Path,
    *,
    dagster_url: str,
    say: Callable[[str], None],
    address: Address,
    workspace: Path | None = None,
    hold: tuple[int, ...] = (),
) -> None:
    """Serves the pages of the same storage for reading alone, beside `run_services` or without it; no daemon.

    It knows no database to work on: nothing that it shows needs one, and nothing can be started there.
    """
    _check_port(address)
    environment = _environment(home, dagster_url)
    environment.pop("DATABASE_URL", None)
    workspace_file = str(workspace or _project_file("workspace.yaml"))
    server = ["dagster_webserver", "--read-only", "-h", address.host, "-p", str(address.port), "-w", workspace_file]
    what = "The Dagster UI, for reading only,"
    _serve({"webserver-read-only": server}, environment, address, home / "logs", hold, say, what=what)


def _serve(
    commands: Mapping[str, list[str]],
    environment: dict[str, str],
    address: Address,
    logs: Path,
    hold: tuple[int, ...],
    say: Callable[[str], None],
    *,
    what: str,
    prepare: Callable[[], None] = lambda: None,
) -> None:
    services: list[_Service] = []
    with _signals_interrupt():
        try:
            say(f"Starting the Dagster UI. Logs: {logs}")
            prepare()
            for name, arguments in commands.items():
                services.append(_start(name, arguments, logs, environment, hold))
            _wait_for_page(services, address)
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
        # As the web server does it: a port in TIME_WAIT is free, one that somebody listens on is not.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address.host, address.port))
        except OSError as error:
            raise StagenormError(
                f"Port {address.port} of {address.host} cannot be used: {error.strerror}.",
                remedy="Is another `stagenorm ui` running? Stop it, or choose another port.",
            ) from error


def _environment(home: Path, dagster_url: str, **more: str) -> dict[str, str]:
    """The services' environment; puts Dagster's settings where Dagster looks for them."""
    dagster_home = home / "dagster"
    dagster_home.mkdir(parents=True, exist_ok=True)
    # In one step: another UI of this home may be launching a run, which reads its settings from here.
    shutil.copyfile(_project_file("dagster.yaml"), dagster_home / f"dagster.yaml.{os.getpid()}")
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
    """A file of the project's top level, which an installed package carries inside."""
    package = Path(stagenorm_pipeline.__file__).parent
    return next(path for path in (package / name, package.parent / name) if path.exists())


def _start(name: str, arguments: list[str], logs: Path, environment: dict[str, str], hold: tuple[int, ...]) -> _Service:
    logs.mkdir(parents=True, exist_ok=True)
    log = logs / f"{name}.log"
    with log.open("wb") as output:
        tether = subprocess.Popen(
            [sys.executable, "-m", "stagenorm_pipeline.local.child_process", sys.executable, "-m", *arguments],
            env=environment,
            stdin=subprocess.PIPE,  # its end of file tells the tether that we are gone
            stdout=output,
            stderr=subprocess.STDOUT,
            pass_fds=hold,  # the tether's alone: it closes them for its child
        )
    return _Service(name=name, tether=tether, log=log)


def _wait_for_page(services: list[_Service], address: Address) -> None:
    while True:
        _check_alive(services)
        # Not urllib: that would ask the proxy which the environment may name.
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
        code = service.tether.poll()
        if code is not None:
            lines = service.log.read_text(errors="replace").splitlines()[-20:]
            tail = "\n".join(f"  {line}" for line in lines)
            raise StagenormError(
                f"The Dagster {service.name} ended with code {code}. The end of {service.log}:\n{tail}",
                remedy="Mend what the log names and start the UI again; nothing that was recorded is lost.",
            )


def _stop(services: list[_Service]) -> None:
    """Ends all services at once; returns when each, with all its children, is gone: after some 10 s at most."""
    for service in services:
        if service.tether.stdin:
            service.tether.stdin.close()
    for service in services:
        service.tether.wait()


@contextmanager
def _signals_interrupt() -> Iterator[None]:
    """Makes a polite kill or a closed terminal work like Ctrl-C, and Ctrl-C work in a background job too."""
    signals = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {signum: signal.signal(signum, signal.default_int_handler) for signum in signals}
    try:
        yield
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)
