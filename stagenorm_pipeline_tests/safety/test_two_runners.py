"""Two programs on one plan: each batch is applied once, even if a program dies or its plan is superseded."""

from functools import partial

import pytest

from stagenorm_pipeline.engine.postgres.failpoints import Failpoint
from stagenorm_pipeline_tests.support import engine_calls as work
from stagenorm_pipeline_tests.support.application import Application
from stagenorm_pipeline_tests.support.blocked_program import BlockedProgram, Stop
from stagenorm_pipeline_tests.support.crashes_and_sessions import (
    kill_backends,
    wait_for_a_waiting_session,
    wait_for_sessions,
    wait_until_gone,
)
from stagenorm_pipeline_tests.support.safety_laws import Undisturbed, broken_laws

FIRST = partial(work.apply, worker="first")
SECOND = partial(work.apply, worker="second")


@pytest.fixture
def planned(portfolio: Application) -> Application:
    """The portfolio with a plan that waits."""
    work.plan(portfolio.database)
    portfolio.database.close()  # its idle session is none of a runner
    return portfolio


def batches(application: Application) -> int:
    return int(application.value("SELECT count(*) FROM stage_migration_batches"))


def test_two_runners_share_the_batches_and_apply_each_once(planned: Application, undisturbed: Undisturbed) -> None:
    with BlockedProgram(planned.url, FIRST) as first, BlockedProgram(planned.url, SECOND) as second:
        results = [program.outcome().value.result for program in (first, second)]
    assert sum(result.completed for result in results) == batches(planned)
    assert sum(result.rows.rows_updated for result in results) == undisturbed.changes().total()
    assert broken_laws(planned, undisturbed) == []


@pytest.mark.parametrize(
    "step",
    [
        Failpoint.APPLY_LOCKED,
        Failpoint.APPLY_ROWS_CHANGED,
        Failpoint.APPLY_RESULT_RECORDED,
        Failpoint.APPLY_BEFORE_COMMIT,
    ],
)
def test_second_runner_applies_free_batches_and_names_who_took_the_rest(
    planned: Application, undisturbed: Undisturbed, step: Failpoint
) -> None:
    with BlockedProgram(planned.url, FIRST, Stop(step=step)) as first:
        assert first.comes_to_its_stop()
        second = SECOND(planned.database)
        assert second.taken_by == ["first"]
        assert (second.result.taken, second.result.completed) == (1, batches(planned) - 1)
        first.go_on()
        assert first.outcome().value.result.completed == 1
    assert broken_laws(planned, undisturbed) == []


def test_batch_with_an_uncommitted_claim_counts_as_taken(planned: Application, undisturbed: Undisturbed) -> None:
    with BlockedProgram(planned.url, FIRST, Stop(step=Failpoint.APPLY_CLAIM_BEFORE_COMMIT)) as first:
        assert first.comes_to_its_stop()
        second = SECOND(planned.database)
        assert second.result.taken == 1
        assert not second.result.ok
        first.go_on()
        assert first.outcome().value.result.completed == 1
    assert broken_laws(planned, undisturbed) == []


def test_runner_never_reports_its_own_batch_as_taken(planned: Application, undisturbed: Undisturbed) -> None:
    with BlockedProgram(planned.url, FIRST, Stop(step=Failpoint.APPLY_CLAIMED)) as first:
        assert first.comes_to_its_stop()
        with BlockedProgram(planned.url, SECOND, Stop(step=Failpoint.APPLY_CLAIMED)) as second:
            assert second.comes_to_its_stop()
            first.go_on(Stop(step=Failpoint.APPLY_LOCKED))
            assert first.comes_to_its_stop()
            second.go_on()
            assert second.outcome().value.taken_by == ["another runner"]
        first.go_on()
        assert first.outcome().value.result.completed == 1
    assert broken_laws(planned, undisturbed) == []


@pytest.mark.parametrize("step", [Failpoint.APPLY_CLAIMED, Failpoint.APPLY_LOCKED, Failpoint.APPLY_BEFORE_COMMIT])
def test_batch_of_a_dead_runner_is_free_at_once(
    planned: Application, undisturbed: Undisturbed, step: Failpoint
) -> None:
    with BlockedProgram(planned.url, FIRST, Stop(step=step)) as first:
        assert first.comes_to_its_stop()
        first.kill()
        wait_until_gone(planned)
    says_running = "SELECT batch_id FROM stage_migration_batches WHERE status = 'running' AND worker = 'first'"
    [orphan] = planned.column(says_running)
    second = SECOND(planned.database)
    assert (second.result.completed, second.result.taken) == (batches(planned), 0)
    assert planned.sql("SELECT worker, attempts FROM stage_migration_batches WHERE batch_id = %s", orphan) == [
        ("second", 2)
    ]
    assert broken_laws(planned, undisturbed) == []


