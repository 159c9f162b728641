"""Write output files: a regular file whole or not at all, a device or FIFO directly."""

import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from stagenorm_pipeline.errors import ConfigurationError, StagenormError


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where an output path leads. `real`: with all links resolved. `found`: what is there; None for a new file."""

    real: Path
    found: os.stat_result | None

    @property
    def is_stream(self) -> bool:
        """Whether it is a device or a FIFO, which is written directly and never replaced."""
        return self.found is not None and not stat.S_ISREG(self.found.st_mode)


def find_place(path: Path) -> Place:
    """Find where an output path leads. Raises ConfigurationError if it cannot be written."""
    try:
        place = Place(real=Path(os.path.realpath(path)), found=_stat(path))
        _refuse_directories_and_devices(path, place)
        if not place.is_stream and not place.real.parent.is_dir():
            raise ConfigurationError(f"The directory of {path} does not exist.", remedy="Create it first.")
    except (OSError, ValueError) as error:
        raise ConfigurationError(_unwritable(path, error), remedy="Choose another place.") from error
    return place


def require_writable(path: Path) -> None:
    """Raise ConfigurationError if a file cannot be written. Called before the work whose result it will hold."""
    place = find_place(path)
    try:
        if place.is_stream:
            if not os.access(path, os.W_OK):
                raise ConfigurationError(
                    f"{path} cannot be written: Permission denied.", remedy="Choose another place."
                )
        else:
            with _file_beside(place):
                pass
    except OSError as error:
        raise ConfigurationError(_unwritable(path, error), remedy="Choose another place.") from error


def replace_file(path: Path, content: str | bytes) -> None:
    """Write a text or bytes to a file, device or FIFO. If the disk is full, the existing file stays.

    A link stays a link, and an existing file keeps its owner, group and mode. Raises StagenormError if it cannot be
    written.
    """
    with written_file(path) as file:
        file.write(content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content)


@contextmanager
def written_file(path: Path) -> Iterator[BinaryIO]:
    """Open a file, device or FIFO to write it piece by piece. A file is replaced at the end, or not at all.

    Raises StagenormError if it cannot be written.
    """
    place = find_place(path)
    try:
        if place.is_stream:
            with open_stream(path) as stream:
                yield stream
            return
        with _file_beside(place) as (file, beside):
            yield file
            file.flush()
            # Some file systems report a full disk only here.
            os.fsync(file.fileno())
            beside.replace(place.real)
    except OSError as error:
        raise StagenormError(_unwritable(path, error), remedy="Choose another place.") from error


def open_stream(path: Path) -> BinaryIO:
    """Open a device or FIFO for writing. Waits for a FIFO's reader, as a shell does; never creates or truncates."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CLOEXEC | os.O_NOCTTY), "wb")


def _stat(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except FileNotFoundError:
        return None


def _refuse_directories_and_devices(path: Path, place: Place) -> None:
    if place.found is None:
        return
    mode = place.found.st_mode
    for is_kind, name in ((stat.S_ISDIR, "a directory"), (stat.S_ISSOCK, "a socket"), (stat.S_ISBLK, "a disk")):
        if is_kind(mode):
            raise ConfigurationError(f"{path} is {name}.", remedy="Name a file.")
    if stat.S_ISREG(mode) and not os.access(path, os.W_OK):
        raise ConfigurationError(f"{path} cannot be written: Permission denied.", remedy="Choose another place.")


@contextmanager
def _file_beside(place: Place) -> Iterator[tuple[BinaryIO, Path]]:
    """Create a file in the same directory, with the owner and mode of the one that it will replace.

    It is removed at the end, unless it was moved into place.
    """
    # A random name: the file's own name with a suffix could be longer than the file system allows.
    beside = place.real.with_name(f".stagenorm-{secrets.token_hex(8)}")
    # A new file gets what the umask allows. The copy of a private one is private from the start.
    mode = 0o666 if place.found is None else 0o600
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            if place.found is not None:
                _copy_owner_and_mode(file.fileno(), place.found)
            yield file, beside
    finally:
        beside.unlink(missing_ok=True)


def _copy_owner_and_mode(descriptor: int, found: os.stat_result) -> None:
    ours = os.fstat(descriptor)
    if (ours.st_uid, ours.st_gid) != (found.st_uid, found.st_gid):
        os.fchown(descriptor, found.st_uid, found.st_gid)
    os.fchmod(descriptor, stat.S_IMODE(found.st_mode))


def _unwritable(path: Path, error: OSError | ValueError) -> str:
    why = (error.strerror if isinstance(error, OSError) else None) or str(error)
    name = str(path)
    shown = name if len(name) <= 200 else f"{name[:200]}…"
    return f"{shown} cannot be written: {why}."
