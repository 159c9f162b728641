"""A migration with a real replica: it is throttled, shows why, and continues."""

from collections.abc import Callable
from contextlib import closing

import psycopg
import pytest

from stagenorm_pipeline.config.auto_batch_size import Pacing
from stagenorm_pipeline.config.throttle import LAG_THROTTLERS, ThrottlerName, ThrottleSettings
from stagenorm_pipeline.engine.apply.events import BatchCompleted, Paused, Throttled, ThrottleEnded, Unwatched
from stagenorm_pipeline.engine.apply.pause import set_paused
from stagenorm_pipeline.engine.monitor.runners import Runner, read_runners
from stagenorm_pipeline.engine.throttle.throttled import ThrottleReason
from stagenorm_pipeline_tests.engine.throttle.test_probe import running
from stagenorm_pipeline_tests.support.application import COMPANIES, Application
from stagenorm_pipeline_tests.support.background_run import BackgroundRun
from stagenorm_pipeline_tests.support.private_server import PrivateServer
from stagenorm_pipeline_tests.support.streaming_replica import NAME, StreamingReplica
from stagenorm_pipeline_tests.support.waiting import wait_until

ROWS = 3_000
# Each of the six batches writes some 0.2 MB of log; a replica that replays is never so far behind.
TIGHT = ThrottleSettings(max_lag_mb=0.3, probe_interval_ms=20)
QUICK = ThrottleSettings(probe_interval_ms=20)
NO_LAG_CHECK = ThrottleSettings(probe_interval_ms=20, ignore=LAG_THROTTLERS)


def plan(application: Application, rows: int = ROWS) -> None:
    application.add(COMPANIES, [(1, "Seed")] * rows)
    application.plan(batch_size=500)


@pytest.fixture
def planned(replicated: Application, replica: StreamingReplica) -> Application:
    """Six batches on the primary, replicated to the replica."""
    plan(replicated)
    wait_until(
        lambda: not replicated.value("SELECT bool_or(replay_lsn < pg_current_wal_lsn()) FROM pg_stat_replication")
    )
    return replicated


def done(application: Application) -> int:
    return int(application.value("SELECT count(*) FROM portfoliocompanies WHERE stage = 'seed'"))


def runners(application: Application) -> tuple[Runner, ...]:
    with application.database.transaction() as connection:
        return read_runners(connection)


def test_run_is_throttled_while_the_replica_is_paused(planned: Application, replica: StreamingReplica) -> None:
    with BackgroundRun(planned.url, TIGHT) as run:
        with replica.paused_replay():
            throttled = run.says(Throttled)
            assert f"replica {NAME} is " in throttled.reason
            (runner,) = wait_until(lambda: [runner for runner in runners(planned) if runner.throttled])
            assert runner.throttled == ThrottleReason(reason=throttled.reason, since=throttled.since)
            assert runner.is_alive
            assert done(planned) < ROWS
        result = run.ends()
    assert (result.ok, result.completed, done(planned)) == (True, 6, ROWS)
    assert [type(event) for event in run.events if isinstance(event, Throttled | ThrottleEnded)] == [
        Throttled,
        ThrottleEnded,
    ]
    assert runners(planned) == ()


def test_run_with_no_lag_check_is_not_throttled(planned: Application, replica: StreamingReplica) -> None:
    with replica.paused_replay():
        result = planned.apply(throttle=ThrottleSettings(max_lag_mb=0.3, ignore=LAG_THROTTLERS))
    assert (result.ok, done(planned)) == (True, ROWS)


def test_role_without_pg_monitor_is_warned_once_and_runs(
    planned: Application, as_plain_role: Callable[[str], str]
) -> None:
    with BackgroundRun(as_plain_role(planned.url), TIGHT) as run:
        assert run.ends().ok
    (unwatched,) = run.said(Unwatched)
    assert unwatched.throttler == ThrottlerName.REPLICA_LAG
    assert "GRANT pg_monitor" in unwatched.remedy
    assert unwatched.is_wrong
    assert done(planned) == ROWS


def test_role_without_pg_monitor_is_throttled_by_a_named_replica(
    planned: Application, replica: StreamingReplica, as_plain_role: Callable[[str], str]
) -> None:
    settings = ThrottleSettings(max_lag_mb=0.3, probe_interval_ms=20, replica_urls=(replica.url("postgres"),))
    with BackgroundRun(as_plain_role(planned.url), settings) as run:
        with replica.paused_replay():
            assert str(replica.directory) in run.says(Throttled).reason
        assert run.ends().ok
    assert run.said(Unwatched) == []


