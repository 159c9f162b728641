"""WAL that a server keeps for a slot or the archiver: preflight names it, and runs are throttled."""

import time
from collections.abc import Iterator
from contextlib import closing

import psycopg
import pytest

from stagenorm_pipeline.config.throttle import ThrottleSettings
from stagenorm_pipeline.engine.postgres.connection import Database
from stagenorm_pipeline.engine.preflight import PreflightCheck
from stagenorm_pipeline.engine.throttle.archive_backlog import ArchiveBacklog
from stagenorm_pipeline.engine.throttle.probe import ArchiveHidden, Reading, read_primary
from stagenorm_pipeline.engine.throttle.throttler import CannotSeeError
from stagenorm_pipeline.engine.throttle.wal_retained import WalRetained
from stagenorm_pipeline_tests.support.application import Application
from stagenorm_pipeline_tests.support.preflight_advice import ask, ask_for_one, follow
from stagenorm_pipeline_tests.support.private_server import PrivateServer
from stagenorm_pipeline_tests.support.throttle_readings import TABLE, at
from stagenorm_pipeline_tests.support.waiting import wait_until

SETTINGS = ThrottleSettings(max_retained_wal_mb=10, max_archive_backlog=1)


@pytest.fixture(scope="module")
def archiving() -> Iterator[Application]:
    """An application on a server whose archiver fails, with a slot that nobody reads."""
    with PrivateServer() as server:
        with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
            for setting in ("archive_mode = on", "archive_command = 'false'"):
                connection.execute(f"ALTER SYSTEM SET {setting}".encode())
        server.stop_immediately()
        server.start()
        with closing(Application(server.create_database())) as application:
            application.set_up()
            application.sql("SELECT pg_create_physical_replication_slot('forgotten', true)")
            for _ in range(2):
                application.sql("SELECT pg_logical_emit_message(false, 'stagenorm', 'x'), pg_switch_wal()")
            wait_until(lambda: application.value("SELECT failed_count FROM pg_stat_archiver"))
            yield application


def read(database: Database) -> Reading:
    with database.transaction() as connection:
        return read_primary(connection, time.monotonic(), 1_000)


def test_wal_kept_for_a_slot_throttles_until_the_slot_is_gone(archiving: Application) -> None:
    throttler = WalRetained(SETTINGS)
    reason = throttler.reason(read(archiving.database), TABLE) or ""
    assert reason.startswith("the inactive replication slot forgotten retains ")
    assert reason.endswith(" MB of WAL; continues below 5 MB")

    finding = ask_for_one(archiving, PreflightCheck.REPLICATION_SLOTS)
    assert "slot forgotten is inactive (wal_status reserved) and retains" in finding.message
    assert "without a limit" in finding.message
    follow(archiving, finding)

    assert throttler.reason(read(archiving.database), TABLE) is None
    assert ask(archiving, PreflightCheck.REPLICATION_SLOTS) == []


def test_failing_archiver_is_reported_and_its_backlog_throttles(archiving: Application) -> None:
    (finding,) = ask(archiving, PreflightCheck.WAL_ARCHIVER)
    assert "The archiver fails: its last attempt, for 0000" in finding.message

    reason = ArchiveBacklog(SETTINGS).reason(read(archiving.database), TABLE) or ""
    assert "WAL files wait to be archived; continues below 0.5" in reason


def test_role_that_may_not_see_the_archive_backlog_is_told_what_to_grant(archiving: Application) -> None:
    archiving.sql("CREATE ROLE plain LOGIN")
    database = Database.at(archiving.database.engine.url.set(username="plain"))
    with closing(database):
        assert read(database).archive == ArchiveHidden()
    with pytest.raises(CannotSeeError, match="may not see how many files"):
        ArchiveBacklog(SETTINGS).reason(at(0, archive=ArchiveHidden()), TABLE)