def test_runner_that_lost_its_session_leaves_its_batch_to_the_next(
    planned: Application, undisturbed: Undisturbed
) -> None:
    with BlockedProgram(planned.url, FIRST, Stop(step=Failpoint.APPLY_BEFORE_COMMIT)) as first:
        assert first.comes_to_its_stop()
        kill_backends(planned)
        second = SECOND(planned.database)
        assert second.result.completed == batches(planned)
        first.go_on()
        assert first.outcome().value.result.batches == 0
    assert broken_laws(planned, undisturbed) == []


def test_later_of_two_concurrent_plans_cancels_the_earlier(portfolio: Application, undisturbed: Undisturbed) -> None:
    with BlockedProgram(portfolio.url, work.plan, Stop(step=Failpoint.PLAN_BEFORE_COMMIT)) as first:
        assert first.comes_to_its_stop()
        with BlockedProgram(portfolio.url, work.plan) as second:
            wait_for_sessions(portfolio, 2)
            assert second.is_alive()
            first.go_on()
            plans = [first.outcome().value, second.outcome().value]
    assert dict(portfolio.sql("SELECT plan_id, status FROM stage_migration_plans")) == {
        plans[0]: "cancelled",
        plans[1]: "open",
    }
    assert FIRST(portfolio.database).result.ok
    assert broken_laws(portfolio, undisturbed) == []


def test_runner_continues_the_old_plan_if_a_new_planner_dies(planned: Application, undisturbed: Undisturbed) -> None:
    with (
        BlockedProgram(planned.url, work.plan, Stop(step=Failpoint.PLAN_BEFORE_COMMIT)) as planner,
        BlockedProgram(planned.url, FIRST, Stop(step=Failpoint.APPLY_BEFORE_CLAIM)) as runner,
    ):
        assert planner.comes_to_its_stop()
        assert runner.comes_to_its_stop()
        runner.go_on()
        wait_for_a_waiting_session(planned)
        planner.kill()
        assert runner.outcome().value.result.completed == batches(planned)
    assert broken_laws(planned, undisturbed) == []


@pytest.mark.parametrize("step", [Failpoint.APPLY_BEFORE_CLAIM, Failpoint.APPLY_CLAIMED])
def test_runner_applies_the_new_plan_if_its_own_was_superseded(
    planned: Application, undisturbed: Undisturbed, step: Failpoint
) -> None:
    total = batches(planned)
    with BlockedProgram(planned.url, FIRST, Stop(step=step)) as runner:
        assert runner.comes_to_its_stop()
        work.plan(planned.database)
        runner.go_on()
        assert runner.outcome().value.result.completed == total
    assert planned.column("SELECT status FROM stage_migration_plans ORDER BY plan_id") == ["cancelled", "completed"]
    assert broken_laws(planned, undisturbed) == []


def test_runner_of_one_plan_stops_once_that_plan_is_superseded(
    portfolio: Application, undisturbed: Undisturbed
) -> None:
    old = work.plan(portfolio.database)
    with BlockedProgram(portfolio.url, partial(FIRST, plan_id=old), Stop(step=Failpoint.APPLY_CLAIMED)) as runner:
        assert runner.comes_to_its_stop()
        work.plan(portfolio.database)
        runner.go_on()
        assert runner.outcome().value.result.batches == 0
    assert portfolio.value("SELECT count(*) FROM stage_normalization_log") == 0
    assert SECOND(portfolio.database).result.ok
    assert broken_laws(portfolio, undisturbed) == []


def test_running_batch_of_a_superseded_plan_still_completes(planned: Application, undisturbed: Undisturbed) -> None:
    with BlockedProgram(planned.url, FIRST, Stop(step=Failpoint.APPLY_ROWS_CHANGED)) as runner:
        assert runner.comes_to_its_stop()
        new = work.plan(planned.database)
        runner.go_on()
        result = runner.outcome().value.result
    assert broken_laws(planned, undisturbed) == ["no batch skipped or failed a row"]
    finished = planned.value(
        "SELECT rows_updated FROM stage_migration_batches WHERE plan_id < %s AND status = 'completed'", new
    )
    assert result.rows.rows_skipped_changed == finished > 0
