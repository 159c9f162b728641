"""The throttle: who holds, what is said and recorded, what blindness means, and how it waits."""

from collections.abc import Callable

import pytest

from stagenorm_pipeline.config.throttle import LAG_THROTTLERS, ThrottlerName, ThrottleSettings
from stagenorm_pipeline.engine.apply.events import Event, Throttled, ThrottleEnded, Unwatched
from stagenorm_pipeline.engine.throttle.probe import Reading
from stagenorm_pipeline.engine.throttle.throttle import Throttle, throttlers_of
from stagenorm_pipeline.engine.throttle.throttled import ThrottleReason
from stagenorm_pipeline.engine.throttle.throttler import CannotSeeError, Throttler
from stagenorm_pipeline_tests.support.throttle_readings import TABLE, at, behind_us, replica, vacuum

FINE = None


class Scripted:
    """A throttler that says, look by look, what a test wrote down: a reason, None, or an error."""

    def __init__(self, *says: str | CannotSeeError | None, is_asked_for: bool = False) -> None:
        self._says = list(says)
        self.is_asked_for = is_asked_for
        self.name = ThrottlerName.REPLICA_URL if is_asked_for else ThrottlerName.REPLICA_LAG
        self.looks = 0

    def look(self, reading: Reading, table: str) -> str | None:  # noqa: ARG002 - the script says it all
        self.looks += 1
        said = self._says.pop(0) if self._says else None
        if isinstance(said, CannotSeeError):
            raise said
        return said

    def close(self) -> None:
        self.looks = -1


class Stage:
    """A throttle with a clock that only its own sleeping moves, and all that it says and records."""

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
        """Wait as a runner does before a batch; the seconds it took."""
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


def test_without_a_reason_nothing_is_waited_for_said_or_recorded() -> None:
    stage = Stage(Scripted())
    assert [stage.batch(), stage.batch()] == [0, 0]
    assert (stage.events, stage.recorded) == ([], [])


def test_a_hold_is_said_and_recorded_once_with_its_reason_and_so_is_its_end() -> None:
    stage = Stage(Scripted(FINE, "too far", "still too far", FINE))
    assert stage.batch() == 0
    assert stage.batch() == pytest.approx(2, abs=0.2)
    held, released = stage.events
    assert isinstance(held, Throttled)
    assert held.reason == "too far"
    assert isinstance(released, ThrottleEnded)
    assert released.reason == "still too far"
    assert released.seconds == pytest.approx(2, abs=0.2)
    assert stage.recorded == [ThrottleReason(reason="too far", since=held.since), None]


def test_every_throttler_that_holds_is_in_the_reason_and_a_change_of_who_holds_is_said() -> None:
    stage = Stage(Scripted("first", "first", FINE), Scripted(FINE, "second", FINE))
    stage.batch()
    assert [event.reason for event in stage.events if isinstance(event, Throttled)] == ["first", "first; second"]
    assert [hold and hold.reason for hold in stage.recorded] == ["first", "first; second", None]
    assert len({event.since for event in stage.events if isinstance(event, Throttled)}) == 1


def test_a_long_hold_is_said_again_each_minute_and_recorded_once() -> None:
    stage = Stage(Scripted(*["far"] * 130))
    stage.batch()
    assert len([event for event in stage.events if isinstance(event, Throttled)]) == 3
    assert len(stage.recorded) == 2


def test_what_was_never_visible_is_said_once_with_what_to_do_and_the_run_goes_on() -> None:
    stage = Stage(Scripted(blind(), blind(), blind()))
    assert [stage.batch() for _ in range(3)] == [0, 0, 0]
    assert stage.events == [Unwatched(throttler="replica_lag", reason="nothing to see", remedy="open your eyes")]


def test_what_was_visible_and_no_longer_is_holds_until_it_is_visible_again() -> None:
    stage = Stage(Scripted(FINE, blind("gone"), blind("gone"), FINE))
    assert stage.batch() == 0
    assert stage.batch() == pytest.approx(2, abs=0.2)
    assert [type(event) for event in stage.events] == [Throttled, ThrottleEnded]
    assert isinstance(stage.events[0], Throttled)
    assert stage.events[0].reason == "gone; open your eyes"


def test_what_somebody_asked_for_has_to_be_visible_from_the_start() -> None:
    stage = Stage(Scripted(blind("no answer"), FINE, is_asked_for=True))
    assert stage.batch() == pytest.approx(1, abs=0.2)
    assert [type(event) for event in stage.events] == [Throttled, ThrottleEnded]


def test_a_server_too_busy_to_answer_holds_even_before_anything_was_seen() -> None:
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


def test_where_replicas_are_asked_in_person_what_the_primary_hides_is_not_missed() -> None:
    stage = Stage(Scripted(blind()), Scripted(is_asked_for=True))
    stage.batch()
    assert stage.events == []


def test_it_looks_at_most_once_an_interval_between_batches() -> None:
    throttler = Scripted()
    stage = Stage(throttler)
    for _ in range(20):
        stage.wait()
        stage.now += 0.25
    assert throttler.looks == 5


def test_a_request_to_stop_ends_a_hold_within_a_slice() -> None:
    stage = Stage(Scripted(*["far"] * 100))
    assert stage.wait(should_stop=lambda: stage.now >= 3.3) == pytest.approx(3.3, abs=0.06)


def test_a_pause_during_a_hold_is_heard_and_nothing_is_looked_at_while_it_lasts() -> None:
    throttler = Scripted(*["far"] * 3)
    stage = Stage(throttler)
    pauses: list[int] = []
    stage.throttle.wait(lambda: TABLE, lambda: False, lambda: pauses.append(throttler.looks))
    assert pauses == [0, 1, 2, 3]


def test_a_hold_ends_when_nothing_is_left_to_do() -> None:
    tables = [TABLE, TABLE, None]
    stage = Stage(Scripted(*["far"] * 100))
    stage.throttle.wait(lambda: tables.pop(0), lambda: False, lambda: None)
    assert stage.now == pytest.approx(2, abs=0.2)


def test_users_who_waited_behind_a_batch_have_the_next_one_wait_an_interval() -> None:
    stage = Stage(*throttlers_of(ThrottleSettings(ignore=LAG_THROTTLERS)))
    stage.wait()
    assert not stage.throttle.note_waiters((behind_us(10),))
    assert stage.wait() == 0
    assert stage.throttle.note_waiters((behind_us(2_000),))
    assert stage.wait() == pytest.approx(1, abs=0.1)


def test_an_ignored_throttler_neither_holds_nor_says_anything() -> None:
    seen = at(0, 10**9, replicas=(replica(10**9, written=10**9),), vacuums=(vacuum(),))
    assert Stage(*throttlers_of(ThrottleSettings()), look=lambda: seen).wait(should_stop=_after(3)) > 0
    stage = Stage(*throttlers_of(ThrottleSettings(ignore=LAG_THROTTLERS | {ThrottlerName.VACUUM})), look=lambda: seen)
    assert stage.wait() == 0
    assert stage.events == []


def _after(times: int) -> Callable[[], bool]:
    asked = iter([False] * times)
    return lambda: next(asked, True)


def test_what_is_said_reads_as_a_sentence() -> None:
    stage = Stage(Scripted(blind()), Scripted("far", FINE))
    stage.batch()
    unwatched, held, released = (str(event) for event in stage.events)
    assert unwatched == "Not watched (replica_lag): nothing to see. What to do: open your eyes."
    assert held.startswith("Holding since ")
    assert held.endswith(" UTC: far")
    assert released == "Going on after 1.0 s of holding: far"
