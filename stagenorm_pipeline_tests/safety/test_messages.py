"""The normal path sends a batch as one message: the server begins, runs and commits it without the client in between.

A gate in the message makes the server wait at a failpoint until the test opens it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from itertools import pairwise
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa

from stagenorm_pipeline.engine.apply.batch_transaction import Bounds
from stagenorm_pipeline.engine.apply.events import BatchCompleted, Event
from stagenorm_pipeline.engine.postgres.bounded_connection import WaitBounds
from stagenorm_pipeline.engine.postgres.connection import Database
from stagenorm_pipeline.engine.postgres.failpoints import Failpoint, set_gates
from stagenorm_pipeline_tests.support import engine_calls as work
from stagenorm_pipeline_tests.support.application import COMPANIES, Application
from stagenorm_pipeline_tests.support.blocked_program import BlockedProgram
from stagenorm_pipeline_tests.support.crashes_and_sessions import (
    crash,
    resume,
    wait_for_a_waiting_session,
    wait_until_gone,
)
from stagenorm_pipeline_tests.support.lossy_proxy import LossyProxy
from stagenorm_pipeline_tests.support.pooler import Pooler, find_pgbouncer
from stagenorm_pipeline_tests.support.private_server import PrivateServer
from stagenorm_pipeline_tests.support.safety_laws import Undisturbed, broken_laws, broken_laws_of_rollback
from stagenorm_pipeline_tests.support.waiting import wait_until

IN_THE_MESSAGE = [Failpoint.APPLY_LOCKED, Failpoint.APPLY_ROWS_CHANGED, Failpoint.APPLY_BEFORE_COMMIT]
GATES = [Failpoint.APPLY_CLAIM_BEFORE_COMMIT, *IN_THE_MESSAGE]


@pytest.fixture
def planned(portfolio: Application) -> Application:
    """The portfolio with a plan that waits."""
    work.plan(portfolio.database)
    portfolio.database.close()
    return portfolio


@contextmanager
def closed_gate(application: Application) -> Iterator[None]:
    """Close the gate until the end of the block."""
    with psycopg.connect(application.url) as keeper:
        keeper.execute(work.CLOSE_GATE)
        yield


@pytest.mark.parametrize("place", GATES)
def test_message_of_a_killed_client_runs_to_its_end(
    planned: Application, undisturbed: Undisturbed, place: Failpoint
) -> None:
    with BlockedProgram(planned.url, partial(work.apply_gated, place=place)) as program:
        with closed_gate(planned):
            wait_for_a_waiting_session(planned)
            program.kill()
        wait_until_gone(planned)
    assert planned.value("SELECT count(*) FROM stage_migration_batches WHERE status = 'completed'") == (
        place in IN_THE_MESSAGE
    )
    resume(planned)
    assert broken_laws(planned, undisturbed) == []


@pytest.mark.parametrize("place", GATES)
def test_runner_continues_after_its_backend_is_killed_inside_a_message(
    planned: Application, undisturbed: Undisturbed, place: Failpoint
) -> None:
    with BlockedProgram(planned.url, partial(work.apply_gated, place=place)) as program:
        with closed_gate(planned):
            wait_for_a_waiting_session(planned)
            planned.sql("SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE wait_event = 'advisory'")
        assert program.outcome().value.result.ok
    assert broken_laws(planned, undisturbed) == []


def test_server_that_crashes_inside_a_message_leaves_nothing_to_repair(
    server: PrivateServer, planned: Application, undisturbed: Undisturbed
) -> None:
    work.apply(planned.database)
    planned.database.close()
    rollback = partial(work.roll_back_gated, place=Failpoint.APPLY_ROWS_CHANGED)
    with psycopg.connect(planned.url) as keeper, BlockedProgram(planned.url, rollback) as program:
        keeper.execute(work.CLOSE_GATE)
        wait_for_a_waiting_session(planned)
        crash(server, planned)
        assert program.outcome().value.result.ok
        keeper.close()
    assert broken_laws_of_rollback(planned, undisturbed) == []


@pytest.mark.parametrize("place", IN_THE_MESSAGE)
def test_client_that_hangs_inside_a_message_blocks_nobody(planned: Application, place: Failpoint) -> None:
    with BlockedProgram(planned.url, partial(work.apply_gated, place=place)) as program:
        with closed_gate(planned):
            wait_for_a_waiting_session(planned)
            program.freeze()
        wait_until(lambda: planned.value("SELECT count(*) FROM stage_migration_batches WHERE status = 'completed'"))
        planned.sql("SET statement_timeout = '5s'")
        planned.sql("UPDATE portfoliocompanies SET name = 'x'")
        second = work.apply(planned.database, worker="second")
        assert second.result.ok
        program.thaw()
        result = program.outcome().value.result
    assert (result.ok, result.completed) == (True, 1)


@pytest.mark.skipif(find_pgbouncer() is None, reason="PgBouncer is not installed (apt install pgbouncer)")
@pytest.mark.parametrize("place", GATES)
def test_client_that_hangs_after_an_error_leaves_the_only_pooled_session_free(
    server: PrivateServer, planned: Application, undisturbed: Undisturbed, place: Failpoint
) -> None:
    with Pooler(server, pool_size=1, query_wait_s=10) as pooler:
        url = pooler.url(sa.make_url(planned.url).database)
        with BlockedProgram(url, partial(work.apply_gated, place=place)) as program:
            with closed_gate(planned):
                wait_for_a_waiting_session(planned)
                program.freeze()
                planned.sql("SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'advisory'")
            with BlockedProgram(url, partial(work.apply, worker="second")) as second:
                assert second.outcome().value.result.ok
            assert broken_laws(planned, undisturbed) == []
            program.kill()


def test_lost_answer_to_a_message_counts_the_batch_once(
    server: PrivateServer, planned: Application, undisturbed: Undisturbed, tmp_path: Path
) -> None:
    # The last command of a batch's message. The server sends its answers when all of it is committed.
    with LossyProxy(tmp_path, server.directory, answer=b"SET CONSTRAINTS\0") as proxy:
        proxy.lose_the_next_answer()
        database = Database.at(planned.url.replace(str(server.directory), str(tmp_path)))
        applied = work.apply(database)
        database.close()
        assert proxy.has_lost.is_set()
    assert broken_laws(planned, undisturbed) == []
    assert applied.result.batches == planned.value("SELECT count(*) FROM stage_migration_batches")
    assert applied.result.rows.rows_updated == undisturbed.changes().total()


def test_batch_takes_one_round_trip(server: PrivateServer, planned: Application, tmp_path: Path) -> None:
    asked: list[int] = []
    with LossyProxy(tmp_path, server.directory) as proxy:

        def count(event: Event) -> None:
            if isinstance(event, BatchCompleted):
                asked.append(proxy.round_trips)

        database = Database.at(planned.url.replace(str(server.directory), str(tmp_path)))
        work.apply(database, on_event=count)
        database.close()
    trips = [later - earlier for earlier, later in pairwise(asked)]
    # The last batch has a claim of its own. For the second table, its columns and triggers are read.
    assert sorted(trips)[:-2] == [1] * (len(trips) - 2)
    assert sorted(trips)[-2] == 2


def test_message_that_takes_too_long_is_run_statement_by_statement(application: Application) -> None:
    application.add(COMPANIES, [(1, "Seed")] * 10)
    application.plan()
    database = Database.at(application.url, waits=WaitBounds(margin_s=0.1))
    set_gates(dict.fromkeys(IN_THE_MESSAGE, "SELECT pg_sleep(0.3)"))
    try:
        applied = work.apply(database, bounds=Bounds(statement_timeout_ms=400))
    finally:
        set_gates({})
        database.close()
    assert applied.result.ok
    assert application.value("SELECT count(*) FROM stage_normalization_log") == 10
