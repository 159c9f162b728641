"""A program that is killed at any failpoint, in any way, leaves nothing to repair. The next program continues."""

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


def test_uninterrupted_run_changes_known_spellings_and_nothing_else(undisturbed: Undisturbed) -> None:
    expected = {
        table: {key: (rest, stage and VOCABULARY.stage_of(stage)) for key, (rest, stage) in rows.items()}
        for table, rows in undisturbed.before.items()
    }
    assert undisturbed.after == expected
    assert undisturbed.changes().total() > 100


def test_migration_and_rollback_pass_every_failpoint(portfolio: Application) -> None:
    seen: list[Failpoint] = []
    listen(seen.append)
    try:
        work.migrate(portfolio.database)
        work.roll_back(portfolio.database)
    finally:
        listen(None)
    assert set(seen) == set(Failpoint)


@pytest.mark.parametrize("step", PLANNING + APPLYING)
def test_program_killed_at_a_failpoint_leaves_nothing_to_repair(
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
def test_new_plan_after_a_kill_leaves_nothing_to_repair(
    portfolio: Application, undisturbed: Undisturbed, step: Failpoint
) -> None:
    with BlockedProgram(portfolio.url, work.migrate, stop_at(step)) as program:
        assert program.comes_to_its_stop()
        program.kill()
    resume(portfolio, work.migrate)
    assert broken_laws(portfolio, undisturbed) == []


@pytest.mark.parametrize("step", ROLLING_BACK + APPLYING)
def test_rollback_killed_at_a_failpoint_leaves_nothing_to_repair(
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
def test_runner_continues_after_its_backend_is_killed(
    portfolio: Application, undisturbed: Undisturbed, step: Failpoint
) -> None:
    with BlockedProgram(portfolio.url, work.migrate, stop_at(step)) as program:
        assert program.comes_to_its_stop()
        kill_backends(portfolio)
        program.go_on()
        assert program.outcome().error is None
    assert broken_laws(portfolio, undisturbed) == []


@pytest.mark.parametrize("step", [Failpoint.PLAN_STARTED, Failpoint.PLAN_BATCH_RECORDED, Failpoint.PLAN_BEFORE_COMMIT])
def test_planner_whose_backend_is_killed_fails_and_records_nothing(
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
def test_runner_continues_after_a_crash_and_restart_of_the_server(
    server: PrivateServer, portfolio: Application, undisturbed: Undisturbed, step: Failpoint
) -> None:
    with BlockedProgram(portfolio.url, work.migrate, stop_at(step)) as program:
        assert program.comes_to_its_stop()
        crash(server, portfolio)
        program.go_on()
        assert program.outcome().error is None
    assert broken_laws(portfolio, undisturbed) == []


def test_runner_and_server_that_die_together_leave_nothing_to_repair(
    server: PrivateServer, portfolio: Application, undisturbed: Undisturbed
) -> None:
    with BlockedProgram(portfolio.url, work.migrate, stop_at(Failpoint.APPLY_BEFORE_COMMIT)) as program:
        assert program.comes_to_its_stop()
        program.freeze()
        crash(server, portfolio)
        program.kill()
    resume(portfolio)
    assert broken_laws(portfolio, undisturbed) == []


def test_runner_that_loses_the_answer_to_commit_counts_the_batch_once(
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


def test_runner_that_loses_the_answer_to_commit_reports_refused_rows(
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
