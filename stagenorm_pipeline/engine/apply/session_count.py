"""How many sessions of a runner apply batches, and how many should. `stagenorm tune --parallel` changes it."""

import threading
from collections.abc import Callable

from stagenorm_pipeline.engine.apply.events import SessionLimit, SessionsTuned


class SessionCount:
    """Counts the sessions of one runner. Every method may be called from any session's thread.

    `told`: how many sessions the run was told. `batches`: how many were waiting; each needs at most one session.
    """

    def __init__(self, *, told: int, batches: int) -> None:
        self._told = self._asked = told
        self._most = max(1, batches)
        self._running = 0
        self._wanted = min(told, self._most)
        self._changing = threading.Lock()

    @property
    def wanted(self) -> int:
        return self._wanted

    def tune(self, parallel: int | None, spare_connections: Callable[[], int]) -> SessionsTuned | None:
        """Change how many sessions are wanted; None: as many as the run was told. Returns None if nothing changes.

        Never adds more sessions than there are spare connections, which are read only if sessions are to be added.
        """
        with self._changing:
            asked = self._told if parallel is None else parallel
            if asked == self._asked:
                return None
            self._asked = asked
            self._wanted, limit = self._within_limits(asked, spare_connections)
            return SessionsTuned(sessions=self._wanted, asked=asked, limit=limit)

    def _within_limits(self, asked: int, spare_connections: Callable[[], int]) -> tuple[int, SessionLimit]:
        wanted, limit = (asked, SessionLimit.NONE) if asked <= self._most else (self._most, SessionLimit.BATCHES)
        if wanted > self._running:
            connected = max(1, self._running + spare_connections())
            if connected < wanted:
                return connected, SessionLimit.CONNECTIONS
        return wanted, limit

    def is_short(self) -> bool:
        """Tell whether more sessions should run."""
        return self._running < self._wanted

    def is_settled(self) -> bool:
        """Tell whether as many sessions run as should."""
        return self._running == self._wanted

    def add(self) -> None:
        """Note that one more session runs."""
        with self._changing:
            self._running += 1

    def leave_if_surplus(self) -> bool:
        """Tell the session that asks whether it should end, and note that it does."""
        with self._changing:
            is_surplus = self._running > self._wanted
            self._running -= is_surplus
            return is_surplus
