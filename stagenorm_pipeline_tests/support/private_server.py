"""A PostgreSQL server that a test may stop at any instant and start again, apart from the server of all other tests."""

import itertools
import shutil
import signal
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Self

import psycopg
from psycopg import sql

from stagenorm_pipeline.local.parent_death import signal_on_parent_death
from stagenorm_pipeline.local.server_account import UnprivilegedAccount, identity, private_directory, server_account
from stagenorm_pipeline.local.server_files import PORT, binaries
from stagenorm_pipeline_tests.support.server_homes import new_server_home

# fsync off: a stopped server's writes survive in the kernel, so crash recovery is as real as with it, and faster.
_SETTINGS = {
    "listen_addresses": "",
    "port": str(PORT),
    "fsync": "off",
    "max_connections": "60",
    "shared_buffers": "64MB",
}


class PrivateServer:
    """A running server in a directory of its own; use it as a context manager."""

    def __init__(self) -> None:
        self._home = new_server_home()
        self._account = server_account(self._home / "data")
        self._numbers = itertools.count(1)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def directory(self) -> Path:
        """Where its socket is."""
        return self._home / "data"

    @property
    def log(self) -> Path:
        return self._home / "log"

    def __enter__(self) -> Self:
        self._home.chmod(0o755)
        if isinstance(self._account, UnprivilegedAccount):
            for place in (self._home, binaries()):
                self._account.open_way_to(place)
        private_directory(self.directory, self._account)
        subprocess.run(
            [
                binaries() / "initdb",
                *("-D", self.directory, "-U", "postgres", "--auth=trust", "--no-sync", "--encoding=UTF8"),
                *("--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"),
            ],
            check=True,
            stdout=subprocess.DEVNULL,
            cwd="/",
            **identity(self._account),
        )
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop_immediately()
        shutil.rmtree(self._home, ignore_errors=True)

    def start(self) -> None:
        """Start it and wait until it answers."""
        settings = {**_SETTINGS, "unix_socket_directories": str(self.directory)}
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [binaries() / "postgres", "-D", self.directory, *(f"--{k}={v}" for k, v in settings.items())],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd="/",
                preexec_fn=signal_on_parent_death(signal.SIGQUIT),  # noqa: PLW1509 - no other thread runs here
                **identity(self._account),
            )
        self._wait_until_it_answers()

    def _wait_until_it_answers(self) -> None:
        deadline = time.monotonic() + 30
        while True:
            try:
                psycopg.connect(self.url("postgres")).close()
            except psycopg.OperationalError:
                dead = self._process is None or self._process.poll() is not None
                if dead or time.monotonic() > deadline:
                    raise RuntimeError(f"The private server did not start:\n{self.log.read_text()[-2000:]}") from None
                time.sleep(0.02)
            else:
                return

    def stop_immediately(self) -> None:
        """Stop it as a crash would: without a checkpoint, so memory is lost. Returns when it is gone."""
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait()
            self._process = None

    def url(self, database: str) -> str:
        return f"postgresql://postgres@/{database}?host={self.directory}&port={PORT}"

    def create_database(self, *, template: str = "template0", name: str | None = None) -> str:
        """Create a database as a copy of `template`. Returns its URL."""
        name = name or f"test_{next(self._numbers)}"
        self._execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template)))
        return self.url(name)

    def drop_database(self, url: str) -> None:
        name = psycopg.conninfo.conninfo_to_dict(url)["dbname"]
        self._execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(str(name))))

    def _execute(self, statement: sql.Composed) -> None:
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(statement)
