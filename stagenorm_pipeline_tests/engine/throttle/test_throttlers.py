"""Each throttler: when it throttles, when it continues, and its reason."""

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
    replica,
    throttles,
    vacuum,
)

SETTINGS = ThrottleSettings()


@given(st.lists(st.floats(0, 20), max_size=30))
def test_hysteresis_changes_nothing_between_its_bounds(values: list[float]) -> None:
    bound, was_throttled = Hysteresis(10, 4), False
    for value in values:
        is_throttled = bound.update(value)
        assert is_throttled == (True if value > 10 else False if value < 4 else was_throttled)
        was_throttled = is_throttled


@settings(max_examples=50)
@given(st.data())
def test_lag_clock_is_at_most_one_reading_below_the_real_lag(data: st.DataObject) -> None:
    # A primary that writes one byte at each of these seconds, looked at once a second.
    written_at = sorted(data.draw(st.lists(st.floats(0, 30), max_size=40)))
    clock = LagClock()
    for second in range(31):
        written = sum(moment <= second for moment in written_at)
        clock.note(second, written)
        replayed = data.draw(st.integers(0, written))
        truth = second - written_at[replayed] if replayed < written else 0.0
        assert truth - 1 <= clock.behind_s(second, replayed) <= truth


def test_replica_is_behind_in_time_on_a_quiet_primary() -> None:
    throttler = ReplicaLag(SETTINGS)
    # PostgreSQL's own figure stands still on a quiet primary.
    seen = [at(second, 1_000, replicas=(replica(500, written=1_000, lag_s=2),)) for second in (0, 5, 10, 11, 20)]
    assert throttles(throttler, *seen) == [False, False, False, True, True]


def test_replica_that_caught_up_is_not_behind() -> None:
    throttler = ReplicaLag(SETTINGS)
    behind = at(0, 1_000, replicas=(replica(500, written=1_000, lag_s=30),))
    level = at(1, 1_000, replicas=(replica(0, written=1_000, lag_s=30),))
    assert throttles(throttler, behind, level) == [True, False]


def test_replica_throttles_by_bytes_until_below_half_the_bound() -> None:
    throttler = ReplicaLag(SETTINGS)
    seen = [at(0, 900 * MB, replicas=(replica(mb * MB, written=900 * MB),)) for mb in (250, 257, 200, 129, 127, 200)]
    assert throttles(throttler, *seen) == [False, True, True, True, False, False]


def test_lag_reason_names_the_replica_and_the_bound() -> None:
    reason = ReplicaLag(SETTINGS).reason(
        at(0, 900 * MB, replicas=(replica(300 * MB, written=900 * MB, name="berlin"),)), TABLE
    )
    assert reason == "replica berlin is 0.0 s and 300.0 MB behind; continues below 128 MB"


def test_one_lagging_replica_of_several_throttles() -> None:
    near, far = replica(0, written=900 * MB), replica(300 * MB, written=900 * MB, name="two")
    assert throttles(ReplicaLag(SETTINGS), at(0, 900 * MB, replicas=(near, far))) == [True]


@pytest.mark.parametrize("now", [(), (hidden(),), (replica(name="another"),)])
def test_disconnected_replica_is_an_error(now: tuple[object, ...]) -> None:
    throttler = ReplicaLag(SETTINGS)
    assert throttles(throttler, at(0, replicas=(replica(),))) == [False]
    with pytest.raises(CannotSeeError):
        throttler.reason(at(1, replicas=now), TABLE)
    assert throttles(throttler, at(2, replicas=(replica(),))) == [False]


def test_reconnected_replica_counts_once() -> None:
    throttler = ReplicaLag(SETTINGS)
    assert throttles(
        throttler, at(0, replicas=(replica(),)), at(1, replicas=(replica(), replica())), at(2, replicas=(replica(),))
    ) == [False, False, False]


