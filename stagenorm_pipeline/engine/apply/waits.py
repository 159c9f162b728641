"""What a runner waits for between two batches: the sleep, the pause switch, and the throttle.

Does not belong here: which batch comes next (see `apply`), or why the throttle holds (see `throttle`).
"""

import time
from collections.abc import Callable
from functools import partial
from typing import Protocol, TypeVar

from stagenorm_pipeline.config.throttle import ThrottleSettings
from stagenorm_pipeline.engine.apply.events import Event, Paused, Sleeping
from stagenorm_pipeline.engine.apply.pause import Control, read_control
from stagenorm_pipeline.engine.postgres.connection import Database
from stagenorm_pipeline.engine.throttle.probe import Waiter
from stagenorm_pipeline.engine.throttle.throttle import Throttle, look_at, throttlers_of
from stagenorm_pipeline.engine.throttle.throttled import ThrottleReason

_PAUSE_POLL_S = 0.5
_SLICE_S = 0.05

T = TypeVar("T")


class _Retry(Protocol):
    """Calls the attempt, again where it failed for a passing reason."""

    def __call__(self, attempt: Callable[[], T], /) -> T: ...


class Waits:
    """One runner's. `throttle` None: there is no throttle."""

    def __init__(
        self,
        database: Database,
        *,
        sleep_ms: int,
        throttle: ThrottleSettings | None,
        should_stop: Callable[[], bool],
        watch: Callable[[Event], None],
        record: Callable[[ThrottleReason | None], None],
        retry: _Retry,
    ) -> None:
        """Raises ConfigurationError for a replica URL that cannot be one."""
        self._database = database
        self._sleep_ms = sleep_ms
        self._should_stop = should_stop
        self._watch = watch
        self._retry = retry
        self._throttle: Throttle | None = None
        if throttle is not None:
            self._throttle = Throttle(
                throttlers_of(throttle),
                partial(retry, partial(look_at, database, throttle)),
                interval_ms=throttle.probe_interval_ms,
                watch=watch,
                record=record,
            )

    @property
    def is_throttled(self) -> bool:
        return self._throttle is not None

    def sleep(self) -> None:
        """The pause after a batch."""
        if self._sleep_ms > 0 and not self._should_stop():
            self._watch(Sleeping(milliseconds=self._sleep_ms))
            self._wait(self._sleep_ms / 1_000)

    def hold(self, next_table: Callable[[], str | None]) -> None:
        """Wait for as long as the throttle has a reason to hold. `next_table`: see `Throttle.wait`."""
        if self._throttle:
            self._throttle.wait(next_table, self._should_stop, self.is_paused)

    def note_waiters(self, waiters: tuple[Waiter, ...]) -> bool:
        """Hear who waited behind a batch; whether the next one will wait for their sake."""
        return self._throttle is not None and self._throttle.note_waiters(waiters)

    def is_paused(self) -> bool:
        """Whether all work was paused; comes back when it is no more, or when we are to stop."""
        announced = False
        while (control := self._retry(self._control)).paused:
            if not announced:
                self._watch(
                    Paused(reason=control.reason or "no reason given", changed_by=control.changed_by or "somebody")
                )
                announced = True
            self._wait(_PAUSE_POLL_S)
            if self._should_stop():
                break
        return announced

    def close(self) -> None:
        """Close what the throttle keeps open."""
        if self._throttle:
            self._throttle.close()

    def _control(self) -> Control:
        with self._database.transaction(is_short=True) as connection:
            return read_control(connection)

    def _wait(self, seconds: float) -> None:
        """Sleep in slices, so that a request to stop is heard at once."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0 and not self._should_stop():
            time.sleep(min(left, _SLICE_S))
