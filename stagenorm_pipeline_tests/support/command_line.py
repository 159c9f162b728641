"""Run `stagenorm` as a user types it, in a clean environment: as a process, on a terminal, or in this process."""

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import chdir, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from threading import Thread
from typing import IO

from click.testing import CliRunner

from stagenorm_pipeline.cli.main import main
from stagenorm_pipeline_tests.support.forked_programs import Program, Start
from stagenorm_pipeline_tests.support.waiting import wait_until


@dataclass(frozen=True, kw_only=True)
class Ran:
    """The exit code and the output of a command."""

    code: int
    out: str
    err: str

    @property
    def all(self) -> str:
        return self.out + self.err


_PATIENCE_S = 60
# Wide: a test that looks for a sentence does not care where it is broken.
_COLUMNS = 250


def stagenorm(
    *arguments: str,
    url: str | None = None,
    directory: Path | None = None,
    environment: Mapping[str, str] | None = None,
    output: IO[bytes] | None = None,
) -> Ran:
    """Run the command as a process and wait for it. `output`: its standard output, instead of what is returned."""
    with TemporaryFile() as out, TemporaryFile() as err, _nothing() as nothing:
        program = Program(
            Start(
                arguments=arguments,
                environment=_environment(url, environment),
                directory=directory or Path.cwd(),
                stdin=nothing,
                stdout=(output or out).fileno(),
                stderr=err.fileno(),
            )
        )
        try:
            code = program.wait(_PATIENCE_S)
        finally:
            program.kill()
        out.seek(0)
        err.seek(0)
        return Ran(code=code, out=out.read().decode(), err=err.read().decode())


def stagenorm_here(
    *arguments: str, url: str | None = None, directory: Path | None = None, columns: int = _COLUMNS
) -> Ran:
    """Run the command in this process: ten times as fast, for tests that need no process.

    Raises an exception that would end a process with a stack trace.
    """
    ours = {name: None for name in os.environ if name.startswith(("STAGENORM_", "DAGSTER_", "PG", "LOG_FORMAT"))}
    with chdir(directory or Path()):
        result = CliRunner(env={**ours, "DATABASE_URL": url, "COLUMNS": str(columns)}).invoke(main, arguments)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Ran(code=result.exit_code, out=result.stdout, err=result.stderr)


class Running:
    """A running command. `text` is what it has written so far, to both streams."""

    def __init__(self, process: Program, heard: IO[bytes], keys: IO[bytes] | None = None) -> None:
        self.process = process
        self._keys = keys
        self._heard = b""
        self._ear = Thread(target=self._listen, args=(heard,), daemon=True)
        self._ear.start()

    @property
    def raw(self) -> str:
        """What it has written, with colours."""
        return self._heard.decode(errors="replace")

    @property
    def text(self) -> str:
        return re.sub(r"\x1b\[[\d;]*m", "", self.raw)

    def wait_for(self, pattern: str) -> None:
        """Wait until its output matches the pattern."""
        wait_until(lambda: re.search(pattern, self.text), f"{pattern!r} in the output")

    def press(self, key: str) -> None:
        """Press a key on its terminal."""
        assert self._keys is not None, "it has no terminal"
        self._keys.write(key.encode())

    def end(self) -> int:
        """Wait until it ends. Returns its exit code."""
        code = self.process.wait(_PATIENCE_S)
        self._ear.join(_PATIENCE_S)
        return code

    def _listen(self, heard: IO[bytes]) -> None:
        # Reading a terminal fails once its last process has ended. A pipe is empty then.
        try:
            while chunk := os.read(heard.fileno(), 65_536):
                self._heard += chunk
        except OSError:
            pass


@contextmanager
def started(*arguments: str, url: str, environment: Mapping[str, str] | None = None) -> Iterator[Running]:
    """Start a command whose standard output and error are one pipe."""
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb", buffering=0) as heard, _nothing() as nothing:
        program = Program(
            Start(
                arguments=arguments,
                environment=_environment(url, environment),
                directory=Path.cwd(),
                stdin=nothing,
                stdout=writing,
                stderr=writing,
            )
        )
        os.close(writing)
        yield from _running(program, heard)


@contextmanager
def on_terminal(*arguments: str, url: str, environment: Mapping[str, str] | None = None) -> Iterator[Running]:
    """Start a command on a terminal of its own, 100 columns wide."""
    ours, theirs = os.openpty()
    with os.fdopen(ours, "r+b", buffering=0) as screen:
        program = Program(
            Start(
                arguments=arguments,
                environment=_environment(
                    url, {"TERM": "xterm", "COLUMNS": "100", "LINES": "40", **(environment or {})}
                ),
                directory=Path.cwd(),
                stdin=theirs,
                stdout=theirs,
                stderr=theirs,
                has_terminal=True,
            )
        )
        os.close(theirs)
        yield from _running(program, screen, screen)


def _running(program: Program, heard: IO[bytes], keys: IO[bytes] | None = None) -> Iterator[Running]:
    try:
        yield Running(program, heard, keys)
    finally:
        program.kill()


@contextmanager
def _nothing() -> Iterator[int]:
    """An empty standard input."""
    with Path(os.devnull).open("rb") as nothing:
        yield nothing.fileno()


def _environment(url: str | None, more: Mapping[str, str] | None) -> dict[str, str]:
    clean = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ} | {"COLUMNS": str(_COLUMNS)}
    if url is not None:
        clean["DATABASE_URL"] = url
    return {**clean, **(more or {})}
