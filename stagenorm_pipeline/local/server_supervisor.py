"""The process that keeps the embedded PostgreSQL: it starts it, and stops it when the last user is gone.

Started detached by `embedded_postgres`, never by hand. It knows no users: each command that uses the server holds the
lease shared, and when the kernel grants the supervisor the lease exclusively, nobody is left, whatever they died of.
Run as `python -m stagenorm_pipeline.local.server_supervisor HOME SOCKET_DIRECTORY START_FD GUARDIAN_FD`; the two
descriptors are the start lock and the supervisor lock, already held, handed over by the command that starts it.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from types import FrameType

from stagenorm_pipeline.errors import StagenormError
from stagenorm_pipeline.local.file_lock import FileLock
from stagenorm_pipeline.local.parent_death import signal_on_parent_death
from stagenorm_pipeline.local.server_account import identity, server_account
from stagenorm_pipeline.local.server_files import PORT, SOCKET_NAME, ServerFiles, binaries

_FRESH = "postgres.new-"
_POLITE = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_SETTINGS = {
    "listen_addresses": "",  # no TCP at all: with trust authentication the socket's directory is the only gate
    "port": str(PORT),
    "max_connections": "200",  # the application's, Dagster's and two test workers' connections together
}


class Supervisor:
    """One life of the server of one home."""

    def __init__(self, files: ServerFiles, socket_directory: Path) -> None:
        self._files = files
        self._socket_directory = socket_directory
        self._account = server_account(files.data)
        # Nothing else of the user's shell: PGPORT or PGDATA would change what the server does, and the account that it
        # runs as, which may be shared, must not read a password in DATABASE_URL.
        kept = ("PATH", "LD_LIBRARY_PATH", "TZ")
        self._environment = {name: os.environ[name] for name in kept if name in os.environ}

    def start(self) -> subprocess.Popen[bytes]:
        """The server, ready for connections. Raises StagenormError when it does not come up."""
        with FileLock(self._files.server_lock) as lock:
            self._take_over(lock)
            if not self._files.data.exists():
                self._make_cluster(lock)
            server = self._launch(lock)
        while self._files.running_socket_directory() is None:
            if server.poll() is not None:
                raise StagenormError(f"postgres ended with code {server.returncode} before it was ready")
            time.sleep(0.02)
        return server

    def _take_over(self, lock: FileLock) -> None:
        """Waits until nothing is left of an earlier server, and stops one whose supervisor was killed.

        The kernel's word and not postmaster.pid's: after a restart of the machine, or in another container, the process
        id in there may be anybody's, and PostgreSQL would refuse to start because of it.
        """
        if not lock.try_exclusive():
            pid = self._files.postmaster_pid()
            if pid is not None:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGINT)
            lock.exclusive()
        socket = self._socket_directory / SOCKET_NAME
        for stale in (self._files.postmaster_file, socket, socket.with_name(f"{SOCKET_NAME}.lock")):
            stale.unlink(missing_ok=True)
        for unfinished in self._files.home.glob(f"{_FRESH}*"):
            shutil.rmtree(unfinished)

    def _make_cluster(self, lock: FileLock) -> None:
        """Beside its place, then renamed into it: a kill at any instant leaves either nothing or a whole cluster."""
        fresh = Path(tempfile.mkdtemp(prefix=_FRESH, dir=self._files.home))
        if self._account:
            os.chown(fresh, self._account.uid, self._account.gid)
        # The same order and case rules on every machine: PostgreSQL's own, not those of the C library.
        options = ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        arguments = ["-D", str(fresh), "-U", "postgres", "--auth=trust", *options]
        initdb = self._run("initdb", arguments, lock, signal.SIGKILL)
        if initdb.wait() != 0:
            raise StagenormError(f"initdb ended with code {initdb.returncode}")
        fresh.rename(self._files.data)

    def _launch(self, lock: FileLock) -> subprocess.Popen[bytes]:
        settings = {**_SETTINGS, "unix_socket_directories": str(self._socket_directory)}
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        # SIGINT is PostgreSQL's fast shutdown: a killed supervisor takes its server down cleanly.
        return self._run("postgres", ["-D", str(self._files.data), *options], lock, signal.SIGINT)

    def _run(
        self, program: str, arguments: list[str], lock: FileLock, at_death: signal.Signals
    ) -> subprocess.Popen[bytes]:
        """Starts a program of the server's account. It and all its children hold `lock` by inheriting it."""
        tie = signal_on_parent_death(at_death)
        return subprocess.Popen(
            [binaries() / program, *arguments],
            cwd="/",
            env=self._environment,
            stdin=subprocess.DEVNULL,
            pass_fds=(lock.fd,),
            preexec_fn=tie,  # noqa: PLW1509 - no thread runs yet
            **identity(self._account),
        )

    def stop_when_unused(self, server: subprocess.Popen[bytes]) -> None:
        """Blocks until nobody holds the lease, then stops the server. Newcomers wait for the lease meanwhile."""
        FileLock(self._files.lease).exclusive()  # never closed: held until this process ends
        server.send_signal(signal.SIGINT)

    def stop_on_request(self, server: subprocess.Popen[bytes]) -> None:
        """Lets a polite kill (a machine shutting down) stop the server. Newcomers wait for the start lock meanwhile."""

        def stop(_signum: int, _frame: FrameType | None) -> None:
            for signum in _POLITE:  # a second one would wait for the lock that the first one holds
                signal.signal(signum, signal.SIG_IGN)
            FileLock(self._files.start_lock).exclusive()  # never closed: held until this process ends
            server.send_signal(signal.SIGINT)

        for signum in _POLITE:
            signal.signal(signum, stop)

    def remove_socket_directory(self) -> None:
        if self._socket_directory != self._files.data:
            with contextlib.suppress(OSError):
                self._socket_directory.rmdir()


def main(home: str, socket_directory: str, start_fd: str, supervisor_fd: str) -> int:
    """Keeps the server until it has ended; gives its exit code."""
    if os.fork():  # the command that started us must get no zombie
        os._exit(0)
    supervisor = Supervisor(ServerFiles(home=Path(home)), Path(socket_directory))
    try:
        server = supervisor.start()
    except (StagenormError, OSError) as error:
        sys.stderr.write(f"{error}\n")  # into the log, whose end the waiting command shows
        return 1
    os.close(int(start_fd))  # ready: whoever waits to start may look now
    supervisor.stop_on_request(server)
    # A thread, because two things can end a server's life: its last user's leaving, and its own death.
    threading.Thread(target=supervisor.stop_when_unused, args=(server,), daemon=True).start()
    code = server.wait()
    supervisor.remove_socket_directory()
    # Before the lease and the start lock, which go when this process ends: who gets those must find no supervisor.
    os.close(int(supervisor_fd))
    return code


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
