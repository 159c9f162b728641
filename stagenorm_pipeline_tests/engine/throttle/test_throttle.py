"""The throttle: when it waits, what it reports and records, and what it does when it cannot read."""

from collections.abc import Callable

import pytest

from stagenorm_pipeline.config.throttle import LAG_THROTTLERS, ThrottlerName, ThrottleSettings
from stagenorm_pipeline.engine.apply.events import Event, Throttled, ThrottleEnded, Unwatched
from stagenorm_pipeline.engine.throttle.probe import Reading
from stagenorm_pipeline.engine.throttle.throttle import Throttle, make_throttlers
from stagenorm_pipeline.engine.throttle.throttled import ThrottleReason
from stagenorm_pipeline.engine.throttle.throttler import CannotSeeError, Throttler
from stagenorm_pipeline_tests.support.throttle_readings import TABLE, at, behind_us, replica, vacuum

FINE = None


class Scripted:
    """A throttler that answers each reading as scripted: with a reason, None, or an error."""

    def __init__(self, *says: str | CannotSeeError | None, is_required: bool = False) -> None:
        self._says = list(says)
        self.is_required = is_required
        self.name = ThrottlerName.REPLICA_URL if is_required else ThrottlerName.REPLICA_LAG
        self.looks = 0

    def reason(self, reading: Reading, table: str) -> str | None:  # noqa: ARG002 - the script says it all
        self.looks += 1
        said = self._says.pop(0) if self._says else None
        if isinstance(said, CannotSeeError):
            raise said
        return said

    def close(self) -> None:
        self.looks = -1


class Stage:
    """A throttle with a clock that moves only while it sleeps; keeps all events and records."""

    def __init__(self, *throttlers: Throttler, look: Callable[[], Reading] | None = None) -> None:
        self.now = 0.0
        self.events: list[Event] = []
        self.recorded: list[ThrottleReason | None] = []
        self.throttle = Throttle(
            throttlers,
            look or (lambda: at(self.now)),
            interval_ms=1_000,
            watch=self.events.append,
            record=self.recorded.append,
            clock=lambda: self.now,
            sleep=self._sleep,
        )

    def _sleep(self, seconds: float) -> None:
        self.now += seconds

    def wait(self, should_stop: Callable[[], bool] = lambda: False) -> float:
        """Wait as a runner does before a batch, and return the seconds."""
        before = self.now
        self.throttle.wait(lambda: TABLE, should_stop, lambda: None)
        return self.now - before

    def batch(self) -> float:
        """Wait, then work for two seconds."""
        waited = self.wait()
        self.now += 2
        return waited


def blind(message: str = "nothing to see", *, is_passing: bool = False) -> CannotSeeError:
    return CannotSeeError(message, "open your eyes", is_passing=is_passing)


def test_throttle_without_a_reason_does_not_wait() -> None:
    stage = Stage(Scripted())
    assert [stage.batch(), stage.batch()] == [0, 0]
    assert (stage.events, stage.recorded) == ([], [])


def test_throttling_and_its_end_are_reported_and_recorded_once() -> None:
    stage = Stage(Scripted(FINE, "too far", "still too far", FINE))
    assert stage.batch() == 0
    assert stage.batch() == pytest.approx(2, abs=0.2)
    throttled, ended = stage.events
    assert isinstance(throttled, Throttled)
    assert throttled.reason == "too far"
    assert isinstance(ended, ThrottleEnded)
    assert ended.reason == "still too far"
    assert ended.seconds == pytest.approx(2, abs=0.2)
    assert stage.recorded == [ThrottleReason(reason="too far", since=throttled.since), None]


def test_reason_names_every_throttler_and_changes_are_reported() -> None:
    stage = Stage(Scripted("first", "first", FINE), Scripted(FINE, "second", FINE))
    stage.batch()
    assert [event.reason for event in stage.events if isinstance(event, Throttled)] == ["first", "first; second"]
    assert [one and one.reason for one in stage.recorded] == ["first", "first; second", None]
    assert len({event.since for event in stage.events if isinstance(event, Throttled)}) == 1


def test_long_throttling_is_reported_each_minute_and_recorded_once() -> None:
    stage = Stage(Scripted(*["far"] * 130))
    stage.batch()
    assert len([event for event in stage.events if isinstance(event, Throttled)]) == 3
    assert len(stage.recorded) == 2


