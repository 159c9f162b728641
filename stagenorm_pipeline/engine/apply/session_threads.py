"""Run the sessions of a runner in threads, and deliver their events in the caller's thread."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from queue import Empty, SimpleQueue

from stagenorm_pipeline.engine.apply.events import Event

# How often the caller's thread looks for signals while it waits: on Windows nothing interrupts a wait.
_POLL_S = 0.2
# After an interrupt: how long to wait for the sessions, whose statements were cancelled. `cli.interrupt` allows it.
_LAST_WAIT_S = 0.4


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ended:
    """A session ended, with this error or without one."""

    error: BaseException | None


class SessionThreads:
    """The threads of one runner. `watch` hears every event in the thread that made this object."""

    def __init__(self, watch: Callable[[Event], None]) -> None:
        self._watch = watch
        self._caller = threading.get_ident()
        self._inbox: SimpleQueue[Event | _Ended] = SimpleQueue()

    def tell(self, event: Event) -> None:
        """Deliver an event, from any thread."""
        if threading.get_ident() == self._caller:
            self._watch(event)
        else:
            self._inbox.put(event)

    def run(
        self, sessions: Sequence[Callable[[], None]], *, end: Callable[[], None], abandon: Callable[[], None]
    ) -> None:
        """Run the sessions to their end; a single one in the caller's thread.

        After an error in one session, `end` asks the others to end after their batch, and the first error is raised.
        After an error in the caller's thread (an interrupt), `abandon` ends all sessions at once.
        """
        if len(sessions) == 1:
            sessions[0]()
            return
        # Daemons: after an interrupt, a session that waits for a silent server must not keep the process alive.
        threads = [threading.Thread(target=self._run, args=(session,), daemon=True) for session in sessions]
        try:
            for thread in threads:
                thread.start()
            errors = self._deliver_until_all_ended(len(threads), end)
        except BaseException:
            abandon()
            _join(threads, _LAST_WAIT_S)
            raise
        if errors:
            raise errors[0]

    def _run(self, session: Callable[[], None]) -> None:
        error: BaseException | None = None
        try:
            session()
        except BaseException as raised:
            error = raised
        self._inbox.put(_Ended(error=error))

    def _deliver_until_all_ended(self, running: int, end: Callable[[], None]) -> list[BaseException]:
        errors: list[BaseException] = []
        while running:
            try:
                message = self._inbox.get(timeout=_POLL_S)
            except Empty:
                continue
            if not isinstance(message, _Ended):
                self._watch(message)
                continue
            running -= 1
            if message.error is not None:
                errors.append(message.error)
                end()
        return errors


def _join(threads: Sequence[threading.Thread], seconds: float) -> None:
    end = time.monotonic() + seconds
    for thread in threads:
        if thread.is_alive():
            thread.join(max(0.0, end - time.monotonic()))
