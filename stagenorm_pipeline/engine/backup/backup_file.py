"""Write and read the file of a backup. Reading checks its checksums.

The file is a gzip'ed script for psql, so you can use it without this program: `gunzip -c FILE | psql DATABASE` makes
one table per target. It has the rows byte for byte as the server's COPY wrote them. Two comments follow: a manifest in
JSON, and the SHA-256 of all lines before the last.
"""

import gzip
import hashlib
import json
import os
import tempfile
import zlib
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, NamedTuple, Self

from stagenorm_pipeline.engine.targets.target_id import TargetId
from stagenorm_pipeline.errors import ConfigurationError, StagenormError
from stagenorm_pipeline.output_files import find_place, open_stream

_FIRST_LINE = b"-- stagenorm backup, format 1\n"
# ON_ERROR_STOP, because after a failed COPY psql would run its rows as commands, and users wrote those rows.
_HEAD = b"""\\set ON_ERROR_STOP on
SET client_encoding = 'UTF8';
BEGIN;
"""
_END_OF_ROWS = b"\\.\n"
_TAIL = b"COMMIT;\n"
_TARGET = b"-- target "
_MANIFEST = b"-- manifest "
_SHA256 = b"-- sha256 "
# A higher level takes twice the time for a file that is a few percent smaller.
_COMPRESSION = 6

# All escapes except that of the backslash itself, \\, which `_text` handles first.
_ESCAPES = ((b"\\b", b"\b"), (b"\\f", b"\f"), (b"\\n", b"\n"), (b"\\r", b"\r"), (b"\\t", b"\t"), (b"\\v", b"\v"))


class BackupError(StagenormError):
    """A backup cannot be written, or a file is damaged, incomplete, or no backup."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedTarget(TargetId):
    """A target in a backup. `rows` and `sha256` (of its rows in the file) are known after its last row."""

    key_column: str
    fund_column: str | None
    rows: int = 0
    sha256: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """The description in a backup. `made_at`: start of the snapshot. `wal_position`: end of the WAL right after it."""

    database: str
    made_at: datetime
    made_by: str
    server_version: str
    wal_position: str
    code_version: str
    targets: tuple[SavedTarget, ...] = ()

    @property
    def rows(self) -> int:
        return sum(target.rows for target in self.targets)

    def as_json(self) -> str:
        """Return one line of ASCII, so that no value can end the SQL comment around it."""
        return json.dumps({**asdict(self), "made_at": self.made_at.isoformat()})

    @classmethod
    def from_json(cls, text: bytes) -> "Manifest":
        """Parse a manifest. Raises ValueError, TypeError or KeyError for anything else."""
        found: dict[str, Any] = json.loads(text)
        targets = tuple(SavedTarget(**target) for target in found.pop("targets"))
        return cls(**{**found, "made_at": datetime.fromisoformat(found["made_at"])}, targets=targets)


class SavedRow(NamedTuple):
    """A row of a backup: key, fund and stage as text, None for NULL."""

    target: SavedTarget
    row_id: str
    fund_id: str | None
    stage: str | None


class BackupWriter:
    """Writes a backup to a temporary file, and renames it to its path when it is complete and flushed to disk.

    Only its owner can read the file. A device, a FIFO or `stream` (written instead of `path`) is written directly.
    Raises ConfigurationError if the file exists already, BackupError if it cannot be written.
    """

    def __init__(self, path: Path, stream: BinaryIO | None = None) -> None:
        self._path = path
        self._stream = stream
        # The temporary file and its final path; None if the target is written directly.
        self._partial: tuple[Path, Path] | None = None
        self._digest = hashlib.sha256()
        self._targets: list[SavedTarget] = []

    def __enter__(self) -> Self:
        try:
            self._raw = _Counting(self._stream or self._open())
        except OSError as error:
            raise _cannot_write(self._path, error) from error
        self._gzip = gzip.GzipFile("", "wb", _COMPRESSION, self._raw, mtime=0)
        self._write(_FIRST_LINE + _HEAD)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for file in (self._gzip, self._raw):
            with suppress(OSError, ValueError):  # closing flushes, and meets the full disk again
                file.close()
        if self._partial is not None:
            self._partial[0].unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise _cannot_write(self._path, error) from error

    def add(self, target: SavedTarget, chunks: Iterable[bytes]) -> None:
        """Append a target with its rows in COPY's text format."""
        name = f"stagenorm_backup_{len(self._targets) + 1}"
        self._write(_TARGET + json.dumps(_identity(target)).encode() + b"\n")
        self._write(f"CREATE TABLE {name} (row_id text, fund_id text, stage text);\nCOPY {name} FROM stdin;\n".encode())
        digest, rows = hashlib.sha256(), 0
        for chunk in chunks:
            digest.update(chunk)
            self._write(chunk)
            # COPY escapes a line break inside a value, so each line break here ends a row.
            rows += chunk.count(b"\n")
        self._write(_END_OF_ROWS)
        self._targets.append(SavedTarget(**_identity(target), rows=rows, sha256=digest.hexdigest()))

    def finish(self, manifest: Manifest) -> tuple[Manifest, str, int]:
        """Complete the file and move it to its path. Returns the full manifest, the checksum, the size in bytes."""
        complete = Manifest(**{**_fields(manifest), "targets": tuple(self._targets)})
        self._write(_TAIL + _MANIFEST + complete.as_json().encode() + b"\n")
        sha256 = self._digest.hexdigest()
        self._gzip.write(_SHA256 + sha256.encode() + b"\n")
        self._gzip.close()
        self._raw.flush()
        if self._partial is not None:
            os.fsync(self._raw.fileno())
            temporary, final = self._partial
            temporary.replace(final)
            _sync_directory(final.parent)
        return complete, sha256, self._raw.size

    def _open(self) -> BinaryIO:
        place = find_place(self._path)
        if place.is_stream:
            return open_stream(self._path)
        if place.found is not None:
            raise ConfigurationError(f"{self._path} exists already.", remedy="Name another file: --output FILE.")
        # mkstemp sets mode 0600 from the start: the file holds the application's data.
        descriptor, name = tempfile.mkstemp(prefix=f".{place.real.name}.", suffix=".partial", dir=place.real.parent)
        self._partial = (Path(name), place.real)
        return os.fdopen(descriptor, "wb")

    def _write(self, data: bytes) -> None:
        self._digest.update(data)
        self._gzip.write(data)


