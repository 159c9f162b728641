"""The throttle: asks its throttlers before a batch, says why it holds, and waits until none of them does.

What follows from blindness is decided here, once for all of them: what was visible and no longer is means hold, and so
does a server too busy to answer; what was never visible is said once, with what to do, and the run goes on; what a
person asked for by name has to be visible.
Does not belong here: what any one throttler looks at.
"""

import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime

import psycopg
from sqlalchemy.exc import DBAPIError

from stagenorm_pipeline.config.throttle import ThrottlerName, ThrottleSettings
from stagenorm_pipeline.engine.apply.events import Event, Throttled, ThrottleEnded, Unwatched
from stagenorm_pipeline.engine.postgres.connection import Database, first_line, psycopg_error
from stagenorm_pipeline.engine.postgres.retry import Failure, classify
from stagenorm_pipeline.engine.throttle.checkpoints import ForcedCheckpoints
from stagenorm_pipeline.engine.throttle.lock_queue import LockQueue
from stagenorm_pipeline.engine.throttle.probe import Reading, Waiter, read
from stagenorm_pipeline.engine.throttle.replica_lag import ReplicaLag
from stagenorm_pipeline.engine.throttle.replica_url import ReplicaUrl
from stagenorm_pipeline.engine.throttle.throttled import ThrottleReason
from stagenorm_pipeline.engine.throttle.throttler import CannotSeeError, Throttler
from stagenorm_pipeline.engine.throttle.vacuum import VacuumOnTable
from stagenorm_pipeline.engine.throttle.wal_rate import WalRate
from stagenorm_pipeline.errors import RefusedError

# Slices of a wait, so that a request to stop is heard at once.
_SLICE_S = 0.05
# A log that is silent for hours looks like a program that hangs.
_TOLD_AGAIN_AFTER_S = 60.0


def throttlers_of(settings: ThrottleSettings) -> tuple[Throttler, ...]:
    """Those that are not ignored. Raises ConfigurationError for a replica URL that cannot be one."""
    everyone: tuple[Throttler, ...] = (
        ReplicaLag(settings),
        *(ReplicaUrl(url, settings) for url in settings.replica_urls),
        LockQueue(settings),
        VacuumOnTable(settings),
        WalRate(settings),
        ForcedCheckpoints(settings),
    )
    return tuple(throttler for throttler in everyone if throttler.name not in settings.ignore)


def look_at(database: Database, settings: ThrottleSettings) -> Reading:
    """One reading of the primary. Raises CannotSeeError for all but a lost connection, which is raised as it is."""
    try:
        with database.transaction(is_short=True) as connection:
            return read(connection, time.monotonic(), settings.probe_timeout_ms)
    except (DBAPIError, psycopg.Error, RefusedError) as error:
        failure = classify(error)
        if failure is Failure.CONNECTION:
            raise
        is_late = isinstance(psycopg_error(error), psycopg.errors.QueryCanceled)
        raise CannotSeeError(
            f"the throttle's question was not answered: {first_line(error)}",
            "see whether the server is overloaded; probe_timeout_ms in [throttle] is how long an answer may take"
            if is_late
            else "let this role read pg_stat_replication, pg_locks and pg_stat_progress_vacuum",
            is_passing=is_late or failure is Failure.CONTENTION,
        ) from error


