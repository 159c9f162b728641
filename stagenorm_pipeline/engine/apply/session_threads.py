"""Run the sessions of a runner in threads, and deliver their events in the caller's thread."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from queue import Empty, SimpleQueue

from stagenorm_pipeline.engine.apply.events import Event
from stagenorm_pipeline.engine.apply.shared_work import SharedWork

# How often the caller's thread looks for signals while it waits: on Windows nothing interrupts a wait.
_POLL_S = 0.2
# After an interrupt: how long to wait for the sessions, whose statements were cancelled. `cli.interrupt` allows it.
_LAST_WAIT_S = 0.4


class SessionEnd(StrEnum):
    """Why a session returned."""

    FINISHED = "finished"
    """No batch is left for it, or it was asked to stop."""
    LEFT = "left"
    """It was told to leave. Batches may be left."""


# Runs one session. It asks between two batches whether to leave.
RunSession = Callable[[Callable[[], bool]], SessionEnd]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ended:
    """A session ended."""

    how: SessionEnd


@dataclass(frozen=True, slots=True, kw_only=True)
class _Failed:
    """A session ended with this error."""

    error: BaseException


class SessionThreads:
    """The threads of one runner. `watch` hears every event in the thread that made this object."""

    def __init__(self, watch: Callable[[Event], None]) -> None:
        self._watch = watch
        self._caller = threading.get_ident()
        self._inbox: SimpleQueue[Event | _Ended | _Failed] = SimpleQueue()
        self._threads: list[threading.Thread] = []

    def tell(self, event: Event) -> None:
        """Deliver an event, from any thread."""
        if threading.get_ident() == self._caller:
            self._watch(event)
        else:
            self._inbox.put(event)

    def run(
        self,
        new_session: Callable[[], RunSession],
        shared: SharedWork,
    ) -> None:
        """Run as many sessions as are wanted, until no batch is left. A single one runs in the caller's thread.

        After an error in one session, the others end after their batch, and the first error is raised. After an error
        in the caller's thread (an interrupt), all sessions end at once.
        """
        session, count = new_session(), shared.sessions
        count.add()
        # If more sessions are wanted later, this one continues in a thread: the caller's has to deliver events.
        if count.wanted == 1 and session(count.is_short) is SessionEnd.FINISHED:
            return
        try:
            self._start(session, shared)
            errors = self._deliver_until_all_ended(new_session, shared)
        except BaseException:
            shared.abandon()
            _join(self._threads, _LAST_WAIT_S)
            raise
        if errors:
            raise errors[0]

    def _start(self, session: RunSession, shared: SharedWork) -> None:
        # A daemon: after an interrupt, a session that waits for a silent server must not keep the process alive.
        thread = threading.Thread(target=self._run, args=(session, shared), daemon=True)
        self._threads.append(thread)
        thread.start()

    def _run(self, session: RunSession, shared: SharedWork) -> None:
        try:
            how = session(shared.sessions.leave_if_surplus)
            if how is SessionEnd.LEFT:
                shared.release_connection()
            self._inbox.put(_Ended(how=how))
        except BaseException as error:
            self._inbox.put(_Failed(error=error))

    def _deliver_until_all_ended(
        self, new_session: Callable[[], RunSession], shared: SharedWork
    ) -> list[BaseException]:
        errors: list[BaseException] = []
        running, may_add = 1, True
        while running:
            while may_add and shared.sessions.is_short():
                shared.sessions.add()
                self._start(new_session(), shared)
                running += 1
            try:
                message = self._inbox.get(timeout=_POLL_S)
            except Empty:
                continue
            match message:
                case _Ended(how=how):
                    running -= 1
                    may_add = may_add and how is SessionEnd.LEFT
                case _Failed(error=error):
                    running -= 1
                    may_add = False
                    errors.append(error)
                    shared.end()
                case _:
                    self._watch(message)
        return errors


def _join(threads: Sequence[threading.Thread], seconds: float) -> None:
    end = time.monotonic() + seconds
    for thread in threads:
        if thread.is_alive():
            thread.join(max(0.0, end - time.monotonic()))