class _Counting:
    """A file that counts the bytes written to it, because a pipe does not know its position."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.size = 0
        self.flush, self.fileno, self.close = file.flush, file.fileno, file.close

    def write(self, data: bytes) -> int:
        self.size += len(data)
        return self._file.write(data)


class BackupReader:
    """Reads a backup from beginning to end. `manifest` and `sha256` are known after the last row of `rows`."""

    manifest: Manifest
    sha256: str

    def __init__(self, path: Path) -> None:
        self._path = path

    def rows(self) -> Iterator[SavedRow]:
        """Yield every row. Raises BackupError, at the latest after the last row, if the file is damaged or incomplete.

        So do not commit anything that you do with the rows before the last one has come.
        """
        try:
            with gzip.open(self._path) as file:
                yield from self._parse(file)
        except FileNotFoundError as error:
            raise ConfigurationError(f"There is no file {self._path}.", remedy="Name a backup.") from error
        except IsADirectoryError as error:
            raise ConfigurationError(f"{self._path} is a directory.", remedy="Name a backup.") from error
        except PermissionError as error:
            raise BackupError(f"{self._path} cannot be read: {error.strerror}.", remedy="Ask its owner.") from error
        except UnicodeDecodeError as error:
            raise BackupError(
                f"{self._path} holds bytes that are not UTF-8: its database has the encoding SQL_ASCII.",
                remedy="Load it with psql, which accepts them: gunzip -c FILE | psql DATABASE",
            ) from error
        except (OSError, EOFError, zlib.error, ValueError, TypeError, KeyError) as error:
            raise self._damaged(str(error) or type(error).__name__) from error

    def _parse(self, file: gzip.GzipFile) -> Iterator[SavedRow]:
        digest = hashlib.sha256()
        if (first := file.readline(len(_FIRST_LINE))) != _FIRST_LINE:
            is_newer = first.startswith(_FIRST_LINE[:-2])
            raise self._damaged("it was made by a newer stagenorm" if is_newer else "it is no backup of stagenorm")
        digest.update(first)
        found: list[SavedTarget] = []
        for line in file:
            if line.startswith(_SHA256):
                break
            digest.update(line)
            if line.startswith(_TARGET):
                target = SavedTarget(**json.loads(line[len(_TARGET) :]))
                found.append((yield from self._rows_of(target, file, digest.update)))
            elif line.startswith(_MANIFEST):
                self.manifest = Manifest.from_json(line[len(_MANIFEST) :])
        else:
            raise self._damaged("its end is missing")
        self.sha256 = digest.hexdigest()
        if line != _SHA256 + self.sha256.encode() + b"\n" or file.read(1):
            raise self._damaged("its content does not match its checksum")
        if tuple(found) != self.manifest.targets:
            raise self._damaged("its tables do not match its manifest")

    def _rows_of(
        self, target: SavedTarget, file: gzip.GzipFile, update_digest: Callable[[bytes], None]
    ) -> Generator[SavedRow, None, SavedTarget]:
        for _ in range(2):  # CREATE TABLE, COPY
            update_digest(file.readline())
        digest = hashlib.sha256()
        for rows, line in enumerate(file):
            update_digest(line)
            if line == _END_OF_ROWS:
                return SavedTarget(**_identity(target), rows=rows, sha256=digest.hexdigest())
            digest.update(line)
            row_id, fund_id, stage = line[:-1].split(b"\t")
            yield SavedRow(target, _text(row_id) or "", _text(fund_id), _text(stage))
        raise self._damaged("its end is missing")

    def _damaged(self, why: str) -> BackupError:
        return BackupError(
            f"{self._path} is damaged or incomplete: {why}.",
            remedy="Use another copy of it. Nothing was changed.",
        )


def check_backup(path: Path) -> BackupReader:
    """Read a backup to its last byte and return its manifest and checksum. Raises BackupError if it is damaged."""
    reader = BackupReader(path)
    for _ in reader.rows():
        pass
    return reader


def _sync_directory(directory: Path) -> None:
    """Flush the directory, so that a renamed file is still there after a crash of the machine."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _identity(target: SavedTarget) -> dict[str, Any]:
    return {name: getattr(target, name) for name in ("schema", "table", "column", "key_column", "fund_column")}


def _fields(manifest: Manifest) -> dict[str, Any]:
    return {name: getattr(manifest, name) for name in Manifest.__dataclass_fields__}


def _text(value: bytes) -> str | None:
    """Decode a value of COPY's text format. None: NULL."""
    if b"\\" not in value:
        return value.decode()
    if value == b"\\N":
        return None
    # No regular expression: with one, a value of 1 MB took a third of a second.
    return b"\\".join(map(_unescaped, value.split(b"\\\\"))).decode()


def _unescaped(part: bytes) -> bytes:
    for escape, character in _ESCAPES:
        part = part.replace(escape, character)
    return part


def _cannot_write(path: Path, error: OSError) -> BackupError:
    return BackupError(
        f"{path} cannot be written: {error.strerror or error}.", remedy="Name another file: --output FILE."
    )