class Throttle:
    """Waits before a batch for as long as any throttler has a reason. Use it as one runner's, from one thread.

    `look` takes a reading. `record` hears of each change of state: a ThrottleReason, or None when the work goes on.
    """

    def __init__(
        self,
        throttlers: Iterable[Throttler],
        look: Callable[[], Reading],
        *,
        interval_ms: int,
        watch: Callable[[Event], None],
        record: Callable[[ThrottleReason | None], None] = lambda _: None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._throttlers = tuple(throttlers)
        self._look = look
        self._interval_s = interval_ms / 1_000
        self._watch = watch
        self._record = record
        self._clock = clock
        self._sleep = sleep
        self._seeing: set[Throttler] = {one for one in self._throttlers if one.is_asked_for}
        self._said: set[ThrottlerName] = set()
        self._looked_at: float | None = None
        self._hold: ThrottleReason | None = None
        self._holding: frozenset[Throttler] = frozenset()
        self._held_at = self._told_at = 0.0

    def wait(
        self,
        next_table: Callable[[], str | None],
        should_stop: Callable[[], bool],
        wait_while_paused: Callable[[], object],
    ) -> None:
        """Return when the next batch may start, or at once when asked to stop.

        Looks at most once an interval. Before each look `wait_while_paused` is called, so that a pause during a hold is
        heard, and `next_table` for the table (schema.table) that comes next; None: nothing waits any more.
        """
        while not should_stop() and self._is_due():
            wait_while_paused()
            table = None if should_stop() else next_table()
            if table is None:
                return
            self._looked_at = self._clock()
            if not self._holds(table):
                return
            while not self._is_interval_over() and not should_stop():
                self._sleep(_SLICE_S)

    def note_waiters(self, waiters: tuple[Waiter, ...]) -> bool:
        """Hear who waited for a lock behind the runner's own batch; whether the next one will wait for their sake."""
        noted = [one.note(waiters) for one in self._throttlers if isinstance(one, LockQueue)]
        if any(noted):
            self._looked_at = None
        return any(noted)

    def close(self) -> None:
        """Close the connections that throttlers keep."""
        for throttler in self._throttlers:
            throttler.close()

    def _is_due(self) -> bool:
        return self._hold is not None or self._is_interval_over()

    def _is_interval_over(self) -> bool:
        return self._looked_at is None or self._clock() - self._looked_at >= self._interval_s

    def _holds(self, table: str) -> bool:
        try:
            reading: Reading | CannotSeeError = self._look()
        except CannotSeeError as blind:
            reading = blind
        reasons = {one: reason for one in self._throttlers if (reason := self._reason(one, reading, table))}
        self._tell(reasons)
        return bool(reasons)

    def _reason(self, throttler: Throttler, reading: Reading | CannotSeeError, table: str) -> str | None:
        try:
            if isinstance(reading, CannotSeeError):
                raise reading
            reason = throttler.look(reading, table)
        except CannotSeeError as blind:
            if throttler in self._seeing or blind.is_passing:
                return f"{blind.message}; {blind.remedy}"
            self._say_once(throttler, blind)
            return None
        self._seeing.add(throttler)
        return reason

    def _say_once(self, throttler: Throttler, blind: CannotSeeError) -> None:
        is_asked = throttler.name is ThrottlerName.REPLICA_LAG and any(
            other.name is ThrottlerName.REPLICA_URL for other in self._throttlers
        )
        # Where the replicas are asked in person, what the primary does not show is not missed.
        if throttler.name not in self._said and not is_asked:
            self._watch(
                Unwatched(throttler=throttler.name, reason=blind.message, remedy=blind.remedy, is_wrong=blind.is_wrong)
            )
        self._said.add(throttler.name)

    def _tell(self, reasons: dict[Throttler, str]) -> None:
        now = self._clock()
        before, self._holding = self._holding, frozenset(reasons)
        if not reasons:
            if self._hold is not None:
                self._watch(ThrottleEnded(reason=self._hold.reason, seconds=now - self._held_at))
                self._hold = None
                self._record(None)
            return
        if self._hold is None:
            self._held_at = now
        since = self._hold.since if self._hold else datetime.now(UTC)
        self._hold = ThrottleReason(reason="; ".join(dict.fromkeys(reasons.values())), since=since)
        if self._holding != before or now - self._told_at >= _TOLD_AGAIN_AFTER_S:
            self._told_at = now
            self._watch(Throttled(reason=self._hold.reason, since=since))
        if self._holding != before:
            self._record(self._hold)
