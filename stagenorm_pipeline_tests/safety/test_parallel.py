"""Several sessions of one runner: each batch runs once, and one pause, one throttle and one interrupt reach all."""

import signal
import threading
import time
from collections.abc import Iterator
from functools import partial

import psycopg
import pytest

from stagenorm_pipeline.config.auto_batch_size import Pacing
from stagenorm_pipeline.config.throttle import LAG_THROTTLERS, ThrottleSettings
from stagenorm_pipeline.engine.apply.batch_transaction import Bounds
from stagenorm_pipeline.engine.apply.events import BatchStarted, Event, Paused, Retrying, Throttled, ThrottleEnded
from stagenorm_pipeline.engine.apply.pause import set_paused
from stagenorm_pipeline.engine.monitor.runners import read_runners
from stagenorm_pipeline.engine.postgres.failpoints import Failpoint, listen
from stagenorm_pipeline.errors import StagenormError
from stagenorm_pipeline_tests.support import engine_calls as work
from stagenorm_pipeline_tests.support.application import COMPANIES, Application
from stagenorm_pipeline_tests.support.background_run import BackgroundRun
from stagenorm_pipeline_tests.support.blocked_program import BlockedProgram, Stop
from stagenorm_pipeline_tests.support.command_line import started
from stagenorm_pipeline_tests.support.crashes_and_sessions import resume
from stagenorm_pipeline_tests.support.safety_laws import Undisturbed, broken_laws, broken_laws_of_rollback
from stagenorm_pipeline_tests.support.waiting import wait_until

QUICK = ThrottleSettings(probe_interval_ms=20, probe_timeout_ms=100, ignore=LAG_THROTTLERS)
SLOW = (
    "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep({}); RETURN NEW; END'",
    "CREATE TRIGGER slow BEFORE UPDATE ON portfoliocompanies FOR EACH ROW EXECUTE FUNCTION slow()",
)


@pytest.fixture
def meeting() -> Iterator[threading.Barrier]:
    """Two sessions meet while each has locked its first batch. Broken: only one came within ten seconds."""
    barrier = threading.Barrier(2)
    met: set[int] = set()

    def meet(step: Failpoint) -> None:
        if step is Failpoint.APPLY_LOCKED and threading.get_ident() not in met:
            met.add(threading.get_ident())
            barrier.wait(10)

    listen(meet)
    yield barrier
    listen(None)


def plan(application: Application, batches: int) -> None:
    application.add(COMPANIES, [(1, "Seed")] * (10 * batches))
    application.plan(batch_size=10)


def done(application: Application) -> int:
    return int(application.value("SELECT count(*) FROM stage_migration_batches WHERE status = 'completed'"))


def test_two_sessions_run_each_batch_once_and_keep_one_entry(
    portfolio: Application, undisturbed: Undisturbed, meeting: threading.Barrier
) -> None:
    work.plan(portfolio.database)
    heard_in: set[int] = set()
    applied = work.apply(portfolio.database, parallel=2, on_event=lambda _: heard_in.add(threading.get_ident()))
    assert not meeting.broken
    assert broken_laws(portfolio, undisturbed) == []
    assert applied.result.completed == portfolio.value("SELECT count(*) FROM stage_migration_batches")
    assert applied.result.rows.rows_updated == undisturbed.changes().total()
    assert (applied.result.ok, applied.taken_by) == (True, [])
    assert heard_in == {threading.get_ident()}
    assert portfolio.value("SELECT count(*) FROM stage_migration_runners") == 1


def test_both_sessions_continue_after_one_backend_is_killed(portfolio: Application, undisturbed: Undisturbed) -> None:
    work.plan(portfolio.database)
    killed: list[int] = []
    noticed = threading.Event()

    def kill_one(step: Failpoint) -> None:
        if step is Failpoint.APPLY_BEFORE_CLAIM and killed and threading.get_ident() not in killed:
            # Otherwise the other session may run every batch before the loss is noticed.
            noticed.wait(10)
        if step is Failpoint.APPLY_ROWS_CHANGED and not killed:
            killed.append(threading.get_ident())
            portfolio.sql(
                "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = current_database() "
                "AND application_name = 'stagenorm batch' AND state = 'idle in transaction' LIMIT 1"
            )

    alive: list[bool | None] = []

    def look(event: Event) -> None:
        if isinstance(event, Retrying):
            noticed.set()
        if isinstance(event, BatchStarted) and noticed.is_set():
            with portfolio.database.transaction() as connection:
                alive.extend(runner.is_alive for runner in read_runners(connection))

    listen(kill_one)
    try:
        applied = work.apply(portfolio.database, parallel=2, on_event=look)
    finally:
        listen(None)
    assert broken_laws(portfolio, undisturbed) == []
    assert applied.result.ok
    assert any(isinstance(event, Retrying) for event in applied.events)
    assert alive[-1] is True


