"""Locks between users and us: we wait a bounded time for theirs, and they wait for at most one of our transactions."""

import threading
from collections.abc import Iterator
from functools import partial
from typing import Any

import psycopg
import pytest

from stagenorm_pipeline.engine.apply.batch_transaction import Bounds
from stagenorm_pipeline.engine.apply.events import BatchFailed, Event, Retrying
from stagenorm_pipeline.engine.postgres import retry
from stagenorm_pipeline.engine.postgres.failpoints import Failpoint
from stagenorm_pipeline.engine.verify.result import Outcome, Rule
from stagenorm_pipeline_tests.support import engine_calls as work
from stagenorm_pipeline_tests.support.application import COMPANIES, Application
from stagenorm_pipeline_tests.support.blocked_program import BlockedProgram, Stop
from stagenorm_pipeline_tests.support.crashes_and_sessions import wait_for_a_waiting_session, wait_until_gone

HURRIED = Bounds(lock_timeout_ms=50)
SOON_GIVEN_UP = Bounds(idle_timeout_ms=300)
TAKE = "UPDATE portfoliocompanies SET stage = 'series-b' WHERE id = %s"


@pytest.fixture
def planned(application: Application) -> Application:
    """Three open batches: rows 1 to 20, 21 to 40 and 41 to 60."""
    application.add(COMPANIES, [(1, "Seed")] * 60)
    work.plan(application.database)
    application.database.close()
    return application


@pytest.fixture
def user(application: Application) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
    """A user who works in transactions."""
    connection = psycopg.connect(application.url)
    yield connection
    connection.close()


@pytest.fixture
def _short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "_FIRST_WAIT_S", 0.01)
    monkeypatch.setattr(retry, "_LONGEST_WAIT_S", 0.02)


def retries(applied: work.Applied) -> list[str]:
    return [event.error for event in applied.events if isinstance(event, Retrying)]


def test_row_locked_by_a_user_is_retried_then_skipped_if_changed(
    planned: Application, user: psycopg.Connection[tuple[Any, ...]]
) -> None:
    user.execute(TAKE, [5])

    def release(event: Event) -> None:
        if isinstance(event, Retrying):
            user.commit()

    applied = work.apply(planned.database, bounds=HURRIED, on_event=release)
    assert retries(applied) == ["canceling statement due to lock timeout"]
    assert (applied.result.rows.rows_updated, applied.result.rows.rows_skipped_changed) == (59, 1)
    assert planned.stages(COMPANIES)[5] == "series-b"


def test_row_that_a_user_locked_but_did_not_change_is_migrated(
    planned: Application, user: psycopg.Connection[tuple[Any, ...]]
) -> None:
    user.execute(TAKE, [5])

    def release(event: Event) -> None:
        if isinstance(event, Retrying):
            user.rollback()

    applied = work.apply(planned.database, bounds=HURRIED, on_event=release)
    assert applied.result.rows.rows_updated == 60
    assert set(planned.stages(COMPANIES).values()) == {"seed"}


@pytest.mark.usefixtures("_short_waits")
def test_row_locked_for_too_long_fails_only_its_batch(
    planned: Application, user: psycopg.Connection[tuple[Any, ...]]
) -> None:
    user.execute(TAKE, [25])
    applied = work.apply(planned.database, bounds=HURRIED)
    assert (applied.result.completed, applied.result.failed) == (2, 1)
    assert [event.batch.number for event in applied.events if isinstance(event, BatchFailed)] == [2]
    assert planned.value("SELECT count(*) FROM stage_normalization_log") == 40
    assert planned.verify().check(Rule.BATCH_TRACKING).outcome is Outcome.FAILED

    user.rollback()
    again = work.apply(planned.database)
    assert (again.result.batches, again.result.completed) == (1, 1)
    assert set(planned.stages(COMPANIES).values()) == {"seed"}
    assert planned.value("SELECT count(*) FROM stage_normalization_log") == 60


