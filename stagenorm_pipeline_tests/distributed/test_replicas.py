"""A streaming replica and a logical subscriber. They need servers of their own, so the tests are marked `soak`."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest
from click.testing import CliRunner

from stagenorm_pipeline.cli.main import main
from stagenorm_pipeline.engine.apply.events import BatchCompleted, Event
from stagenorm_pipeline.local.server_files import PORT
from stagenorm_pipeline_tests.support.application import COMPANIES, Application
from stagenorm_pipeline_tests.support.private_server import PrivateServer
from stagenorm_pipeline_tests.support.streaming_replica import StreamingReplica
from stagenorm_pipeline_tests.support.waiting import wait_until

pytestmark = pytest.mark.soak

ROWS = 2_000
# Changed rows, audit rows, and how many rows these are about.
_STATE = """
SELECT (SELECT count(*) FROM portfoliocompanies WHERE stage = 'seed'),
       (SELECT count(*) FROM stage_normalization_log),
       (SELECT count(DISTINCT row_id) FROM stage_normalization_log)
"""
WHOLE = (ROWS, ROWS, ROWS)


@pytest.fixture
def primary() -> Iterator[PrivateServer]:
    with PrivateServer() as server:
        yield server


@pytest.fixture
def application(primary: PrivateServer) -> Iterator[Application]:
    opened = Application(primary.create_database(name="app"))
    opened.set_up()
    opened.add(COMPANIES, [(row % 20, "Seed") for row in range(ROWS)])
    yield opened
    opened.close()


@pytest.fixture
def replica(primary: PrivateServer, application: Application) -> Iterator[StreamingReplica]:
    with StreamingReplica(primary) as server:
        yield server


def states_seen_during_a_run(url: str, application: Application) -> list[tuple[Any, ...]]:
    """What a reader at `url` sees, query after query, while all rows are normalized in batches of 20."""
    application.plan(batch_size=20)
    seen: list[tuple[Any, ...]] = []
    with psycopg.connect(url, autocommit=True) as reader, ThreadPoolExecutor(1) as other:
        run = other.submit(application.apply, sleep_ms=5)

        def look() -> bool:
            seen.append(reader.execute(_STATE).fetchall()[0])
            return seen[-1] == WHOLE

        while not run.done():
            look()
        assert run.result().ok
        wait_until(look, "everything has arrived")
    return seen


def assert_whole_batches(seen: list[tuple[Any, ...]]) -> None:
    assert {(changed == logged == rows, changed % 20) for changed, logged, rows in seen} == {(True, 0)}
    assert len(set(seen)) > 2, "the reader looked too seldom to see anything"


def test_reader_of_a_streaming_replica_sees_whole_batches_only(
    application: Application, replica: StreamingReplica
) -> None:
    assert_whole_batches(states_seen_during_a_run(replica.url("app"), application))


def test_logical_subscriber_gets_changes_and_audit_rows_in_whole_batches(
    primary: PrivateServer, application: Application
) -> None:
    application.sql("ALTER SYSTEM SET wal_level = logical")
    application.close()
    primary.stop_immediately()
    primary.start()
    with PrivateServer() as subscriber, closing(Application(primary.url("app"))) as publisher:
        publisher.sql("CREATE PUBLICATION stages FOR TABLE portfoliocompanies, stage_normalization_log")
        with closing(Application(subscriber.create_database(name="app"))) as copy:
            copy.set_up()
            source = f"host={primary.directory} port={PORT} user=postgres dbname=app"
            copy.sql(f"CREATE SUBSCRIPTION stages CONNECTION '{source}' PUBLICATION stages")
            wait_until(lambda: copy.value("SELECT count(*) FROM portfoliocompanies") == ROWS, "the rows are copied")
            synced = "SELECT count(*) FROM pg_subscription_rel WHERE srsubstate <> 'r'"
            wait_until(lambda: copy.value(synced) == 0, "both tables are followed")
            assert_whole_batches(states_seen_during_a_run(copy.url, publisher))
            copy.sql("DROP SUBSCRIPTION stages")


def test_run_continues_after_a_failover_and_repeats_nothing(
    primary: PrivateServer, application: Application, replica: StreamingReplica
) -> None:
    application.plan(batch_size=20)
    batches = count()

    def fail_over(event: Event) -> None:
        if isinstance(event, BatchCompleted) and next(batches) == 20:
            primary.stop_immediately()
            replica.promote()

    either = f"postgresql://postgres@/app?host={primary.directory},{replica.directory}"
    with closing(Application(f"{either}&target_session_attrs=read-write")) as everywhere:
        assert everywhere.apply(watch=fail_over).ok
    with closing(Application(replica.url("app"))) as promoted:
        # What the replica had not received yet was lost whole, and is done again.
        assert promoted.sql(_STATE) == [WHOLE]
        assert promoted.verify().verdict == "passed"


def test_commands_that_record_refuse_a_replica_and_ask_for_the_primary(
    application: Application, replica: StreamingReplica, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    application.run()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATABASE_URL", replica.url("app"))
    for command in (
        ["verify"],
        ["init-db"],
        ["run", "--yes"],
        ["resume"],
        ["pause"],
        ["unpause"],
        ["rollback", "--plan", "1", "--yes"],
        ["sign-off", "1"],
        ["enforce", "--yes"],
        ["backup", "--output", "another.sql.gz"],
    ):
        answer = CliRunner().invoke(main, command)
        assert answer.exit_code == 1, command
        assert "Name the primary in DATABASE_URL" in answer.output, answer.output
        assert len(answer.output.splitlines()) <= 2, f"{command} did something before: {answer.output}"
    assert not Path("another.sql.gz").exists()