def test_run_waits_for_a_vanished_replica(planned: Application, replica: StreamingReplica) -> None:
    with BackgroundRun(planned.url, QUICK, sleep_ms=60) as run:
        run.says(BatchCompleted)
        replica.stop()
        try:
            assert f"replica {NAME} was connected and no longer is" in run.says(Throttled).reason
        finally:
            replica.start()
        assert run.ends().ok
    assert done(planned) == ROWS


def test_run_does_not_wait_for_the_new_primary_after_a_failover() -> None:
    """The replica that is the primary now does not count as missing."""
    with PrivateServer() as first, closing(Application(first.create_database())) as before:
        before.set_up()
        plan(before)
        with StreamingReplica(first) as second:
            (name,) = before.column("SELECT current_database()")
            either = f"postgresql://postgres@/{name}?host={first.directory},{second.directory}"
            url = f"{either}&target_session_attrs=read-write"
            with BackgroundRun(url, QUICK, sleep_ms=200) as run:
                run.says(BatchCompleted, 2)
                first.stop_immediately()
                second.promote()
                assert run.ends().ok
            with closing(Application(second.url(name))) as after:
                assert done(after) == ROWS
    assert run.said(Throttled) == []


def test_stop_and_pause_work_while_throttled(planned: Application, replica: StreamingReplica) -> None:
    with BackgroundRun(planned.url, TIGHT) as run, replica.paused_replay():
        run.says(Throttled)
        set_paused(planned.database, paused=True, reason="lunch", changed_by="operator")
        assert run.says(Paused).reason == "lunch"
    assert run.ends().stopped
    set_paused(planned.database, paused=False, reason=None, changed_by="operator")
    assert planned.apply().ok


def test_users_waiting_behind_a_batch_run_before_the_next(application: Application) -> None:
    plan(application, 1_000)
    application.sql(
        "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS "
        "'BEGIN IF NEW.id % 500 = 0 THEN PERFORM pg_sleep(0.3); END IF; RETURN NEW; END'"
    )
    application.sql("CREATE TRIGGER slow BEFORE UPDATE ON portfoliocompanies FOR EACH ROW EXECUTE FUNCTION slow()")
    settings = ThrottleSettings(probe_interval_ms=20, ignore=LAG_THROTTLERS, max_lock_wait_ms=100)
    sleeping = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'"
    with BackgroundRun(application.url, settings, pacing=Pacing()) as run:
        wait_until(lambda: application.value(sleeping))
        application.sql("UPDATE portfoliocompanies SET name = 'x' WHERE id = 2")
        assert "waited behind a batch" in run.says(Throttled).reason
        run.says(ThrottleEnded)
        assert run.ends().ok


def test_vacuum_of_the_table_throttles_the_run(application: Application) -> None:
    plan(application)
    slow = ("SET vacuum_cost_limit = 1", "SET vacuum_cost_delay = 100")
    with running(application.url, *slow, "VACUUM portfoliocompanies"):
        wait_until(lambda: application.value("SELECT count(*) FROM pg_stat_progress_vacuum WHERE relid <> 0"))
        with BackgroundRun(application.url, NO_LAG_CHECK) as run:
            assert "is running on public.portfoliocompanies" in run.says(Throttled).reason
            application.sql(
                "SELECT pg_cancel_backend(pid) FROM pg_stat_progress_vacuum WHERE datname = current_database()"
            )
            assert run.ends().ok


def test_run_waits_when_the_throttle_cannot_read(application: Application) -> None:
    plan(application)
    settings = ThrottleSettings(probe_interval_ms=20, probe_timeout_ms=100, ignore=LAG_THROTTLERS)
    with BackgroundRun(application.url, settings, sleep_ms=30) as run:
        run.says(BatchCompleted)
        with psycopg.connect(application.url) as blocker:
            blocker.execute("LOCK pg_locks IN ACCESS EXCLUSIVE MODE")
            assert "statement timeout" in run.says(Throttled).reason
            blocker.rollback()
        assert run.ends().ok
    assert done(application) == ROWS


def test_runner_with_nothing_to_do_writes_nothing(application: Application) -> None:
    before = application.contents()
    assert application.apply(throttle=QUICK).batches == 0
    assert application.contents() == before


def test_replica_connections_are_closed_at_the_end(planned: Application, replica: StreamingReplica) -> None:
    settings = ThrottleSettings(replica_urls=(replica.url("postgres"),))
    assert planned.apply(throttle=settings).ok
    with psycopg.connect(replica.url("postgres")) as session:
        row = session.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'stagenorm throttle'"
        ).fetchone()
    assert row == (0,)
