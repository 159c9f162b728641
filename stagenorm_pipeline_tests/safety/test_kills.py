"""A program that is killed at any step, in any way, leaves nothing to repair: the next one just goes on."""

from pathlib import Path

import pytest

from stagenorm_pipeline.engine.postgres.failpoints import Failpoint, listen
from stagenorm_pipeline_tests.support import engine_calls as work
from stagenorm_pipeline_tests.support.application import VOCABULARY, Application
from stagenorm_pipeline_tests.support.blocked_program import BlockedProgram, Stop
from stagenorm_pipeline_tests.support.crashes_and_sessions import ONCE, crash, kill_backends, resume
from stagenorm_pipeline_tests.support.lossy_proxy import LossyProxy
from stagenorm_pipeline_tests.support.private_server import PrivateServer
from stagenorm_pipeline_tests.support.safety_laws import Undisturbed, broken_laws, broken_laws_of_rollback

PLANNING = [step for step in Failpoint if step.startswith("plan.")]
ROLLING_BACK = [step for step in Failpoint if step.startswith("rollback.")]
APPLYING = [step for step in Failpoint if step.startswith("apply.")]


def stop_at(step: Failpoint) -> Stop:
    return Stop(step=step, arrival=1 if step in ONCE else 2)


def test_an_undisturbed_run_changes_each_known_spelling_to_its_stage_and_nothing_else(undisturbed: Undisturbed) -> None:
    expected = {
        table: {key: (rest, stage and VOCABULARY.stage_of(stage)) for key, (rest, stage) in rows.items()}
        for table, rows in undisturbed.before.items()
    }
    assert undisturbed.after == expected
    assert undisturbed.changes().total() > 100


def test_every_step_is_come_by(portfolio: Application) -> None:
    seen: list[Failpoint] = []
    listen(seen.append)
    try:
        work.migrate(portfolio.database)
        work.roll_back(portfolio.database)
    finally:
        listen(None)
    assert set(seen) == set(Failpoint)


@pytest.mark.parametrize("step", PLANNING + APPLYING)
def test_a_program_killed_at_a_step_leaves_nothing_to_repair(
    portfolio: Application, undisturbed: Undisturbed, step: Failpoint
) -> None:
    with BlockedProgram(portfolio.url, work.migrate, stop_at(step)) as program:
        assert program.comes_to_its_stop()
        program.kill()
    resume(portfolio)
    assert broken_laws(portfolio, undisturbed) == []


@pytest.mark.parametrize(
    "step",
    [Failpoint.PLAN_AFTER_COMMIT, Failpoint.APPLY_CLAIMED, Failpoint.APPLY_LOCKED, Failpoint.APPLY_BEFORE_COMMIT],
)
def test_a_new_plan_after_a_kill_leaves_nothing_to_repair_either(
    portfolio: Application, undisturbed: Undisturbed, step: Failpoint
) -> None:
    with BlockedProgram(portfolio.url, work.migrate, stop_at(step)) as program:
        assert program.comes_to_its_stop()
        program.kill()
    resume(portfolio, work.migrate)
    assert broken_laws(portfolio, undisturbed) == []


@pytest.mark.parametrize("step", ROLLING_BACK + APPLYING)
def test_a_rollback_killed_at_a_step_leaves_nothing_to_repair(
    portfolio: Application, undisturbed: Undisturbed, step: Failpoint
) -> None:
    work.migrate(portfolio.database)
    portfolio.database.close()
    with BlockedProgram(portfolio.url, work.roll_back, stop_at(step)) as program:
        assert program.comes_to_its_stop()
        program.kill()
    resume(portfolio, work.resume_or_roll_back)
    assert broken_laws_of_rollback(portfolio, undisturbed) == []


@pytest.mark.parametrize("step", APPLYING)
def test_a_runner_whose_backend_is_killed_goes_on_by_itself(
    portfolio: Application, undisturbed: Undisturbed, step: Failpoint
) -> None:
    with BlockedProgram(portfolio.url, work.migrate, stop_at(step)) as program:
        assert program.comes_to_its_stop()
        kill_backends(portfolio)
        program.go_on()
        assert program.outcome().error is None
    assert broken_laws(portfolio, undisturbed) == []


