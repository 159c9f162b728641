"""Lag of a real streaming replica, with its replay paused and resumed, and the replica stopped and restarted."""

from collections.abc import Callable, Iterator
from contextlib import closing

import pytest

from stagenorm_pipeline.config.throttle import ThrottleSettings
from stagenorm_pipeline.engine.postgres.connection import Database
from stagenorm_pipeline.engine.throttle import replica_url
from stagenorm_pipeline.engine.throttle.replica_lag import ReplicaLag
from stagenorm_pipeline.engine.throttle.replica_url import ReplicaUrl
from stagenorm_pipeline.engine.throttle.throttle import take_reading
from stagenorm_pipeline.engine.throttle.throttler import CannotSeeError, Throttler
from stagenorm_pipeline_tests.support.application import COMPANIES, Application
from stagenorm_pipeline_tests.support.streaming_replica import NAME, StreamingReplica
from stagenorm_pipeline_tests.support.throttle_readings import TABLE
from stagenorm_pipeline_tests.support.waiting import wait_until

# 0.1 MB is some 300 rows; half a second is more than the replica ever needs by itself.
SETTINGS = ThrottleSettings(max_lag_seconds=0.5, max_lag_mb=0.1)
BY_TIME = ThrottleSettings(max_lag_seconds=0.5)


@pytest.fixture
def asked(replica: StreamingReplica) -> Iterator[ReplicaUrl]:
    with closing(ReplicaUrl(replica.url("postgres"), SETTINGS)) as throttler:
        yield throttler


def reason(throttler: Throttler, database: Database) -> str | None:
    return throttler.reason(take_reading(database, SETTINGS), TABLE)


@pytest.mark.parametrize("is_asked", [False, True])
def test_replica_throttles_while_its_replay_is_paused(
    is_asked: bool, replicated: Application, replica: StreamingReplica, asked: ReplicaUrl
) -> None:
    throttler = asked if is_asked else ReplicaLag(SETTINGS)
    wait_until(lambda: reason(throttler, replicated.database) is None)
    with replica.paused_replay():
        replicated.add(COMPANIES, [(1, "Seed")] * 2_000)
        reason_given = wait_until(lambda: reason(throttler, replicated.database))
    assert "MB behind; continues below" in reason_given
    assert (str(replica.directory) if is_asked else f"replica {NAME}") in reason_given
    wait_until(lambda: reason(throttler, replicated.database) is None)


def test_paused_replica_is_behind_in_time_on_a_quiet_primary(
    replicated: Application, replica: StreamingReplica
) -> None:
    throttler = ReplicaLag(BY_TIME)
    wait_until(lambda: reason(throttler, replicated.database) is None)
    with replica.paused_replay():
        replicated.add(COMPANIES, [(1, "Seed")])
        reason_given = wait_until(lambda: reason(throttler, replicated.database))
    assert reason_given.endswith("behind; continues below 0.25 s")
    wait_until(lambda: reason(throttler, replicated.database) is None)


def test_role_without_pg_monitor_can_ask_the_replica(
    replicated: Application, replica: StreamingReplica, asked: ReplicaUrl, as_plain_role: Callable[[str], str]
) -> None:
    with closing(Database.at(as_plain_role(replicated.url))) as database:
        with pytest.raises(CannotSeeError, match="may not see how far behind") as caught:
            reason(ReplicaLag(SETTINGS), database)
        assert "GRANT pg_monitor" in caught.value.remedy
        wait_until(lambda: reason(asked, database) is None)


def test_vanished_replica_is_missed_until_it_is_back(
    replicated: Application, replica: StreamingReplica, asked: ReplicaUrl
) -> None:
    seen = ReplicaLag(SETTINGS)
    wait_until(lambda: reason(seen, replicated.database) is None)
    wait_until(lambda: reason(asked, replicated.database) is None)
    replica.stop()
    try:
        with pytest.raises(CannotSeeError, match=f"replica {NAME} was connected and no longer is"):
            wait_until(lambda: reason(seen, replicated.database))
        with pytest.raises(CannotSeeError, match="does not answer"):
            reason(asked, replicated.database)
    finally:
        replica.start()
    wait_until(lambda: reason(seen, replicated.database) is None)
    wait_until(lambda: reason(asked, replicated.database) is None)


def test_hanging_replica_delays_the_runner_only_until_the_timeout(
    replicated: Application, replica: StreamingReplica, asked: ReplicaUrl, monkeypatch: pytest.MonkeyPatch
) -> None:
    wait_until(lambda: reason(asked, replicated.database) is None)
    monkeypatch.setattr(replica_url, "_PATIENCE_S", 0.2)
    with replica.frozen():
        for _ in ("over the connection that it has", "over a new one"):
            with pytest.raises(CannotSeeError, match="does not answer"):
                reason(asked, replicated.database)
    wait_until(lambda: _sees(asked, replicated.database))


def _sees(throttler: Throttler, database: Database) -> bool:
    try:
        return reason(throttler, database) is None
    except CannotSeeError:
        return False


def test_primary_is_not_accepted_as_a_replica(replicated: Application) -> None:
    with (
        closing(ReplicaUrl(replicated.url, SETTINGS)) as throttler,
        pytest.raises(CannotSeeError, match="is not a replica"),
    ):
        reason(throttler, replicated.database)


def test_refused_replica_connection_is_reported_without_password(replicated: Application) -> None:
    url = "postgresql://user:very%20secret@127.0.0.1:1/postgres"
    with (
        closing(ReplicaUrl(url, SETTINGS)) as throttler,
        pytest.raises(CannotSeeError, match=r"replica postgres on 127\.0\.0\.1:1 does not answer") as caught,
    ):
        reason(throttler, replicated.database)
    assert "secret" not in str(caught.value)
