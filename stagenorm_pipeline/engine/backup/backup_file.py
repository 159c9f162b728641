"""The file of a backup: written once and whole, read as a stream, never trusted without its checksums.

It is a gzip'ed script for psql (`gunzip -c FILE | psql DATABASE` makes one table a target), so that it can be used
without this program. The rows are what the server's own COPY wrote, byte for byte; behind them, as comments, stand a
manifest in JSON and the SHA-256 of all lines before the last. Does not belong here: what is put in it (see `backup`).
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
from stagenorm_pipeline.service.output_files import find_place, open_stream

_FIRST_LINE = b"-- stagenorm backup, format 1\n"
# Without ON_ERROR_STOP psql would take the rows behind a COPY that failed for commands, and they are anybody's text.
_HEAD = b"""\\set ON_ERROR_STOP on
SET client_encoding = 'UTF8';
BEGIN;
"""
_END_OF_ROWS = b"\\.\n"
_TAIL = b"COMMIT;\n"
_TARGET = b"-- target "
_MANIFEST = b"-- manifest "
_SHA256 = b"-- sha256 "
# Beyond this the rows shrink by a few percent for twice the time.
_COMPRESSION = 6

# The backslash itself, \\, apart.
_ESCAPES = ((b"\\b", b"\b"), (b"\\f", b"\f"), (b"\\n", b"\n"), (b"\\r", b"\r"), (b"\\t", b"\t"), (b"\\v", b"\v"))


class BackupError(StagenormError):
    """A backup cannot be written, or a file is not a whole and undamaged backup."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedTarget(TargetId):
    """A target in a backup. `rows` and `sha256` (of its rows as they stand in the file) are known at its end."""

    key_column: str
    fund_column: str | None
    rows: int = 0
    sha256: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What a backup says of itself. `made_at`: start of the snapshot; `wal_position`: the log's, right after it."""

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
        """One line of ASCII: no value can end the comment that it stands in."""
        return json.dumps({**asdict(self), "made_at": self.made_at.isoformat()})

    @classmethod
    def from_json(cls, text: bytes) -> "Manifest":
        """Raises ValueError, TypeError or KeyError for anything that is no manifest."""
        found: dict[str, Any] = json.loads(text)
        targets = tuple(SavedTarget(**target) for target in found.pop("targets"))
        return cls(**{**found, "made_at": datetime.fromisoformat(found["made_at"])}, targets=targets)


class SavedRow(NamedTuple):
    """A row of a backup: its key, fund and stage as text, None for NULL."""

    target: SavedTarget
    row_id: str
    fund_id: str | None
    stage: str | None


class BackupWriter:
    """Writes a backup beside its place, and puts it there when it is whole: readable by its owner alone, on disk.

    A device or FIFO is written through, and so is `stream`, which is written instead of `path`. Raises
    ConfigurationError if the file exists already, BackupError if it cannot be written.
    """

    def __init__(self, path: Path, stream: BinaryIO | None = None) -> None:
        self._path = path
        self._stream = stream
        # The file beside its place, and that place; None for what is written through.
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
            with suppress(OSError, ValueError):  # the disk that is full, met again while closing
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
            # COPY writes a line break inside a value as \n: each one here ends a row.
            rows += chunk.count(b"\n")
        self._write(_END_OF_ROWS)
        self._targets.append(SavedTarget(**_identity(target), rows=rows, sha256=digest.hexdigest()))

    def finish(self, manifest: Manifest) -> tuple[Manifest, str, int]:
        """Complete the file and put it in its place. The manifest with its targets, the checksum, the size in bytes."""
        complete = Manifest(**{**_fields(manifest), "targets": tuple(self._targets)})
        self._write(_TAIL + _MANIFEST + complete.as_json().encode() + b"\n")
        sha256 = self._digest.hexdigest()
        self._gzip.write(_SHA256 + sha256.encode() + b"\n")
        self._gzip.close()
        self._raw.flush()
        if self._partial is not None:
            os.fsync(self._raw.fileno())
            beside, place = self._partial
            beside.replace(place)
            _sync_directory(place.parent)
        return complete, sha256, self._raw.size

    def _open(self) -> BinaryIO:
        place = find_place(self._path)
        if place.is_stream:
            return open_stream(self._path)
        if place.found is not None:
            raise ConfigurationError(f"{self._path} exists already.", remedy="Name another file: --output FILE.")
        # Mode 0600 from the start: the file holds the application's data.
        descriptor, name = tempfile.mkstemp(prefix=f".{place.real.name}.", suffix=".partial", dir=place.real.parent)
        self._partial = (Path(name), place.real)
        return os.fdopen(descriptor, "wb")

    def _write(self, data: bytes) -> None:
        self._digest.update(data)
        self._gzip.write(data)


class _Counting:
    """A file that counts the bytes written to it: a pipe does not know its position."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.size = 0
        self.flush, self.fileno, self.close = file.flush, file.fileno, file.close

    def write(self, data: bytes) -> int:
        self.size += len(data)
        return self._file.write(data)


class BackupReader:
    """Reads a backup from beginning to end; `manifest` and `sha256` are known when `rows` has come to its end."""

    manifest: Manifest
    sha256: str

    def __init__(self, path: Path) -> None:
        self._path = path

    def rows(self) -> Iterator[SavedRow]:
        """Every row. Raises BackupError, at the latest after the last row, when the file is not whole and undamaged.

        So whoever acts on the rows must be able to take it back until the last one has come.
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
                f"{self._path} holds bytes that are no UTF-8: the database is SQL_ASCII.",
                remedy="Load it with psql, which does not mind: gunzip -c FILE | psql DATABASE",
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
        self, target: SavedTarget, file: gzip.GzipFile, note: Callable[[bytes], None]
    ) -> Generator[SavedRow, None, SavedTarget]:
        for _ in range(2):  # CREATE TABLE, COPY
            note(file.readline())
        digest = hashlib.sha256()
        for rows, line in enumerate(file):
            note(line)
            if line == _END_OF_ROWS:
                return SavedTarget(**_identity(target), rows=rows, sha256=digest.hexdigest())
            digest.update(line)
            row_id, fund_id, stage = line[:-1].split(b"\t")
            yield SavedRow(target, _text(row_id) or "", _text(fund_id), _text(stage))
        raise self._damaged("its end is missing")

    def _damaged(self, why: str) -> BackupError:
        return BackupError(
            f"{self._path} is not a whole and undamaged backup: {why}.",
            remedy="Use another copy of it. Nothing was changed.",
        )


def check_backup(path: Path) -> BackupReader:
    """Read a backup from its first to its last byte; what it says of itself. Raises BackupError when it is damaged."""
    reader = BackupReader(path)
    for _ in reader.rows():
        pass
    return reader


def _sync_directory(directory: Path) -> None:
    """Make sure that a file that was moved there is still there after a crash of the machine."""
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
    """A value of COPY's text format."""
    if b"\\" not in value:
        return value.decode()
    if value == b"\\N":
        return None
    # Not a pattern: a value of 1 MB took a third of a second.
    return b"\\".join(map(_unescaped, value.split(b"\\\\"))).decode()


def _unescaped(part: bytes) -> bytes:
    for escape, character in _ESCAPES:
        part = part.replace(escape, character)
    return part


def _cannot_write(path: Path, error: OSError) -> BackupError:
    return BackupError(
        f"{path} cannot be written: {error.strerror or error}.", remedy="Name another place: --output FILE."
    )
