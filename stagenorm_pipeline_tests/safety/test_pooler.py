"""The whole runbook through PgBouncer in transaction mode: it works and leaves nothing in the pooled sessions."""

from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa

from stagenorm_pipeline.engine.postgres.failpoints import Failpoint
from stagenorm_pipeline.engine.postgres.migrations import apply_migrations
from stagenorm_pipeline.engine.verify.result import Verdict
from stagenorm_pipeline_tests.support import engine_calls as work
from stagenorm_pipeline_tests.support.application import Application
from stagenorm_pipeline_tests.support.blocked_program import BlockedProgram, Stop
from stagenorm_pipeline_tests.support.command_line import stagenorm_here
from stagenorm_pipeline_tests.support.crashes_and_sessions import kill_backends
from stagenorm_pipeline_tests.support.pooler import Pooler, find_pgbouncer
from stagenorm_pipeline_tests.support.private_server import PrivateServer
from stagenorm_pipeline_tests.support.safety_laws import Undisturbed, broken_laws, contents

pytestmark = pytest.mark.skipif(find_pgbouncer() is None, reason="PgBouncer is not installed (apt install pgbouncer)")

POOL_SIZE = 3
QUERY_WAIT_S = 10


@pytest.fixture(scope="module")
def pooler(server: PrivateServer) -> Iterator[Pooler]:
    with Pooler(server, pool_size=POOL_SIZE) as started:
        yield started


def through(pooler: Pooler, application: Application) -> Application:
    """The same database by way of the pooler."""
    return Application(pooler.url(sa.make_url(application.url).database))


def session_facts(connection: psycopg.Connection[Any]) -> tuple[Any, ...]:
    """Which session it is, and what a client before us may have left in it."""
    facts = connection.execute(
        "SELECT pg_backend_pid(), (SELECT count(*) FROM pg_prepared_statements), "
        "(SELECT count(*) FROM pg_cursors), "
        "(SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()), "
        "(SELECT count(*) FROM pg_class WHERE relpersistence = 't')"
    ).fetchone()
    assert facts is not None
    # Names with a dot belong to extensions that a session may have loaded: PL/pgSQL, by the migrations' DO blocks.
    settings = connection.execute(
        "SELECT name, setting FROM pg_settings WHERE name <> 'application_name' AND name NOT LIKE '%.%'"
    ).fetchall()
    return (*facts, dict(settings))


def test_runbook_works_through_a_pooler_and_leaves_no_session_state(
    pooler: Pooler, portfolio: Application, undisturbed: Undisturbed
) -> None:
    pooled = through(pooler, portfolio)
    ours = pooled.column("SELECT relname FROM pg_class WHERE relname LIKE 'stage%' AND relkind = 'r'")
    pooled.sql(f"DROP TABLE {', '.join(ours)} CASCADE")
    apply_migrations(pooled.database)
    assert pooled.preview().counts.rows_to_change == undisturbed.changes().total()
    plan_id = work.plan(pooled.database)
    assert plan_id is not None
    with (
        BlockedProgram(pooled.url, partial(work.apply, worker="first")) as first,
        BlockedProgram(pooled.url, partial(work.apply, worker="second")) as second,
    ):
        results = [program.outcome().value.result for program in (first, second)]
    assert sum(result.rows.rows_updated for result in results) == undisturbed.changes().total()
    pooled.database.close()
    assert broken_laws(pooled, undisturbed) == []

    with ExitStack() as stack:
        sessions = [stack.enter_context(psycopg.connect(pooled.url)) for _ in range(POOL_SIZE)]
        left = [session_facts(connection) for connection in sessions]
        fresh = session_facts(stack.enter_context(psycopg.connect(portfolio.url)))
    assert len({facts[0] for facts in left}) == POOL_SIZE
    assert [facts[1:] for facts in left] == [fresh[1:]] * POOL_SIZE

    assert pooled.verify().verdict is Verdict.PASSED
    work.roll_back(pooled.database, plan_id)
    assert contents(pooled) == undisturbed.before
    pooled.close()


@pytest.mark.parametrize("step", [Failpoint.PLAN_BATCH_RECORDED, Failpoint.APPLY_LOCKED, Failpoint.APPLY_BEFORE_COMMIT])
def test_program_killed_behind_a_pooler_leaves_nothing_to_repair(
    pooler: Pooler, portfolio: Application, undisturbed: Undisturbed, step: Failpoint
) -> None:
    pooled = through(pooler, portfolio)
    with BlockedProgram(pooled.url, work.migrate, Stop(step=step)) as program:
        assert program.comes_to_its_stop()
        program.kill()
    with BlockedProgram(pooled.url, work.resume_or_migrate) as program:
        outcome = program.outcome()
    assert outcome.error is None
    pooled.database.close()
    assert broken_laws(pooled, undisturbed) == []
    pooled.close()


def test_runner_continues_after_its_pooled_session_is_killed(
    pooler: Pooler, portfolio: Application, undisturbed: Undisturbed
) -> None:
    pooled = through(pooler, portfolio)
    with BlockedProgram(pooled.url, work.migrate, Stop(step=Failpoint.APPLY_ROWS_CHANGED)) as program:
        assert program.comes_to_its_stop()
        kill_backends(portfolio)
        program.go_on()
        assert program.outcome().error is None
    assert broken_laws(portfolio, undisturbed) == []
    pooled.close()


def test_concurrent_planners_do_not_exhaust_a_small_pool(
    server: PrivateServer, portfolio: Application, undisturbed: Undisturbed
) -> None:
    with Pooler(server, pool_size=2, query_wait_s=5) as small, ExitStack() as stack:
        url = small.url(sa.make_url(portfolio.url).database)
        planners = [stack.enter_context(BlockedProgram(url, work.plan)) for _ in range(4)]
        assert [program.outcome().error for program in planners] == [None] * 4
    assert work.apply(portfolio.database).result.ok
    portfolio.database.close()
    assert broken_laws(portfolio, undisturbed) == []


def test_every_command_works_with_a_pool_of_one_session(
    server: PrivateServer, portfolio: Application, undisturbed: Undisturbed, tmp_path: Path
) -> None:
    with Pooler(server, pool_size=1, query_wait_s=QUERY_WAIT_S) as pool_of_one:
        url = pool_of_one.url(sa.make_url(portfolio.url).database)

        def command(line: str) -> None:
            ran = stagenorm_here(*line.split(), url=url, directory=tmp_path)
            assert ran.code == 0, f"stagenorm {line}: {ran.all[-2_000:]}"

        for line in ("init-db", "preflight", "inventory", "dry-run", "backup --output saved.sql.gz"):
            command(line)
        command(f"run --yes --sleep-ms 0 --batch-size {work.BATCH_SIZE}")
        assert broken_laws(portfolio, undisturbed) == []
        for line in ("status", "pause", "unpause", "resume", "metrics", "verify --output report.json"):
            command(line)
        command("sign-off 1 --report report.json --by Ada")
        command("rollback --plan 1")
        command("rollback --plan 1 --yes --sleep-ms 0")
    assert contents(portfolio) == undisturbed.before