def test_deadlock_with_a_user_is_retried(planned: Application, user: psycopg.Connection[tuple[Any, ...]]) -> None:
    user.execute("SET deadlock_timeout = '1h'")  # so that it is our session that notices, and is ended
    # Neither the first row by id nor by place, so that our session has locked others when it waits for this one.
    late = planned.value("SELECT id FROM portfoliocompanies WHERE id BETWEEN 2 AND 20 ORDER BY ctid DESC LIMIT 1")
    user.execute(TAKE, [late])

    def close_the_circle() -> None:
        wait_for_a_waiting_session(planned)
        for row in range(1, 21):
            user.execute(TAKE, [row])
        user.commit()

    other = threading.Thread(target=close_the_circle)
    other.start()
    applied = work.apply(planned.database, bounds=Bounds(lock_timeout_ms=20_000))
    other.join()
    assert "deadlock detected" in retries(applied)
    assert (applied.result.rows.rows_updated, applied.result.rows.rows_skipped_changed) == (40, 20)
    now = planned.stages(COMPANIES)
    assert {row for row, stage in now.items() if stage == "series-b"} == set(range(1, 21))


@pytest.mark.usefixtures("_short_waits")
def test_serialization_failure_is_retried(planned: Application) -> None:
    planned.sql("CREATE SEQUENCE attempts")
    planned.sql(
        "CREATE FUNCTION be_busy() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "IF nextval('attempts') <= 3 THEN RAISE 'busy' USING ERRCODE = 'serialization_failure'; END IF; "
        "RETURN NEW; END $$"
    )
    planned.sql("CREATE TRIGGER busy BEFORE UPDATE ON portfoliocompanies FOR EACH ROW EXECUTE FUNCTION be_busy()")
    applied = work.apply(planned.database)
    assert retries(applied) == ["busy"] * 3
    assert applied.result.rows.rows_updated == 60


@pytest.mark.parametrize(
    "step", [Failpoint.APPLY_ROWS_CHANGED, Failpoint.APPLY_RESULT_RECORDED, Failpoint.APPLY_BEFORE_COMMIT]
)
def test_client_that_hangs_blocks_users_for_its_time_limit_at_most(planned: Application, step: Failpoint) -> None:
    with BlockedProgram(planned.url, partial(work.apply, bounds=SOON_GIVEN_UP), Stop(step=step)) as program:
        assert program.comes_to_its_stop()
        program.freeze()
        planned.sql("SET statement_timeout = '20s'")
        planned.sql(TAKE, 5)
        program.thaw()
        program.go_on()
        result = program.outcome().value.result
    assert result.ok
    assert (result.rows.rows_updated, result.rows.rows_skipped_changed) == (59, 1)
    assert planned.stages(COMPANIES)[5] == "series-b"


@pytest.mark.parametrize("step", [Failpoint.APPLY_CLAIM_BEFORE_COMMIT, Failpoint.APPLY_LOCKED])
def test_client_that_hangs_keeps_its_batch_for_its_time_limit_at_most(planned: Application, step: Failpoint) -> None:
    with BlockedProgram(planned.url, partial(work.apply, bounds=SOON_GIVEN_UP), Stop(step=step)) as program:
        assert program.comes_to_its_stop()
        program.freeze()
        wait_until_gone(planned)
        assert work.apply(planned.database, worker="second").result.rows.rows_updated == 60
        program.thaw()
        program.go_on()
        assert program.outcome().value.result.ok
    assert planned.value("SELECT count(*) FROM stage_normalization_log") == 60


@pytest.mark.parametrize(
    "step", [Failpoint.PLAN_BASELINE_RECORDED, Failpoint.PLAN_BATCH_RECORDED, Failpoint.PLAN_BEFORE_COMMIT]
)
def test_planner_that_hangs_does_not_block_ddl_or_other_planners(planned: Application, step: Failpoint) -> None:
    with BlockedProgram(planned.url, work.plan_soon_given_up, Stop(step=step)) as program:
        assert program.comes_to_its_stop()
        program.freeze()
        planned.sql("SET statement_timeout = '20s'")
        planned.sql("ALTER TABLE portfoliocompanies ADD note text")
        with BlockedProgram(planned.url, work.plan) as other:
            assert other.outcome().error is None
        program.thaw()
        program.go_on()
        assert "nothing is lost, run the same command again" in str(program.outcome().error)
    assert planned.column("SELECT status FROM stage_migration_plans ORDER BY plan_id") == ["cancelled", "open"]
