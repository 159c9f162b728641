"""The real engine in a process of its own that blocks at a named step, so that a test can kill it exactly there.

Each program is forked from one warm server process that has imported everything, so a thousand of them cost minutes.
Does not belong here: what the program does (see `work`), nor what must hold after its death (see `laws`).
"""

import multiprocessing
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Any, Self

from stagenorm_pipeline.engine.postgres.connection import Database
from stagenorm_pipeline.engine.postgres.failpoints import Failpoint, listen

# Longer than the engine's own retries: beyond it the program hangs, which is a defect of its own.
PATIENCE_S = 60.0

_warm = multiprocessing.get_context("forkserver")
_warm.set_forkserver_preload(["stagenorm_pipeline_tests.support.engine_calls"])

# What a program does with its database; must be found by name in a module, with `functools.partial` at most.
Work = Callable[[Database], Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """The n-th arrival at a step, counted from 1, from now on."""

    step: Failpoint
    arrival: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a program ended by itself: what its work returned or, in `error`, what it raised."""

    value: Any = None
    error: str | None = None


class ProgramHangsError(Exception):
    """The program neither came to its stop nor to an end."""


class BlockedProgram:
    """A running program. As a context manager it is killed at the end, whatever it does."""

    def __init__(self, url: str, work: Work, stop: Stop | None = None, *, patience_s: float = PATIENCE_S) -> None:
        self._patience_s = patience_s
        self._connection, theirs = _warm.Pipe()
        self._process = _warm.Process(target=_run, args=(url, work, stop, theirs), daemon=True)
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
        """Wait until it blocks; False when it ended without getting there."""
        message = self._hear()
        if isinstance(message, Outcome):
            self._outcome = message
            return False
        return True

    def go_on(self, stop: Stop | None = None) -> None:
        """Let a blocked program continue, to the next stop or to its end."""
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
        """SIGKILL; returns when the process is gone."""
        self._process.kill()
        self._process.join()

    def freeze(self) -> None:
        """SIGSTOP: to the server it is a client that vanished, or hangs."""
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
    _block_at(stop, connection)
    database = Database.at(url)
    try:
        outcome = Outcome(value=work(database))
    except Exception as error:
        outcome = Outcome(error=f"{type(error).__name__}: {error}")
    connection.send(outcome)


def _block_at(stop: Stop | None, connection: Connection) -> None:
    waiting = stop
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
