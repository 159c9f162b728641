"""Readings of a real server: vacuums, sessions that wait for locks, WAL, also as an unprivileged role."""

import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa

from stagenorm_pipeline.config.throttle import ThrottleSettings
from stagenorm_pipeline.engine.postgres.connection import Database
from stagenorm_pipeline.engine.postgres.locks import BATCH_LOCK_CLASS
from stagenorm_pipeline.engine.throttle.probe import Reading, waiters_behind
from stagenorm_pipeline.engine.throttle.throttle import take_reading
from stagenorm_pipeline.engine.throttle.throttler import CannotSeeError
from stagenorm_pipeline.errors import ConnectionFailedError
from stagenorm_pipeline_tests.support.application import COMPANIES, Application

SETTINGS = ThrottleSettings()


@pytest.fixture
def plain(application: Application) -> Iterator[Database]:
    """The database as a role without any privileges."""
    role = f"stagenorm_test_{secrets.token_hex(6)}"
    application.sql(f"CREATE ROLE {role} LOGIN")
    with closing(Database.at(sa.make_url(application.url).set(username=role, password=None))) as database:
        yield database
    application.sql(f"DROP ROLE {role}")


@contextmanager
def running(url: str, *statements: str) -> Iterator[None]:
    """Run the statements in a session of their own. The last one runs until it is cancelled."""
    with psycopg.connect(url, autocommit=True) as session:

        def work() -> None:
            try:
                for statement in statements:
                    session.execute(statement.encode())
            except psycopg.Error:
                pass  # it was cancelled

        worker = threading.Thread(target=work)
        worker.start()
        try:
            yield
        finally:
            session.cancel_safe()
            worker.join()


def look_until(database: Database, is_seen: Callable[[Reading], Any]) -> Reading:
    deadline = time.monotonic() + 20
    while not is_seen(reading := take_reading(database, SETTINGS)):
        assert time.monotonic() < deadline, f"never seen; the last reading: {reading}"
        time.sleep(0.02)
    return reading


@contextmanager
def batch_at_work(application: Application) -> Iterator[psycopg.Connection[Any]]:
    """A session that holds the lock of a batch and of a row, as a batch's transaction does."""
    with psycopg.connect(application.url) as batch:
        batch.execute("SELECT pg_advisory_xact_lock(%s, 1)", [BATCH_LOCK_CLASS])
        batch.execute("UPDATE portfoliocompanies SET stage = 'seed' WHERE id = 1")
        yield batch
        batch.rollback()


def test_quiet_server_shows_only_its_wal(application: Application) -> None:
    first = take_reading(application.database, SETTINGS)
    application.add(COMPANIES, [(1, "Seed")] * 100)
    second = take_reading(application.database, SETTINGS)
    assert second.written > first.written > 0
    assert second.at > first.at
    assert second.max_wal_bytes == 2**30
    assert (second.replicas, second.vacuums, second.waiters) == ((), (), ())


def test_unprivileged_role_can_read_the_timeline(plain: Database) -> None:
    assert take_reading(plain, SETTINGS).timeline == 1


def test_unprivileged_role_sees_a_vacuum_with_its_table(application: Application, plain: Database) -> None:
    application.add(COMPANIES, [(1, "Seed")] * 3_000)
    application.sql("DELETE FROM portfoliocompanies WHERE id % 2 = 0")
    slow = ("SET vacuum_cost_limit = 1", "SET vacuum_cost_delay = 100")
    with running(application.url, *slow, "VACUUM portfoliocompanies"):
        (vacuum,) = look_until(plain, lambda reading: reading.vacuums).vacuums
    assert (vacuum.table, vacuum.is_auto) == ("public.portfoliocompanies", False)
    look_until(plain, lambda reading: not reading.vacuums)