@pytest.mark.parametrize("step", [Failpoint.APPLY_CLAIMED, Failpoint.APPLY_ROWS_CHANGED, Failpoint.APPLY_BEFORE_COMMIT])
def test_program_with_sessions_killed_at_a_failpoint_leaves_nothing_to_repair(
    portfolio: Application, undisturbed: Undisturbed, step: Failpoint
) -> None:
    work.plan(portfolio.database)
    portfolio.database.close()
    with BlockedProgram(portfolio.url, partial(work.apply, parallel=3), Stop(step=step, arrival=2)) as program:
        assert program.comes_to_its_stop()
        program.kill()
    resume(portfolio)
    assert broken_laws(portfolio, undisturbed) == []


def test_rollback_in_sessions_restores_every_row(portfolio: Application, undisturbed: Undisturbed) -> None:
    work.migrate(portfolio.database)
    assert work.roll_back(portfolio.database, parallel=3).result.ok
    assert broken_laws_of_rollback(portfolio, undisturbed) == []


def test_groups_with_refused_rows_in_sessions_have_the_results_of_one_session(application: Application) -> None:
    application.sql("ALTER TABLE portfoliocompanies ADD CHECK (id % 35 <> 5 OR stage <> 'seed') NOT VALID")
    application.add(COMPANIES, [(fund, "Seed") for fund in (1, 2, 3) for _ in range(150)])
    application.plan(batch_size=10)
    result = application.apply(parallel=3, pacing=Pacing())
    refused = [str(row) for row in range(1, 451) if row % 35 == 5]
    assert (result.batches, result.rows.rows_failed, result.rows.rows_updated) == (45, len(refused), 450 - len(refused))
    assert application.column("SELECT row_id FROM stage_migration_quarantine ORDER BY row_id::int") == refused
    assert application.value("SELECT sum(rows_updated + rows_failed - rows_planned) FROM stage_migration_batches") == 0


def test_throttle_and_pause_stop_every_session(application: Application) -> None:
    plan(application, 60)
    running = "SELECT count(*) FROM stage_migration_batches WHERE status = 'running'"
    with BackgroundRun(application.url, QUICK, sleep_ms=20, parallel=4) as run:
        run.says(BatchStarted, 4)
        with psycopg.connect(application.url) as blocker:
            blocker.execute("LOCK pg_locks IN ACCESS EXCLUSIVE MODE")
            run.says(Throttled)
            wait_until(lambda: not application.value(running) and len(run.said(BatchStarted)) == done(application))
            set_paused(application.database, paused=True, reason="lunch", changed_by="operator")
        run.says(Paused)
        assert len(run.said(BatchStarted)) == done(application) < 60
        set_paused(application.database, paused=False, reason=None, changed_by="operator")
        result = run.ends()
    assert (result.ok, result.completed) == (True, 60)
    assert (len(run.said(Throttled)), len(run.said(ThrottleEnded)), len(run.said(Paused))) == (1, 1, 1)
    waiting = run.events[run.events.index(run.said(Throttled)[0]) : run.events.index(run.said(ThrottleEnded)[0])]
    assert not [event for event in waiting if isinstance(event, BatchStarted)]


def test_error_in_one_session_ends_the_others_after_their_batch(application: Application) -> None:
    plan(application, 40)
    application.sql(SLOW[0].format("CASE WHEN NEW.id BETWEEN 21 AND 80 THEN 1 ELSE 0.001 END"))
    application.sql(SLOW[1])
    with pytest.raises(StagenormError, match="3 batches in a row failed as a whole; the last: canceling statement"):
        application.apply(parallel=3, bounds=Bounds(statement_timeout_ms=200))
    statuses = dict(application.sql("SELECT status, count(*) FROM stage_migration_batches GROUP BY 1"))
    assert statuses["failed"] >= 3
    assert "running" not in statuses
    assert statuses["pending"] > 20


def test_interrupts_reach_four_sessions(application: Application) -> None:
    """The first stops after the current batches, the second cancels what they run."""
    plan(application, 12)
    application.sql(SLOW[0].format("CASE WHEN NEW.id > 40 THEN 60 ELSE 0.02 END"))
    application.sql(SLOW[1])
    sleeping = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'"
    with started("resume", "--sleep-ms", "0", "--parallel", "4", url=application.url) as running:
        wait_until(lambda: application.value(sleeping) == 4 and running.text.count("Processing batch") == 8)
        running.process.send_signal(signal.SIGINT)
        running.wait_for("Stopping after the current batch")
        assert application.value(sleeping) == 4
        began = time.monotonic()
        running.process.send_signal(signal.SIGINT)
        assert running.end() == 1
        assert time.monotonic() - began < 6
    wait_until(lambda: not application.value(sleeping))
    assert "Error: Interrupted." in running.text
    assert "Traceback" not in running.text
    statuses = dict(application.sql("SELECT status, count(*) FROM stage_migration_batches GROUP BY 1"))
    assert statuses == {"completed": 4, "running": 4, "pending": 4}
    assert application.value("SELECT count(*) FROM stage_normalization_log") == 40
