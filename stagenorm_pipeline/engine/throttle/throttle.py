"""Ask the throttlers before a batch, and wait while one of them has a reason.

When a throttler cannot read what it watches:
- It could before, or the server is too busy to answer: wait.
- It never could: report it once, with what to do, and continue.
- A user named what it watches: wait.
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
from stagenorm_pipeline.engine.throttle.archive_backlog import ArchiveBacklog
from stagenorm_pipeline.engine.throttle.checkpoints import ForcedCheckpoints
from stagenorm_pipeline.engine.throttle.lock_queue import LockQueue
from stagenorm_pipeline.engine.throttle.probe import Reading, Waiter, read_primary
from stagenorm_pipeline.engine.throttle.replica_lag import ReplicaLag
from stagenorm_pipeline.engine.throttle.replica_url import ReplicaUrl
from stagenorm_pipeline.engine.throttle.throttled import ThrottleReason
from stagenorm_pipeline.engine.throttle.throttler import CannotSeeError, Throttler
from stagenorm_pipeline.engine.throttle.vacuum import VacuumOnTable
from stagenorm_pipeline.engine.throttle.wal_rate import WalRate
from stagenorm_pipeline.engine.throttle.wal_retained import WalRetained
from stagenorm_pipeline.errors import RefusedError

# Waits are slept in slices, so that a stop takes effect at once.
_SLICE_S = 0.05
# Repeated, because a log that is silent for hours looks like a program that hangs.
_REPEAT_AFTER_S = 60.0


def make_throttlers(settings: ThrottleSettings) -> tuple[Throttler, ...]:
    """Make the throttlers that are not ignored. Raises ConfigurationError for an invalid replica URL."""
    throttlers: tuple[Throttler, ...] = (
        ReplicaLag(settings),
        *(ReplicaUrl(url, settings) for url in settings.replica_urls),
        LockQueue(settings),
        VacuumOnTable(settings),
        WalRate(settings),
        ForcedCheckpoints(settings),
        WalRetained(settings),
        ArchiveBacklog(settings),
    )
    return tuple(throttler for throttler in throttlers if throttler.name not in settings.ignore)


def take_reading(database: Database, settings: ThrottleSettings) -> Reading:
    """Read the primary. Raises CannotSeeError for any error except a lost connection, which is raised as it is."""
    try:
        with database.transaction(is_short=True) as connection:
            return read_primary(connection, time.monotonic(), settings.probe_timeout_ms)
    except (DBAPIError, psycopg.Error, RefusedError) as error:
        failure = classify(error)
        if failure is Failure.CONNECTION:
            raise
        is_late = isinstance(psycopg_error(error), psycopg.errors.QueryCanceled)
        raise CannotSeeError(
            f"the throttle could not read the server: {first_line(error)}",
            "check whether the server is overloaded; probe_timeout_ms in [throttle] is how long an answer may take"
            if is_late
            else "let this role read pg_stat_replication, pg_locks and pg_stat_progress_vacuum",
            is_passing=is_late or failure is Failure.CONTENTION,
        ) from error


class Throttle:
    """Wait before a batch while any throttler has a reason. One per runner.

    One thread at a time may call `wait`. Any thread may call `note_waiters`, even while another one waits.

    `read` reads the primary. `record` is called at each change of state: with a ThrottleReason, or with None when the
    runner continues.
    """

    def __init__(
        self,
        throttlers: Iterable[Throttler],
        read: Callable[[], Reading],
        *,
        interval_ms: int,
        watch: Callable[[Event], None],
        record: Callable[[ThrottleReason | None], None] = lambda _: None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._throttlers = tuple(throttlers)
        self._read = read
        self._interval_s = interval_ms / 1_000
        self._watch = watch
        self._record = record
        self._clock = clock
        self._sleep = sleep
        # The throttlers that must be readable: required ones, and those that were readable before.
        self._must_see: set[Throttler] = {one for one in self._throttlers if one.is_required}
        self._reported_unwatched: set[ThrottlerName] = set()
        self._read_at: float | None = None
        self._throttled: ThrottleReason | None = None
        self._throttled_by: frozenset[Throttler] = frozenset()
        self._throttled_at = self._reported_at = 0.0

    def wait(
        self,
        next_table: Callable[[], str | None],
        should_stop: Callable[[], bool],
        wait_while_paused: Callable[[], object],
    ) -> None:
        """Return when the next batch may start, or at once when a stop is requested.

        Reads the primary at most once per interval. Before each reading it calls `wait_while_paused`, so that a pause
        works while throttled, and `next_table` for the table (schema.table) of the next batch; None: no batch is
        waiting any more.
        """
        while not should_stop() and self.is_due():
            wait_while_paused()
            table = None if should_stop() else next_table()
            if table is None:
                return
            self._read_at = self._clock()
            if not self._is_throttled(table):
                return
            while not self._is_interval_over() and not should_stop():
                self._sleep(_SLICE_S)

    def note_waiters(self, waiters: tuple[Waiter, ...]) -> bool:
        """Note the sessions that waited behind the runner's own batch. Return whether the next batch waits for them."""
        noted = [one.note(waiters) for one in self._throttlers if isinstance(one, LockQueue)]
        if any(noted):
            self._read_at = None
        return any(noted)

    def close(self) -> None:
        """Close the connections that throttlers keep open."""
        for throttler in self._throttlers:
            throttler.close()

    def is_due(self) -> bool:
        """Tell whether `wait` would read the primary, and so might wait."""
        return self._throttled is not None or self._is_interval_over()

    def _is_interval_over(self) -> bool:
        return self._read_at is None or self._clock() - self._read_at >= self._interval_s

    def _is_throttled(self, table: str) -> bool:
        try:
            reading: Reading | CannotSeeError = self._read()
        except CannotSeeError as error:
            reading = error
        reasons = {one: reason for one in self._throttlers if (reason := self._reason(one, reading, table))}
        self._report(reasons)
        return bool(reasons)

    def _reason(self, throttler: Throttler, reading: Reading | CannotSeeError, table: str) -> str | None:
        try:
            if isinstance(reading, CannotSeeError):
                raise reading
            reason = throttler.reason(reading, table)
        except CannotSeeError as error:
            if throttler in self._must_see or error.is_passing:
                return f"{error.message}; {error.remedy}"
            self._report_unwatched(throttler, error)
            return None
        self._must_see.add(throttler)
        return reason

    def _report_unwatched(self, throttler: Throttler, error: CannotSeeError) -> None:
        has_replica_urls = throttler.name is ThrottlerName.REPLICA_LAG and any(
            other.name is ThrottlerName.REPLICA_URL for other in self._throttlers
        )
        # Replicas that are asked directly need not be visible on the primary.
        if throttler.name not in self._reported_unwatched and not has_replica_urls:
            self._watch(
                Unwatched(throttler=throttler.name, reason=error.message, remedy=error.remedy, is_wrong=error.is_wrong)
            )
        self._reported_unwatched.add(throttler.name)

    def _report(self, reasons: dict[Throttler, str]) -> None:
        """Report and record the reasons where they are new, and the end of throttling."""
        now = self._clock()
        before, self._throttled_by = self._throttled_by, frozenset(reasons)
        if not reasons:
            if self._throttled is not None:
                self._watch(ThrottleEnded(reason=self._throttled.reason, seconds=now - self._throttled_at))
                self._throttled = None
                self._record(None)
            return
        if self._throttled is None:
            self._throttled_at = now
        since = self._throttled.since if self._throttled else datetime.now(UTC)
        self._throttled = ThrottleReason(reason="; ".join(dict.fromkeys(reasons.values())), since=since)
        if self._throttled_by != before or now - self._reported_at >= _REPEAT_AFTER_S:
            self._reported_at = now
            self._watch(Throttled(reason=self._throttled.reason, since=since))
        if self._throttled_by != before:
            self._record(self._throttled)
