"""A streaming replica of a private server, made from a base backup."""

import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psutil
import psycopg

from stagenorm_pipeline.local.parent_death import signal_on_parent_death
from stagenorm_pipeline.local.server_account import identity, private_directory, server_account
from stagenorm_pipeline.local.server_files import PORT, binaries
from stagenorm_pipeline_tests.support.private_server import PrivateServer
from stagenorm_pipeline_tests.support.server_homes import new_server_home

NAME = "berlin"
_SETTINGS = {
    "listen_addresses": "",
    "port": str(PORT),
    "fsync": "off",
    "max_connections": "60",
    "shared_buffers": "16MB",
    # The primary shows this name in pg_stat_replication.
    "cluster_name": NAME,
    # How soon it comes back to a primary after either of them was away.
    "wal_retrieve_retry_interval": "100ms",
}


class StreamingReplica:
    """A running replica; use it as a context manager."""

    def __init__(self, primary: PrivateServer) -> None:
        self._primary = primary
        self._home = new_server_home()
        self._account = server_account(self._home / "data")
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def directory(self) -> Path:
        return self._home / "data"

    def __enter__(self) -> Self:
        self._home.chmod(0o755)
        private_directory(self.directory, self._account)
        where = ["-h", str(self._primary.directory), "-p", str(PORT), "-U", "postgres", "-D", str(self.directory)]
        subprocess.run(
            [binaries() / "pg_basebackup", *where, "-R", "--checkpoint=fast", "--no-sync"],
            check=True,
            stderr=subprocess.DEVNULL,
            cwd="/",
            **identity(self._account),
        )
        for socket in self.directory.glob(".s.PGSQL.*"):  # the primary's, which its backup took along
            socket.unlink()
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        shutil.rmtree(self._home, ignore_errors=True)

    def start(self) -> None:
        """Start it and wait until it answers and the primary sees it."""
        settings = {**_SETTINGS, "unix_socket_directories": str(self.directory)}
        with (self._home / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [binaries() / "postgres", "-D", self.directory, *(f"--{k}={v}" for k, v in settings.items())],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd="/",
                preexec_fn=signal_on_parent_death(signal.SIGQUIT),  # noqa: PLW1509 - no other thread runs here
                **identity(self._account),
            )
        deadline = time.monotonic() + 30
        while not self._is_streaming():
            if time.monotonic() > deadline:
                raise RuntimeError(f"The replica did not come up:\n{(self._home / 'log').read_text()[-2000:]}")
            time.sleep(0.02)

    def _is_streaming(self) -> bool:
        try:
            psycopg.connect(self.url("postgres")).close()
            with psycopg.connect(self._primary.url("postgres")) as connection:
                row = connection.execute(
                    "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming' AND replay_lsn IS NOT NULL"
                ).fetchone()
        except psycopg.OperationalError:
            return False
        return row is not None and row[0] > 0

    def stop(self) -> None:
        """Stop it fast and wait until it is gone. It can start again."""
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait()
            self._process = None

    def promote(self) -> None:
        """Promote it to primary and wait until it is one."""
        self._do("SELECT pg_promote()")

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Freeze it: it accepts connections and answers nothing."""
        assert self._process is not None
        postmaster = psutil.Process(self._process.pid)
        processes = [postmaster, *postmaster.children()]
        for process in processes:
            process.suspend()
        try:
            yield
        finally:
            for process in processes:
                process.resume()

    def url(self, database: str) -> str:
        return f"postgresql://postgres@/{database}?host={self.directory}&port={PORT}"

    @contextmanager
    def paused_replay(self) -> Iterator[None]:
        """Pause replay: it receives the log and does not apply it."""
        self._do("SELECT pg_wal_replay_pause()")
        try:
            yield
        finally:
            self._do("SELECT pg_wal_replay_resume()")

    def _do(self, statement: Any) -> None:
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(statement)
