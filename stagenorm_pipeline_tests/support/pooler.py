"""PgBouncer in transaction mode in front of a private server."""

import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Self

import psycopg

from stagenorm_pipeline.local.server_account import identity, private_directory, server_account
from stagenorm_pipeline.local.server_files import PORT
from stagenorm_pipeline_tests.support.private_server import PrivateServer

_PORT = 6432


def find_pgbouncer() -> str | None:
    """Find PgBouncer. Debian installs it in /usr/sbin, which is not on every user's PATH."""
    return shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")


class Pooler:
    """A running PgBouncer with `pool_size` sessions a database; use it as a context manager."""

    def __init__(self, server: PrivateServer, *, pool_size: int, query_wait_s: int = 120) -> None:
        self._home = Path(tempfile.mkdtemp(prefix="stagenorm-pooler-"))
        self._directory = self._home / "run"
        self._account = server_account(self._directory)
        self._settings = {
            "listen_addr": "",
            "listen_port": _PORT,
            "unix_socket_dir": self._directory,
            "auth_type": "any",
            "pool_mode": "transaction",
            "default_pool_size": pool_size,
            "query_wait_timeout": query_wait_s,
        }
        self._backend = f"host={server.directory} port={PORT} user=postgres"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        program = find_pgbouncer()
        assert program is not None
        self._home.chmod(0o755)
        private_directory(self._directory, self._account)
        lines = ["[databases]", f"* = {self._backend}", "[pgbouncer]"]
        configuration = self._home / "pgbouncer.ini"
        configuration.write_text("\n".join([*lines, *(f"{k} = {v}" for k, v in self._settings.items())]))
        with (self._home / "log").open("wb") as log:
            self._process = subprocess.Popen(
                [program, configuration], stdout=log, stderr=log, cwd="/", **identity(self._account)
            )
        deadline = time.monotonic() + 10
        while True:
            try:
                psycopg.connect(self.url("postgres")).close()
            except psycopg.OperationalError:
                if time.monotonic() > deadline:
                    raise RuntimeError(f"PgBouncer did not start:\n{(self._home / 'log').read_text()}") from None
                time.sleep(0.02)
            else:
                return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        shutil.rmtree(self._home, ignore_errors=True)

    def url(self, database: str | None) -> str:
        return f"postgresql://postgres@/{database}?host={self._directory}&port={_PORT}"
