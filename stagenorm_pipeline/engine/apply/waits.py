"""Waits between two batches: sleep, pause, throttle."""

import threading
from collections.abc import Callable
from functools import partial
from typing import Protocol, TypeVar

from stagenorm_pipeline.config.guards import GuardSettings
from stagenorm_pipeline.config.throttle import ThrottlerName, ThrottleSettings
from stagenorm_pipeline.engine.apply.events import Event, Sleeping
from stagenorm_pipeline.engine.apply.pause import Control, read_control, sleep_unless_stopped, wait_while_paused
from stagenorm_pipeline.engine.apply.tuning import Tuning
from stagenorm_pipeline.engine.postgres.connection import Database
from stagenorm_pipeline.engine.throttle.guard import Guard, read_guard
from stagenorm_pipeline.engine.throttle.probe import Waiter
from stagenorm_pipeline.engine.throttle.throttle import Throttle, make_throttlers, take_reading
from stagenorm_pipeline.engine.throttle.throttled import ThrottleReason

T = TypeVar("T")


class _Retry(Protocol):
    """Call the attempt, and retry it after a passing error."""

    def __call__(self, attempt: Callable[[], T], /) -> T: ...


class Waits:
    """The waits of one runner. `throttle` None: it is never throttled.

    Its sessions share one throttle and one reading of the pause switch: one session reads and waits, and the others
    wait for that one.
    """

    def __init__(
        self,
        database: Database,
        *,
        sleep_ms: int,
        throttle: ThrottleSettings | None,
        guards: tuple[GuardSettings, ...],
        should_stop: Callable[[], bool],
        watch: Callable[[Event], None],
        record: Callable[[ThrottleReason | None], None],
        retry: _Retry,
    ) -> None:
        """Prepare the throttle. Raises ConfigurationError for an invalid replica URL."""
        self._database = database
        self._told_sleep_ms = self._sleep_ms = sleep_ms
        self._should_stop = should_stop
        self._watch = watch
        self._retry = retry
        # Reentrant, because a throttled session reads the pause switch too.
        self._waiting = threading.RLock()
        self._throttle: Throttle | None = None
        if throttle is not None:
            self._throttle = Throttle(
                (*make_throttlers(throttle), *self._make_guards(guards, throttle)),
                partial(retry, partial(take_reading, database, throttle)),
                interval_ms=throttle.probe_interval_ms,
                watch=watch,
                record=record,
            )

    def _make_guards(self, guards: tuple[GuardSettings, ...], throttle: ThrottleSettings) -> list[Guard]:
        if ThrottlerName.GUARD in throttle.ignore:
            return []
        return [Guard(guard, partial(self._retry, partial(read_guard, self._database, guard))) for guard in guards]

    @property
    def has_throttle(self) -> bool:
        return self._throttle is not None

    def tune(self, tuning: Tuning) -> None:
        """Sleep as a person set it for all runners; if nothing is set, as the run was told."""
        self._sleep_ms = self._told_sleep_ms if tuning.sleep_ms is None else tuning.sleep_ms

    def sleep(self) -> None:
        """Sleep for the time that was asked for between batches."""
        if self._sleep_ms > 0 and not self._should_stop():
            self._watch(Sleeping(milliseconds=self._sleep_ms))
            sleep_unless_stopped(self._sleep_ms / 1_000, self._should_stop)

    def may_wait(self) -> bool:
        """Tell whether a session that asked now might wait before its next batch, apart from a pause."""
        if self._sleep_ms > 0:
            return True
        if self._throttle is None:
            return False
        # Another session waits, or reads whether to wait.
        if not self._waiting.acquire(blocking=False):
            return True
        try:
            return self._throttle.is_due()
        finally:
            self._waiting.release()

    def wait_while_throttled(self, next_table: Callable[[], str | None]) -> None:
        """Wait until no throttler has a reason to wait. `next_table`: see `Throttle.wait`."""
        if self._throttle:
            with self._waiting:
                self._throttle.wait(next_table, self._should_stop, self.wait_while_paused)

    def wait_while_paused(self) -> bool:
        """Wait until work is no longer paused or a stop is requested. Return whether it was paused."""
        with self._waiting:
            return wait_while_paused(
                partial(self._retry, self._read_control), watch=self._watch, should_stop=self._should_stop
            )

    def note_waiters(self, waiters: tuple[Waiter, ...]) -> bool:
        """Note the sessions that waited behind the last batch. Return whether the next batch is delayed for them."""
        return self._throttle is not None and self._throttle.note_waiters(waiters)

    def close(self) -> None:
        """Close the connections of the throttle."""
        if self._throttle:
            self._throttle.close()

    def _read_control(self) -> Control:
        with self._database.transaction(is_short=True) as connection:
            return read_control(connection)