def test_replica_lag_says_what_to_grant_or_to_name() -> None:
    """A grant without the privilege; URLs if no replica is connected."""
    with pytest.raises(CannotSeeError) as caught:
        ReplicaLag(SETTINGS).reason(at(0, replicas=(hidden(),)), TABLE)
    assert "GRANT pg_monitor" in caught.value.remedy
    with pytest.raises(CannotSeeError) as caught:
        ReplicaLag(SETTINGS).reason(at(0), TABLE)
    assert "STAGENORM_REPLICA_URLS" in caught.value.remedy
    assert "--no-lag-check" in caught.value.remedy


def test_new_primary_is_not_missed_after_a_failover() -> None:
    throttler = ReplicaLag(SETTINGS)
    assert throttles(throttler, at(0, timeline=1, replicas=(replica(),)), at(9, timeline=2), at(10, timeline=2)) == [
        False,
        False,
        False,
    ]
    # The old primary comes back as a replica: it is watched, and missed when it goes.
    assert throttles(throttler, at(20, timeline=2, replicas=(replica(name="old"),))) == [False]
    with pytest.raises(CannotSeeError, match="replica old was connected"):
        throttler.reason(at(21, timeline=2), TABLE)


@pytest.mark.parametrize("other", ["two", "one"], ids=["names of their own", "one name for all"])
def test_only_one_replica_may_be_missing_after_a_failover(other: str) -> None:
    """A run waits for all other replicas, and reports them again if they are missing later."""
    throttler = ReplicaLag(SETTINGS)
    both, left = (replica(name="one"), replica(name=other)), (replica(name=other),)
    assert throttles(throttler, at(0, timeline=1, replicas=both)) == [False]
    with pytest.raises(CannotSeeError, match=f"replica one, {other} was connected .*one of them may be the primary"):
        throttler.reason(at(9, timeline=2), TABLE)
    assert throttles(throttler, at(10, timeline=2, replicas=left)) == [False]
    with pytest.raises(CannotSeeError, match=f"replica {other} was connected and no longer is$"):
        throttler.reason(at(11, timeline=2), TABLE)


@pytest.mark.parametrize("timelines", [(1, 1), (None, None), (2, 1), (None, 2)])
def test_missing_replica_without_a_failover_is_an_error(timelines: tuple[int | None, int | None]) -> None:
    throttler = ReplicaLag(SETTINGS)
    assert throttles(throttler, at(0, timeline=timelines[0], replicas=(replica(),))) == [False]
    with pytest.raises(CannotSeeError):
        throttler.reason(at(1, timeline=timelines[1]), TABLE)


def test_lag_clock_restarts_on_a_new_primary() -> None:
    throttler = ReplicaLag(SETTINGS)
    seen = [at(0, 1_000, replicas=(replica(500, written=1_000),)), at(60, 400, replicas=(replica(1, written=400),))]
    assert throttles(throttler, *seen) == [False, False]


def test_long_wait_behind_a_batch_throttles_until_none_waits() -> None:
    throttler = LockQueue(SETTINGS)
    seen = [
        at(second, waiters=waiters)
        for second, waiters in enumerate(
            [(behind_us(900),), (behind_us(1_100),), (behind_us(10),), (), (behind_us(10),)]
        )
    ]
    assert throttles(throttler, *seen) == [False, True, True, False, False]


def test_many_short_waits_behind_a_batch_throttle() -> None:
    queue = tuple(behind_us(5, pid) for pid in range(6))
    assert throttles(LockQueue(SETTINGS), at(0, waiters=queue[:5]), at(1, waiters=queue)) == [False, True]


def test_throttle_ignores_waiters_on_other_tables() -> None:
    """Sessions that wait for a lock on the next table are let past."""
    waiting = for_the_table(4_200)
    assert LockQueue(SETTINGS).reason(at(0, waiters=(waiting,)), TABLE) == (
        f"1 session waited for a lock on {TABLE}, the longest for 4.2 s; continues when none waits"
    )
    assert LockQueue(SETTINGS).reason(at(0, waiters=(waiting,)), OTHER) is None