def test_unwatched_is_reported_once_and_the_run_continues() -> None:
    stage = Stage(Scripted(blind(), blind(), blind()))
    assert [stage.batch() for _ in range(3)] == [0, 0, 0]
    assert stage.events == [Unwatched(throttler="replica_lag", reason="nothing to see", remedy="open your eyes")]


def test_runner_waits_for_what_it_can_no_longer_see() -> None:
    stage = Stage(Scripted(FINE, blind("gone"), blind("gone"), FINE))
    assert stage.batch() == 0
    assert stage.batch() == pytest.approx(2, abs=0.2)
    assert [type(event) for event in stage.events] == [Throttled, ThrottleEnded]
    assert isinstance(stage.events[0], Throttled)
    assert stage.events[0].reason == "gone; open your eyes"


def test_required_throttler_must_see_from_the_start() -> None:
    stage = Stage(Scripted(blind("no answer"), FINE, is_required=True))
    assert stage.batch() == pytest.approx(1, abs=0.2)
    assert [type(event) for event in stage.events] == [Throttled, ThrottleEnded]


def test_busy_server_throttles_from_the_start() -> None:
    answers: list[Reading | CannotSeeError] = [blind("late", is_passing=True), at(0)]

    def look() -> Reading:
        answer = answers.pop(0)
        if isinstance(answer, CannotSeeError):
            raise answer
        return answer

    stage = Stage(Scripted(), Scripted(), look=look)
    assert stage.batch() == pytest.approx(1, abs=0.2)
    assert isinstance(stage.events[0], Throttled)
    assert stage.events[0].reason == "late; open your eyes"


def test_replicas_asked_by_url_need_not_be_visible() -> None:
    stage = Stage(Scripted(blind()), Scripted(is_required=True))
    stage.batch()
    assert stage.events == []


def test_throttle_reads_at_most_once_per_interval() -> None:
    throttler = Scripted()
    stage = Stage(throttler)
    for _ in range(20):
        stage.wait()
        stage.now += 0.25
    assert throttler.looks == 5


def test_stop_ends_throttling_within_a_slice() -> None:
    stage = Stage(Scripted(*["far"] * 100))
    assert stage.wait(should_stop=lambda: stage.now >= 3.3) == pytest.approx(3.3, abs=0.06)


def test_pause_works_while_throttled() -> None:
    """Nothing is read while paused."""
    throttler = Scripted(*["far"] * 3)
    stage = Stage(throttler)
    pauses: list[int] = []
    stage.throttle.wait(lambda: TABLE, lambda: False, lambda: pauses.append(throttler.looks))
    assert pauses == [0, 1, 2, 3]


def test_throttling_ends_when_no_batch_is_left() -> None:
    tables = [TABLE, TABLE, None]
    stage = Stage(Scripted(*["far"] * 100))
    stage.throttle.wait(lambda: tables.pop(0), lambda: False, lambda: None)
    assert stage.now == pytest.approx(2, abs=0.2)


def test_next_batch_waits_an_interval_after_users_waited() -> None:
    stage = Stage(*make_throttlers(ThrottleSettings(ignore=LAG_THROTTLERS)))
    stage.wait()
    assert not stage.throttle.note_waiters((behind_us(10),))
    assert stage.wait() == 0
    assert stage.throttle.note_waiters((behind_us(2_000),))
    assert stage.wait() == pytest.approx(1, abs=0.1)


def test_ignored_throttler_does_nothing() -> None:
    seen = at(0, 10**9, replicas=(replica(10**9, written=10**9),), vacuums=(vacuum(),))
    assert Stage(*make_throttlers(ThrottleSettings()), look=lambda: seen).wait(should_stop=_after(3)) > 0
    stage = Stage(*make_throttlers(ThrottleSettings(ignore=LAG_THROTTLERS | {ThrottlerName.VACUUM})), look=lambda: seen)
    assert stage.wait() == 0
    assert stage.events == []


def _after(times: int) -> Callable[[], bool]:
    asked = iter([False] * times)
    return lambda: next(asked, True)


def test_throttle_events_read_as_sentences() -> None:
    stage = Stage(Scripted(blind()), Scripted("far", FINE))
    stage.batch()
    unwatched, throttled, ended = (str(event) for event in stage.events)
    assert unwatched == "Not watched (replica_lag): nothing to see. What to do: open your eyes."
    assert throttled.startswith("Throttled since ")
    assert throttled.endswith(" UTC: far")
    assert ended == "Continuing after 1.0 s of throttling: far"