@pytest.mark.parametrize("step", [Failpoint.PLAN_STARTED, Failpoint.PLAN_BATCH_RECORDED, Failpoint.PLAN_BEFORE_COMMIT])
def test_a_planner_whose_backend_is_killed_says_so_and_has_recorded_nothing(
    portfolio: Application, undisturbed: Undisturbed, step: Failpoint
) -> None:
    with BlockedProgram(portfolio.url, work.plan, stop_at(step)) as program:
        assert program.comes_to_its_stop()
        kill_backends(portfolio)
        program.go_on()
        assert "ConnectionFailedError" in str(program.outcome().error)
        assert "run the same command again" in str(program.outcome().error)
    assert portfolio.value("SELECT count(*) FROM stage_migration_plans") == 0
    resume(portfolio)
    assert broken_laws(portfolio, undisturbed) == []


@pytest.mark.parametrize("step", [Failpoint.APPLY_CLAIMED, Failpoint.APPLY_ROWS_CHANGED, Failpoint.APPLY_AFTER_COMMIT])
def test_a_runner_whose_server_crashes_and_comes_back_goes_on_by_itself(
    server: PrivateServer, portfolio: Application, undisturbed: Undisturbed, step: Failpoint
) -> None:
    with BlockedProgram(portfolio.url, work.migrate, stop_at(step)) as program:
        assert program.comes_to_its_stop()
        crash(server, portfolio)
        program.go_on()
        assert program.outcome().error is None
    assert broken_laws(portfolio, undisturbed) == []


def test_a_runner_and_its_server_that_die_together_leave_nothing_to_repair(
    server: PrivateServer, portfolio: Application, undisturbed: Undisturbed
) -> None:
    with BlockedProgram(portfolio.url, work.migrate, stop_at(Failpoint.APPLY_BEFORE_COMMIT)) as program:
        assert program.comes_to_its_stop()
        program.freeze()
        crash(server, portfolio)
        program.kill()
    resume(portfolio)
    assert broken_laws(portfolio, undisturbed) == []


def test_a_runner_that_never_hears_of_its_commit_neither_repeats_nor_forgets_the_batch(
    server: PrivateServer, portfolio: Application, undisturbed: Undisturbed, tmp_path: Path
) -> None:
    lossy_url = portfolio.url.replace(str(server.directory), str(tmp_path))
    with (
        LossyProxy(tmp_path, server.directory) as proxy,
        BlockedProgram(lossy_url, work.migrate, stop_at(Failpoint.APPLY_BEFORE_COMMIT)) as program,
    ):
        assert program.comes_to_its_stop()
        proxy.lose_the_next_answer()
        program.go_on()
        result = program.outcome().value.result
        assert proxy.has_lost.is_set()
    assert broken_laws(portfolio, undisturbed) == []
    assert result.batches == portfolio.value("SELECT count(*) FROM stage_migration_batches")
    assert result.rows.rows_updated == undisturbed.changes().total()


def test_a_runner_that_never_hears_of_a_commit_with_refused_rows_still_reports_them(
    server: PrivateServer, portfolio: Application, tmp_path: Path
) -> None:
    portfolio.sql("ALTER TABLE portfoliocompanies ADD CHECK (stage <> 'series-c+') NOT VALID")
    lossy_url = portfolio.url.replace(str(server.directory), str(tmp_path))
    with (
        LossyProxy(tmp_path, server.directory) as proxy,
        BlockedProgram(lossy_url, work.migrate, Stop(step=Failpoint.APPLY_BEFORE_COMMIT)) as program,
    ):
        assert program.comes_to_its_stop()
        proxy.lose_the_next_answer()
        program.go_on()
        result = program.outcome().value.result
        assert proxy.has_lost.is_set()
    assert result.rows.rows_failed == portfolio.value("SELECT sum(rows_failed) FROM stage_migration_batches") > 0
    assert not result.ok
