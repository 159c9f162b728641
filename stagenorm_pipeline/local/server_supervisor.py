"""The process that runs the embedded PostgreSQL: it starts the server and stops it after the last user.

`embedded_postgres` starts it detached; do not start it by hand. Each command that uses the server holds the lease
shared. When the kernel grants the supervisor the exclusive lease, no user is left, even if one was killed.

`python -m stagenorm_pipeline.local.server_supervisor HOME SOCKET_DIRECTORY START_FD SUPERVISOR_FD`: the descriptors are
the start lock and the supervisor lock, which the starting command holds and hands over.
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
from stagenorm_pipeline.local.server_account import give_to, identity, server_account
from stagenorm_pipeline.local.server_files import PORT, SOCKET_NAME, ServerFiles, binaries

_FRESH = "postgres.new-"
_STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_SETTINGS = {
    "listen_addresses": "",  # no TCP: with trust authentication only the socket's directory restricts access
    "port": str(PORT),
    "max_connections": "200",  # enough for the application, Dagster and two test workers together
}


class Supervisor:
    """Starts and stops the server of one home directory."""

    def __init__(self, files: ServerFiles, socket_directory: Path) -> None:
        self._files = files
        self._socket_directory = socket_directory
        self._account = server_account(files.data)
        # Only these, because PGPORT or PGDATA would change what the server does, and the server's account, which may
        # be shared, must not read a password in DATABASE_URL.
        kept = ("PATH", "LD_LIBRARY_PATH", "TZ")
        self._environment = {name: os.environ[name] for name in kept if name in os.environ}

    def start(self) -> subprocess.Popen[bytes]:
        """Start the server and wait until it accepts connections. Raises StagenormError if it does not."""
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
        """Wait until no process of an earlier server is left, and stop a server whose supervisor was killed.

        The lock decides and not postmaster.pid: after a restart of the machine or in another container, the process id
        in that file may belong to any process, and PostgreSQL would refuse to start because of it.
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
        """Run initdb in a temporary directory and rename it, so that a kill leaves no half-made cluster."""
        fresh = Path(tempfile.mkdtemp(prefix=_FRESH, dir=self._files.home))
        give_to(self._account, fresh)
        # PostgreSQL's own sort order and case rules, because those of the C library differ between machines.
        options = ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        arguments = ["-D", str(fresh), "-U", "postgres", "--auth=trust", *options]
        initdb = self._run("initdb", arguments, lock, signal.SIGKILL)
        if initdb.wait() != 0:
            raise StagenormError(f"initdb ended with code {initdb.returncode}")
        fresh.rename(self._files.data)

    def _launch(self, lock: FileLock) -> subprocess.Popen[bytes]:
        settings = {**_SETTINGS, "unix_socket_directories": str(self._socket_directory)}
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        # SIGINT is PostgreSQL's fast shutdown: if the supervisor is killed, the server still stops cleanly.
        return self._run("postgres", ["-D", str(self._files.data), *options], lock, signal.SIGINT)

    def _run(
        self, program: str, arguments: list[str], lock: FileLock, at_death: signal.Signals
    ) -> subprocess.Popen[bytes]:
        """Start a program as the server's account. It and all its children inherit `lock` and hold it."""
        die_with_parent = signal_on_parent_death(at_death)
        return subprocess.Popen(
            [binaries() / program, *arguments],
            cwd="/",
            env=self._environment,
            stdin=subprocess.DEVNULL,
            pass_fds=(lock.fd,),
            preexec_fn=die_with_parent,  # noqa: PLW1509 - no thread runs yet
            **identity(self._account),
        )

    def stop_when_unused(self, server: subprocess.Popen[bytes]) -> None:
        """Wait until no command holds the lease, then stop the server. New commands wait for the lease."""
        FileLock(self._files.lease).exclusive()  # never closed: held until this process ends
        server.send_signal(signal.SIGINT)

    def stop_on_request(self, server: subprocess.Popen[bytes]) -> None:
        """Stop the server on SIGTERM, SIGINT or SIGHUP (at shutdown). New commands wait for the start lock."""

        def stop(_signum: int, _frame: FrameType | None) -> None:
            for signum in _STOP_SIGNALS:  # a second signal would wait for the lock that the first one holds
                signal.signal(signum, signal.SIG_IGN)
            FileLock(self._files.start_lock).exclusive()  # never closed: held until this process ends
            server.send_signal(signal.SIGINT)

        for signum in _STOP_SIGNALS:
            signal.signal(signum, stop)

    def remove_socket_directory(self) -> None:
        if self._socket_directory != self._files.data:
            with contextlib.suppress(OSError):
                self._socket_directory.rmdir()


def main(home: str, socket_directory: str, start_fd: str, supervisor_fd: str) -> int:
    """Run the server until it ends. Returns its exit code."""
    if os.fork():  # so that the command that started us gets no zombie
        os._exit(0)
    supervisor = Supervisor(ServerFiles(home=Path(home)), Path(socket_directory))
    try:
        server = supervisor.start()
    except (StagenormError, OSError) as error:
        sys.stderr.write(f"{error}\n")  # goes to the log; the waiting command shows its end
        return 1
    os.close(int(start_fd))  # the server is ready: commands that wait to start it can use it now
    supervisor.stop_on_request(server)
    # A thread, because the server can end in two ways: its last user leaves, or it ends by itself.
    threading.Thread(target=supervisor.stop_when_unused, args=(server,), daemon=True).start()
    code = server.wait()
    supervisor.remove_socket_directory()
    # Before this process's end releases the lease and the start lock: a command that gets those must find no
    # supervisor.
    os.close(int(supervisor_fd))
    return code


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
