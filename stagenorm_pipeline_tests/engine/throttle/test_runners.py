"""The table of runners: entries, dead runners, and runners behind a pooler."""

from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from stagenorm_pipeline.config.throttle import ThrottleSettings
from stagenorm_pipeline.engine.apply.events import BatchCompleted, Event
from stagenorm_pipeline.engine.apply.runner import ApplyRequest, ApplyResult, apply_batches
from stagenorm_pipeline.engine.monitor.runners import Runner, read_runners
from stagenorm_pipeline.engine.postgres.connection import Database
from stagenorm_pipeline.engine.postgres.failpoints import Failpoint
from stagenorm_pipeline_tests.support.application import COMPANIES, Application
from stagenorm_pipeline_tests.support.blocked_program import BlockedProgram, Stop
from stagenorm_pipeline_tests.support.crashes_and_sessions import kill_backends
from stagenorm_pipeline_tests.support.paced_work import apply_paced
from stagenorm_pipeline_tests.support.pooler import Pooler, find_pgbouncer
from stagenorm_pipeline_tests.support.private_server import PrivateServer
from stagenorm_pipeline_tests.support.waiting import wait_until


@pytest.fixture
def planned(application: Application) -> Application:
    application.add(COMPANIES, [(1, "Seed")] * 30)
    application.plan(batch_size=10)
    return application


def runners(application: Application) -> tuple[Runner, ...]:
    with application.database.transaction() as connection:
        return read_runners(connection)


def test_runner_is_listed_from_its_first_batch_to_its_end(planned: Application) -> None:
    seen: list[tuple[Runner, ...]] = []

    def listen(event: Event) -> None:
        if isinstance(event, BatchCompleted):
            seen.append(runners(planned))

    planned.apply(watch=listen)
    assert [[(one.worker, one.run_by, one.is_alive, one.throttled) for one in then] for then in seen] == [
        [("worker-1", "operator@host", True, None)]
    ] * 3
    assert runners(planned) == ()
    assert planned.column("SELECT ended_at >= started_at FROM stage_migration_runners") == [True]


def test_killed_runner_is_detected_and_ended_by_the_next_one(planned: Application) -> None:
    with BlockedProgram(planned.url, apply_paced, Stop(step=Failpoint.APPLY_LOCKED)) as program:
        assert program.comes_to_its_stop()
        assert [runner.is_alive for runner in runners(planned)] == [True]
        program.kill()
    wait_until(lambda: [runner.is_alive for runner in runners(planned)] == [False])
    planned.apply()
    assert runners(planned) == ()
    assert planned.column("SELECT ended_at IS NOT NULL FROM stage_migration_runners") == [True, True]


def test_runner_is_known_by_its_new_session_after_a_lost_connection(planned: Application) -> None:
    alive: list[bool | None] = []

    def listen(event: Event) -> None:
        if isinstance(event, BatchCompleted):
            alive.extend(runner.is_alive for runner in runners(planned))
            if event.batch.number == 1:
                kill_backends(planned)

    assert planned.apply(watch=listen).ok
    assert alive == [True, True, True]


@pytest.fixture
def pooler(primary: PrivateServer) -> Iterator[Pooler]:
    with Pooler(primary, pool_size=1) as started:
        yield started


@pytest.mark.skipif(find_pgbouncer() is None, reason="PgBouncer is not installed (apt install pgbouncer)")
def test_throttle_works_through_a_pooler(replicated: Application, pooler: Pooler) -> None:
    """With one session it is not known whether a runner is alive."""
    replicated.add(COMPANIES, [(1, "Seed")] * 30)
    replicated.plan(batch_size=10)
    seen: list[Runner] = []
    database = Database.at(pooler.url(sa.make_url(replicated.url).database))

    def listen(event: Event) -> None:
        if isinstance(event, BatchCompleted):
            seen.extend(runners(replicated))

    result: ApplyResult = apply_batches(
        database,
        ApplyRequest(worker="w", run_by="t", sleep_ms=0, watch=listen, throttle=ThrottleSettings(probe_interval_ms=1)),
    )
    database.close()
    assert result.ok
    assert [runner.is_alive for runner in seen] == [None] * 3
    assert runners(replicated) == ()