def test_waiters_behind_our_batch_delay_the_next_by_one_reading() -> None:
    throttler = LockQueue(SETTINGS)
    assert not throttler.note((behind_us(999),))
    assert throttler.note((behind_us(1_500),))
    assert "the longest for 1.5 s" in (throttler.reason(at(0), TABLE) or "")
    assert throttler.reason(at(1), TABLE) is None


def test_vacuum_throttles_only_on_the_next_table() -> None:
    """It throttles until the vacuum ends."""
    throttler = VacuumOnTable(SETTINGS)
    assert throttles(throttler, at(0, vacuums=(vacuum(OTHER),)), at(1, vacuums=(vacuum(),)), at(2)) == [
        False,
        True,
        False,
    ]


@pytest.mark.parametrize(("is_auto", "said"), [(True, "autovacuum"), (False, "VACUUM")])
def test_vacuum_reason_names_its_kind(is_auto: bool, said: str) -> None:
    reason = VacuumOnTable(SETTINGS).reason(at(0, vacuums=(vacuum(is_auto=is_auto),)), TABLE)
    assert reason == f"{said} (process 7) is running on {TABLE}; continues after it, or after 600 s"


def test_vacuum_throttles_no_longer_than_its_bound() -> None:
    """The next vacuum throttles again."""
    throttler = VacuumOnTable(SETTINGS)
    long = [at(second, vacuums=(vacuum(),)) for second in (0, 599, 600, 5_000)]
    assert throttles(throttler, *long, at(5_001, vacuums=(vacuum(pid=8),))) == [True, True, False, False, True]


def test_wal_rate_throttles_until_below_half_the_budget() -> None:
    throttler = WalRate(SETTINGS)
    burst = [at(second, second * 70 * MB) for second in range(6)]
    quiet = [at(second, 350 * MB) for second in range(6, 13)]
    assert throttles(throttler, *burst) == [False, True, True, True, True, True]
    # 350 MB in 10 s is above 32 MB/s; once the burst leaves the window it is below.
    assert throttles(throttler, *quiet) == [True, True, True, True, True, False, False]


def test_wal_within_the_budget_never_throttles() -> None:
    assert not any(throttles(WalRate(SETTINGS), *(at(second * 40, second * 40 * 60 * MB) for second in range(20))))


def test_two_close_readings_give_no_wal_rate() -> None:
    assert throttles(WalRate(SETTINGS), at(0, 0), at(0.1, 60 * MB)) == [False, False]


def test_two_forced_checkpoints_in_30_s_throttle() -> None:
    seen = [(0, 0, 5), (10, 500, 6), (20, 1_000, 7), (39, 1_000, 7), (41, 1_000, 7)]
    readings = [at(second, mb * MB, checkpoints_requested=count) for second, mb, count in seen]
    assert throttles(ForcedCheckpoints(SETTINGS), *readings) == [False, False, True, True, False]


def test_requested_checkpoints_do_not_throttle() -> None:
    readings = [at(second, second * MB, checkpoints_requested=second) for second in range(30)]
    assert not any(throttles(ForcedCheckpoints(SETTINGS), *readings))


@pytest.mark.parametrize("bound", ["lag_seconds", "lag_mb", "wal_mb_per_second", "retained_wal_mb"])
def test_resume_bound_above_its_maximum_is_refused(bound: str) -> None:
    with pytest.raises(ConfigurationError, match=f"resume_{bound}"):
        ThrottleSettings(**{f"max_{bound}": 5.0, f"resume_{bound}": 6.0})  # type: ignore[arg-type]


def test_invalid_replica_url_is_refused_without_repeating_it() -> None:
    with pytest.raises(ConfigurationError) as caught:
        ReplicaUrl("mysql://user:secret@host/db", SETTINGS)
    assert "secret" not in str(caught.value)


def test_settings_hide_replica_urls() -> None:
    assert "secret" not in repr(ThrottleSettings(replica_urls=("postgresql://user:secret@host/db",)))
