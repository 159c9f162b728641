"""Handle standard streams that are closed, or lead to a full disk or a broken pipe."""

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TextIO, cast

from stagenorm_pipeline.cli import exit_codes

_UNWRITABLE = {errno.EPIPE, errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF}


def open_closed_streams() -> None:
    """Open closed standard streams on /dev/null.

    Otherwise the next file or connection gets the number of the closed stream, and text for standard error is written
    into it.
    """
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    # Python has none for a stream that was closed when it started.
    if sys.stdin is None:
        sys.stdin = _stream(0, "r")
    if sys.stdout is None:
        sys.stdout = _stream(1, "w")
    if sys.stderr is None:
        sys.stderr = _stream(2, "w")


@contextmanager
def ending_on_unwritable_output() -> Iterator[None]:
    """End the program with one sentence if its output cannot be written, and silently at a broken pipe."""
    try:
        yield
    except OSError as error:
        # An error with a file name is about a file, not about a standard stream.
        if error.filename is not None or error.errno not in _UNWRITABLE:
            raise
        if error.errno != errno.EPIPE:
            _show(error)
        sys.exit(exit_codes.FAILED)
    finally:
        # Python would flush the buffers again when it exits, and print an error.
        for stream, number in ((sys.stdout, 1), (sys.stderr, 2)):
            if _is_unwritable(stream):
                _redirect_to_null(number)


def _show(error: OSError) -> None:
    from stagenorm_pipeline.cli.log_lines import show_error
    from stagenorm_pipeline.errors import StagenormError

    show_error(
        StagenormError(
            f"The output cannot be written: {error.strerror}.",
            remedy="Send it somewhere else and run the command again; after `run`, use `stagenorm resume`. "
            "Every batch is either complete or untouched.",
        )
    )


def _is_unwritable(stream: TextIO) -> bool:
    """Return whether a stream holds text that it cannot write."""
    try:
        stream.flush()
    except (OSError, ValueError):
        return True
    return False


def _redirect_to_null(number: int) -> None:
    with suppress(OSError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, number)
        os.close(nowhere)


def _stream(number: int, mode: str) -> TextIO:
    # closefd=False: the number belongs to the process and must outlive this stream.
    return cast(TextIO, open(number, mode, closefd=False))