def test_vacuum_of_a_partition_counts_for_its_table(application: Application) -> None:
    application.sql("CREATE TABLE rounds (id integer PRIMARY KEY, stage text) PARTITION BY RANGE (id)")
    application.sql("CREATE TABLE rounds_1 PARTITION OF rounds FOR VALUES FROM (0) TO (100000)")
    application.sql("INSERT INTO rounds SELECT g, 'Seed' FROM generate_series(1, 9000) g")
    slow = ("SET vacuum_cost_limit = 1", "SET vacuum_cost_delay = 100")
    with running(application.url, *slow, "VACUUM rounds_1"):
        reading = look_until(application.database, lambda reading: reading.vacuums)
    assert [vacuum.table for vacuum in reading.vacuums] == ["public.rounds"]


def test_unprivileged_role_sees_sessions_behind_a_batch(application: Application, plain: Database) -> None:
    application.add(COMPANIES, [(1, "Seed")])
    with (
        batch_at_work(application),
        running(application.url, "UPDATE portfoliocompanies SET stage = 'x' WHERE id = 1"),
    ):
        (waiter,) = look_until(plain, lambda reading: reading.waiters).waiters
        assert (waiter.is_behind_us, waiter.table) == (True, None)
        longer = look_until(plain, lambda reading: reading.waiters[0].waited_ms >= waiter.waited_ms + 20)
    assert [again.pid for again in longer.waiters] == [waiter.pid]


def test_session_waiting_for_a_row_of_another_session_is_ignored(application: Application) -> None:
    application.add(COMPANIES, [(1, "Seed")] * 2)
    with psycopg.connect(application.url) as other, batch_at_work(application):
        other.execute("UPDATE portfoliocompanies SET stage = 'x' WHERE id = 2")
        with running(application.url, "UPDATE portfoliocompanies SET stage = 'y' WHERE id = 2"):
            waits = "SELECT count(*) FROM pg_locks WHERE NOT granted"
            look_until(application.database, lambda _: application.value(waits))
            assert take_reading(application.database, SETTINGS).waiters == ()
        other.rollback()


def test_session_waiting_for_a_table_lock_is_seen_with_its_table(application: Application) -> None:
    with psycopg.connect(application.url) as reader:
        reader.execute("SELECT * FROM deal_opportunities")
        with running(application.url, "ALTER TABLE deal_opportunities ADD note text"):
            (waiter,) = look_until(application.database, lambda reading: reading.waiters).waiters
        assert (waiter.is_behind_us, waiter.table) == (False, "public.deal_opportunities")


def test_slow_reading_is_given_up_as_a_passing_error(application: Application) -> None:
    with psycopg.connect(application.url) as blocker:
        blocker.execute("LOCK pg_locks IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(CannotSeeError, match="statement timeout") as caught:
            take_reading(application.database, ThrottleSettings(probe_timeout_ms=50))
        blocker.rollback()
    assert caught.value.is_passing
    take_reading(application.database, SETTINGS)


def test_role_without_view_privileges_is_told_what_it_needs(application: Application, plain: Database) -> None:
    application.sql("REVOKE SELECT ON pg_stat_replication FROM PUBLIC")
    try:
        with pytest.raises(CannotSeeError, match="permission denied") as caught:
            take_reading(plain, SETTINGS)
    finally:
        application.sql("GRANT SELECT ON pg_stat_replication TO PUBLIC")
    assert not caught.value.is_passing
    assert "pg_stat_replication" in caught.value.remedy


def test_reading_leaves_no_setting_in_the_session(application: Application) -> None:
    take_reading(application.database, ThrottleSettings(probe_timeout_ms=123))
    with application.database.transaction() as connection:
        assert connection.exec_driver_sql("SHOW statement_timeout").scalar() == "0"


def test_reading_waiters_on_a_lost_connection_raises(application: Application) -> None:
    def look() -> None:
        with application.database.transaction() as connection:
            pid = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
            application.sql("SELECT pg_terminate_backend(%s, 5000)", pid)
            waiters_behind(connection)

    with pytest.raises(ConnectionFailedError):
        look()
