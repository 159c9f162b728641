"""What each throttler makes of what the primary shows: when it holds, when it goes on, and what it says."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stagenorm_pipeline.config.throttle import ThrottleSettings
from stagenorm_pipeline.engine.throttle.checkpoints import ForcedCheckpoints
from stagenorm_pipeline.engine.throttle.hysteresis import Hysteresis
from stagenorm_pipeline.engine.throttle.lag_clock import LagClock
from stagenorm_pipeline.engine.throttle.lock_queue import LockQueue
from stagenorm_pipeline.engine.throttle.replica_lag import ReplicaLag
from stagenorm_pipeline.engine.throttle.replica_url import ReplicaUrl
from stagenorm_pipeline.engine.throttle.throttler import CannotSeeError
from stagenorm_pipeline.engine.throttle.vacuum import VacuumOnTable
from stagenorm_pipeline.engine.throttle.wal_rate import WalRate
from stagenorm_pipeline.errors import ConfigurationError
from stagenorm_pipeline_tests.support.throttle_readings import (
    MB,
    OTHER,
    TABLE,
    at,
    behind_us,
    for_the_table,
    hidden,
    holds,
    replica,
    vacuum,
)

SETTINGS = ThrottleSettings()


@given(st.lists(st.floats(0, 20), max_size=30))
def test_it_holds_above_one_bound_goes_on_below_another_and_between_them_stays(values: list[float]) -> None:
    bound, held = Hysteresis(10, 4), False
    for value in values:
        holds_now = bound.take(value)
        assert holds_now == (True if value > 10 else False if value < 4 else held)
        held = holds_now


@settings(max_examples=50)
@given(st.data())
def test_the_lag_clock_is_never_above_the_truth_and_at_most_one_look_below_it(data: st.DataObject) -> None:
    # A primary that writes one byte at each of these seconds, looked at once a second.
    written_at = sorted(data.draw(st.lists(st.floats(0, 30), max_size=40)))
    clock = LagClock()
    for second in range(31):
        written = sum(moment <= second for moment in written_at)
        clock.note(second, written)
        replayed = data.draw(st.integers(0, written))
        truth = second - written_at[replayed] if replayed < written else 0.0
        assert truth - 1 <= clock.behind_s(second, replayed) <= truth


def test_a_replica_is_behind_by_time_even_while_nobody_writes() -> None:
    throttler = ReplicaLag(SETTINGS)
    # PostgreSQL's own figure stands still on a quiet primary.
    seen = [at(second, 1_000, replicas=(replica(500, written=1_000, lag_s=2),)) for second in (0, 5, 10, 11, 20)]
    assert holds(throttler, *seen) == [False, False, False, True, True]


def test_a_replica_that_caught_up_is_no_longer_behind_whatever_postgresql_still_says() -> None:
    throttler = ReplicaLag(SETTINGS)
    behind = at(0, 1_000, replicas=(replica(500, written=1_000, lag_s=30),))
    level = at(1, 1_000, replicas=(replica(0, written=1_000, lag_s=30),))
    assert holds(throttler, behind, level) == [True, False]


def test_a_replica_holds_above_the_bound_in_bytes_and_goes_on_below_half_of_it() -> None:
    throttler = ReplicaLag(SETTINGS)
    seen = [at(0, 900 * MB, replicas=(replica(mb * MB, written=900 * MB),)) for mb in (250, 257, 200, 129, 127, 200)]
    assert holds(throttler, *seen) == [False, True, True, True, False, False]


def test_the_reason_names_the_replica_how_far_it_is_behind_and_what_is_waited_for() -> None:
    reason = ReplicaLag(SETTINGS).look(
        at(0, 900 * MB, replicas=(replica(300 * MB, written=900 * MB, name="berlin"),)), TABLE
    )
    assert reason == "replica berlin is 0.0 s and 300.0 MB behind; goes on below 128 MB"


def test_one_replica_of_several_is_enough_to_hold() -> None:
    near, far = replica(0, written=900 * MB), replica(300 * MB, written=900 * MB, name="two")
    assert holds(ReplicaLag(SETTINGS), at(0, 900 * MB, replicas=(near, far))) == [True]


@pytest.mark.parametrize("now", [(), (hidden(),), (replica(name="another"),)])
def test_a_replica_that_was_in_sight_and_is_not_any_more_cannot_be_seen(now: tuple[object, ...]) -> None:
    throttler = ReplicaLag(SETTINGS)
    assert holds(throttler, at(0, replicas=(replica(),))) == [False]
    with pytest.raises(CannotSeeError):
        throttler.look(at(1, replicas=now), TABLE)
    assert holds(throttler, at(2, replicas=(replica(),))) == [False]


def test_a_replica_that_reconnects_beside_its_own_dead_session_is_one_replica() -> None:
    throttler = ReplicaLag(SETTINGS)
    assert holds(
        throttler, at(0, replicas=(replica(),)), at(1, replicas=(replica(), replica())), at(2, replicas=(replica(),))
    ) == [False, False, False]


def test_without_the_privilege_it_says_what_to_grant_and_without_a_replica_what_to_name() -> None:
    with pytest.raises(CannotSeeError) as caught:
        ReplicaLag(SETTINGS).look(at(0, replicas=(hidden(),)), TABLE)
    assert "GRANT pg_monitor" in caught.value.remedy
    with pytest.raises(CannotSeeError) as caught:
        ReplicaLag(SETTINGS).look(at(0), TABLE)
    assert "STAGENORM_REPLICA_URLS" in caught.value.remedy
    assert "--no-lag-check" in caught.value.remedy


def test_after_a_failover_the_replica_that_is_the_primary_now_is_not_missed() -> None:
    throttler = ReplicaLag(SETTINGS)
    assert holds(throttler, at(0, timeline=1, replicas=(replica(),)), at(9, timeline=2), at(10, timeline=2)) == [
        False,
        False,
        False,
    ]
    # The old primary comes back as a replica: it is watched, and missed when it goes.
    assert holds(throttler, at(20, timeline=2, replicas=(replica(name="old"),))) == [False]
    with pytest.raises(CannotSeeError, match="replica old was connected"):
        throttler.look(at(21, timeline=2), TABLE)


@pytest.mark.parametrize("other", ["two", "one"], ids=["names of their own", "one name for all"])
def test_after_a_failover_all_replicas_but_one_are_waited_for_and_missed_again_later(other: str) -> None:
    throttler = ReplicaLag(SETTINGS)
    both, left = (replica(name="one"), replica(name=other)), (replica(name=other),)
    assert holds(throttler, at(0, timeline=1, replicas=both)) == [False]
    with pytest.raises(CannotSeeError, match=f"replica one, {other} was connected .*one of them may be the primary"):
        throttler.look(at(9, timeline=2), TABLE)
    assert holds(throttler, at(10, timeline=2, replicas=left)) == [False]
    with pytest.raises(CannotSeeError, match=f"replica {other} was connected and is not any more$"):
        throttler.look(at(11, timeline=2), TABLE)


@pytest.mark.parametrize("timelines", [(1, 1), (None, None), (2, 1), (None, 2)])
def test_without_a_failover_a_replica_that_is_gone_is_missed(timelines: tuple[int | None, int | None]) -> None:
    throttler = ReplicaLag(SETTINGS)
    assert holds(throttler, at(0, timeline=timelines[0], replicas=(replica(),))) == [False]
    with pytest.raises(CannotSeeError):
        throttler.look(at(1, timeline=timelines[1]), TABLE)


def test_another_primary_after_a_failover_starts_the_clock_anew() -> None:
    throttler = ReplicaLag(SETTINGS)
    seen = [at(0, 1_000, replicas=(replica(500, written=1_000),)), at(60, 400, replicas=(replica(1, written=400),))]
    assert holds(throttler, *seen) == [False, False]


def test_a_session_that_waits_long_behind_a_batch_holds_until_nobody_waits() -> None:
    throttler = LockQueue(SETTINGS)
    seen = [
        at(second, waiters=waiters)
        for second, waiters in enumerate(
            [(behind_us(900),), (behind_us(1_100),), (behind_us(10),), (), (behind_us(10),)]
        )
    ]
    assert holds(throttler, *seen) == [False, True, True, False, False]


def test_many_sessions_behind_a_batch_hold_however_short_each_has_waited() -> None:
    queue = tuple(behind_us(5, pid) for pid in range(6))
    assert holds(LockQueue(SETTINGS), at(0, waiters=queue[:5]), at(1, waiters=queue)) == [False, True]


def test_who_waits_for_the_table_that_comes_next_is_let_past_and_who_waits_for_another_is_not() -> None:
    waiting = for_the_table(4_200)
    assert LockQueue(SETTINGS).look(at(0, waiters=(waiting,)), TABLE) == (
        f"1 session(s) waited for a lock on {TABLE}, the longest for 4.2 s; goes on when none waits"
    )
    assert LockQueue(SETTINGS).look(at(0, waiters=(waiting,)), OTHER) is None


def test_those_who_waited_behind_our_own_batch_get_one_interval_before_the_next() -> None:
    throttler = LockQueue(SETTINGS)
    assert not throttler.note((behind_us(999),))
    assert throttler.note((behind_us(1_500),))
    assert "the longest for 1.5 s" in (throttler.look(at(0), TABLE) or "")
    assert throttler.look(at(1), TABLE) is None


def test_a_vacuum_on_the_table_that_comes_next_holds_until_it_ends_and_one_on_another_table_does_not() -> None:
    throttler = VacuumOnTable(SETTINGS)
    assert holds(throttler, at(0, vacuums=(vacuum(OTHER),)), at(1, vacuums=(vacuum(),)), at(2)) == [False, True, False]


@pytest.mark.parametrize(("is_auto", "said"), [(True, "autovacuum"), (False, "VACUUM")])
def test_it_says_whose_vacuum_it_is(is_auto: bool, said: str) -> None:
    reason = VacuumOnTable(SETTINGS).look(at(0, vacuums=(vacuum(is_auto=is_auto),)), TABLE)
    assert reason == f"{said} (process 7) is at work on {TABLE}; goes on after it, or after 600 s"


def test_no_vacuum_holds_longer_than_the_bound_and_the_next_one_holds_again() -> None:
    throttler = VacuumOnTable(SETTINGS)
    long = [at(second, vacuums=(vacuum(),)) for second in (0, 599, 600, 5_000)]
    assert holds(throttler, *long, at(5_001, vacuums=(vacuum(pid=8),))) == [True, True, False, False, True]


def test_wal_above_the_budget_holds_until_the_mean_is_below_half_of_it() -> None:
    throttler = WalRate(SETTINGS)
    burst = [at(second, second * 70 * MB) for second in range(6)]
    quiet = [at(second, 350 * MB) for second in range(6, 13)]
    assert holds(throttler, *burst) == [False, True, True, True, True, True]
    # 350 MB in 10 s is above 32 MB/s; once the burst leaves the window it is below.
    assert holds(throttler, *quiet) == [True, True, True, True, True, False, False]


def test_wal_within_the_budget_never_holds_however_long_a_batch_lies_between_two_looks() -> None:
    assert not any(holds(WalRate(SETTINGS), *(at(second * 40, second * 40 * 60 * MB) for second in range(20))))


def test_two_looks_close_to_one_another_are_no_rate() -> None:
    assert holds(WalRate(SETTINGS), at(0, 0), at(0.1, 60 * MB)) == [False, False]


def test_two_checkpoints_forced_by_volume_within_half_a_minute_hold_until_one_is_older() -> None:
    seen = [(0, 0, 5), (10, 500, 6), (20, 1_000, 7), (39, 1_000, 7), (41, 1_000, 7)]
    readings = [at(second, mb * MB, checkpoints_requested=count) for second, mb, count in seen]
    assert holds(ForcedCheckpoints(SETTINGS), *readings) == [False, False, True, True, False]


def test_checkpoints_that_people_request_hold_nothing() -> None:
    readings = [at(second, second * MB, checkpoints_requested=second) for second in range(30)]
    assert not any(holds(ForcedCheckpoints(SETTINGS), *readings))


@pytest.mark.parametrize("bound", ["lag_seconds", "lag_mb", "wal_mb_per_second"])
def test_a_bound_to_go_on_that_is_above_the_bound_to_hold_is_refused(bound: str) -> None:
    with pytest.raises(ConfigurationError, match=f"resume_{bound}"):
        ThrottleSettings(**{f"max_{bound}": 5.0, f"resume_{bound}": 6.0})  # type: ignore[arg-type]


def test_a_replica_url_that_is_none_is_refused_without_repeating_it() -> None:
    with pytest.raises(ConfigurationError) as caught:
        ReplicaUrl("mysql://user:secret@host/db", SETTINGS)
    assert "secret" not in str(caught.value)


def test_settings_show_no_replica_url() -> None:
    assert "secret" not in repr(ThrottleSettings(replica_urls=("postgresql://user:secret@host/db",)))
