"""Run the real engine in a process that blocks at a failpoint, so that a test can kill it exactly there.

Each program is forked from one server process that has imported everything, so a thousand programs take minutes.
"""

import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Any, Self

from stagenorm_pipeline.engine.postgres.connection import Database
from stagenorm_pipeline.engine.postgres.failpoints import Failpoint, listen
from stagenorm_pipeline_tests.support.forked_programs import forks

# Longer than the engine's own retries: a program that takes longer hangs.
PATIENCE_S = 60.0

# What a program does with its database. It must be picklable: a function of a module, or a `functools.partial` of one.
Work = Callable[[Database], Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """Where a program blocks: at the n-th arrival at a failpoint, counted from 1."""

    step: Failpoint
    arrival: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a program ended without being killed: what its work returned or, in `error`, what it raised."""

    value: Any = None
    error: str | None = None


class ProgramHangsError(Exception):
    """The program neither reached its failpoint nor ended."""


class BlockedProgram:
    """A running program. The context manager kills it at the end."""

    def __init__(self, url: str, work: Work, stop: Stop | None = None, *, patience_s: float = PATIENCE_S) -> None:
        self._patience_s = patience_s
        self._connection, theirs = forks.Pipe()
        self._process = forks.Process(target=_run, args=(url, work, stop, theirs), daemon=True)
        self._process.start()
        theirs.close()
        self._outcome: Outcome | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()
        self._connection.close()

    def comes_to_its_stop(self) -> bool:
        """Wait until it blocks. Returns False if it ended before that."""
        message = self._hear()
        if isinstance(message, Outcome):
            self._outcome = message
            return False
        return True

    def go_on(self, stop: Stop | None = None) -> None:
        """Let a blocked program continue to the next failpoint or to its end."""
        self._connection.send(stop)

    def outcome(self) -> Outcome:
        """Wait for its end."""
        if self._outcome is None:
            message = self._hear()
            assert isinstance(message, Outcome), f"it blocked at {message} instead of ending"
            self._outcome = message
        return self._outcome

    def is_alive(self) -> bool:
        """Whether its work has neither ended nor blocked."""
        return not self._connection.poll(0)

    def kill(self) -> None:
        """Send SIGKILL and wait until the process is gone."""
        self._process.kill()
        self._process.join()

    def freeze(self) -> None:
        """Send SIGSTOP: the server sees a client that hangs."""
        os.kill(self._pid, signal.SIGSTOP)

    def thaw(self) -> None:
        os.kill(self._pid, signal.SIGCONT)

    @property
    def _pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    def _hear(self) -> Any:
        if not self._connection.poll(self._patience_s):
            raise ProgramHangsError
        return self._connection.recv()


def _run(url: str, work: Work, stop: Stop | None, connection: Connection) -> None:
    if stop is not None:
        _block_at(stop, connection)
    database = Database.at(url)
    try:
        outcome = Outcome(value=work(database))
    except Exception as error:
        outcome = Outcome(error=f"{type(error).__name__}: {error}")
    connection.send(outcome)


def _block_at(stop: Stop, connection: Connection) -> None:
    waiting: Stop | None = stop
    arrivals = 0

    def listener(step: Failpoint) -> None:
        nonlocal waiting, arrivals
        if waiting is None or step is not waiting.step:
            return
        arrivals += 1
        if arrivals == waiting.arrival:
            arrivals = 0
            connection.send(step)
            waiting = connection.recv()

    listen(listener)
