"""The message of a batch claims the next one. That one runs once or stays untouched, whatever comes in between."""

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from stagenorm_pipeline.config.configuration import TargetSetting
from stagenorm_pipeline.config.guards import GuardBound, GuardSettings
from stagenorm_pipeline.config.throttle import LAG_THROTTLERS, ThrottleSettings
from stagenorm_pipeline.engine.apply.events import BatchCompleted, BatchStarted, Event, Paused, Throttled
from stagenorm_pipeline.engine.apply.pause import set_paused
from stagenorm_pipeline.engine.apply.request import ApplyRequest
from stagenorm_pipeline.engine.apply.runner import apply_batches
from stagenorm_pipeline.engine.approval.approval import ApprovalNeededError, set_rule
from stagenorm_pipeline.engine.postgres.connection import Database
from stagenorm_pipeline.engine.postgres.failpoints import Failpoint, set_gates
from stagenorm_pipeline_tests.support import engine_calls as work
from stagenorm_pipeline_tests.support.application import COMPANIES, DEALS, Application
from stagenorm_pipeline_tests.support.lossy_proxy import LossyProxy
from stagenorm_pipeline_tests.support.private_server import PrivateServer
from stagenorm_pipeline_tests.support.safety_laws import Undisturbed, broken_laws

STATUSES = "SELECT status, attempts FROM stage_migration_batches ORDER BY batch_number"


@pytest.fixture
def planned(application: Application) -> Application:
    """Eight batches of two rows that wait."""
    application.add(COMPANIES, [(fund, "Seed") for fund in (1, 2, 3, 4) for _ in range(4)])
    application.plan(batch_size=2)
    return application


class AtCompletion:
    """Do something once, when so many batches are completed."""

    def __init__(self, completed: int, act: Callable[[], object]) -> None:
        self._left = completed
        self._act = act

    def __call__(self, event: Event) -> None:
        if isinstance(event, BatchCompleted):
            self._left -= 1
            if self._left == 0:
                self._act()


def test_pause_takes_effect_before_the_batch_that_is_claimed_already(planned: Application) -> None:
    paused: list[list[tuple[object, ...]]] = []
    pause = AtCompletion(3, lambda: set_paused(planned.database, paused=True, reason="x", changed_by="test"))

    def watch(event: Event) -> None:
        pause(event)
        if isinstance(event, Paused):
            paused.append(planned.sql(STATUSES))
            set_paused(planned.database, paused=False, reason=None, changed_by="test")

    applied = work.apply(planned.database, on_event=watch)
    assert paused == [[("completed", 1)] * 3 + [("pending", 0)] * 5]
    assert (applied.result.ok, applied.result.completed) == (True, 8)
    assert planned.sql(STATUSES) == [("completed", 1)] * 8


def test_pause_during_a_batch_keeps_the_next_one_from_being_claimed(application: Application) -> None:
    """The table of the next batches has an AFTER trigger. Without messages, nothing checks the pause again."""
    application.add(COMPANIES, [(1, "Seed")])
    application.add(DEALS, [(1, "Seed"), (2, "Seed")])
    application.plan()
    application.sql("CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'")
    application.sql("CREATE TRIGGER note AFTER UPDATE ON deal_opportunities FOR EACH ROW EXECUTE FUNCTION note()")
    paused: list[list[tuple[object, ...]]] = []

    def watch(event: Event) -> None:
        if isinstance(event, BatchStarted) and event.batch.number == 1:
            set_paused(application.database, paused=True, reason="x", changed_by="test")
        if isinstance(event, Paused):
            paused.append(application.sql(STATUSES))
            set_paused(application.database, paused=False, reason=None, changed_by="test")

    assert work.apply(application.database, on_event=watch).result.completed == 3
    assert paused == [[("completed", 1), ("pending", 0), ("pending", 0)]]


def test_stop_leaves_no_claimed_batch(planned: Application) -> None:
    stop: list[bool] = []
    result = planned.apply(watch=AtCompletion(3, lambda: stop.append(True)), should_stop=lambda: bool(stop))
    assert (result.completed, result.stopped) == (3, True)
    assert planned.sql(STATUSES) == [("completed", 1)] * 3 + [("pending", 0)] * 5


def test_approval_that_became_necessary_stops_the_batch_that_is_claimed_already(planned: Application) -> None:
    with pytest.raises(ApprovalNeededError):
        planned.apply(watch=AtCompletion(3, lambda: set_rule(planned.database, required=True)))
    assert planned.sql(STATUSES) == [("completed", 1)] * 3 + [("pending", 0)] * 5


def test_batch_that_another_runner_takes_after_its_claim_runs_once(planned: Application) -> None:
    taken = AtCompletion(3, lambda: work.apply(planned.database, worker="second"))
    first = work.apply(planned.database, on_event=taken)
    assert (first.result.ok, first.result.completed) == (True, 3)
    assert planned.value("SELECT count(*) FROM stage_migration_batches WHERE worker = 'second'") == 5
    assert planned.value("SELECT count(*) FROM stage_normalization_log") == 16


def test_batch_that_another_runner_has_is_passed_over(planned: Application) -> None:
    class Lock:
        """Keep the lock of a batch in another session."""

        def __init__(self) -> None:
            self.connection = planned.database.engine.connect()

        def __call__(self, event: Event) -> None:
            if isinstance(event, BatchStarted) and event.batch.number == 3:
                lock = "SELECT pg_advisory_xact_lock(1937006951, batch_id::integer) FROM stage_migration_batches"
                self.connection.exec_driver_sql(lock + " WHERE batch_number = 4")

    lock = Lock()
    applied = work.apply(planned.database, on_event=lock)
    lock.connection.close()
    assert (applied.result.completed, applied.result.taken) == (7, 1)
    assert planned.sql(STATUSES) == [("completed", 1)] * 3 + [("pending", 0)] + [("completed", 1)] * 4


def test_claimed_batch_is_given_back_before_the_runner_is_throttled(planned: Application) -> None:
    planned.sql("CREATE TABLE queue (depth numeric)")
    brake = AtCompletion(3, lambda: planned.sql("INSERT INTO queue VALUES (1)"))
    throttled: list[list[tuple[object, ...]]] = []

    def watch(event: Event) -> None:
        brake(event)
        if isinstance(event, Throttled):
            throttled.append(planned.sql(STATUSES))
            planned.sql("DELETE FROM queue")

    guard = GuardSettings(name="queue", query="SELECT count(*) FROM queue", throttle_if=GuardBound.parse("> 0"))
    request = ApplyRequest(
        worker="w",
        run_by="test",
        sleep_ms=0,
        watch=watch,
        throttle=ThrottleSettings(probe_interval_ms=90, ignore=LAG_THROTTLERS),
        guards=(guard,),
    )
    # Each message takes longer than the interval, so the server is read after each.
    set_gates({Failpoint.APPLY_LOCKED: "SELECT pg_sleep(0.1)"})
    try:
        result = apply_batches(planned.database, request)
    finally:
        set_gates({})
    assert throttled == [[("completed", 1)] * 3 + [("pending", 0)] * 5]
    assert (result.ok, result.completed) == (True, 8)
    assert planned.sql(STATUSES) == [("completed", 1)] * 8


def test_sessions_join_a_run_that_claims_ahead(planned: Application) -> None:
    planned.sql("CREATE TABLE backends (pid integer)")
    planned.sql(
        "CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS "
        "'BEGIN INSERT INTO backends VALUES (pg_backend_pid()); RETURN NEW; END'"
    )
    planned.sql("CREATE TRIGGER note BEFORE UPDATE ON portfoliocompanies FOR EACH ROW EXECUTE FUNCTION note()")
    tune = AtCompletion(2, lambda: planned.sql("UPDATE stage_migration_control SET parallel = 2"))
    # Long enough for the second session to connect before the first has run the rest.
    set_gates({Failpoint.APPLY_LOCKED: "SELECT pg_sleep(0.2)"})
    try:
        applied = work.apply(planned.database, on_event=tune)
    finally:
        set_gates({})
    assert (applied.result.ok, applied.result.completed) == (True, 8)
    assert planned.value("SELECT count(DISTINCT pid) FROM backends") == 2
    assert planned.sql(STATUSES) == [("completed", 1)] * 8


def test_lost_answer_to_a_later_message_counts_its_batch_once(
    server: PrivateServer, portfolio: Application, undisturbed: Undisturbed, tmp_path: Path
) -> None:
    work.plan(portfolio.database)
    with LossyProxy(tmp_path, server.directory, answer=b"SET CONSTRAINTS\0") as proxy:
        database = Database.at(portfolio.url.replace(str(server.directory), str(tmp_path)))
        applied = work.apply(database, on_event=AtCompletion(3, proxy.lose_the_next_answer))
        database.close()
        assert proxy.has_lost.is_set()
    assert broken_laws(portfolio, undisturbed) == []
    assert applied.result.batches == portfolio.value("SELECT count(*) FROM stage_migration_batches")
    assert applied.result.rows.rows_updated == undisturbed.changes().total()


def test_skipped_row_after_many_complete_batches_sends_one_message_twice(
    server: PrivateServer, portfolio: Application, tmp_path: Path
) -> None:
    portfolio.sql("DELETE FROM portfoliocompanies")
    portfolio.add(COMPANIES, [(1, "Seed")] * 40)
    portfolio.plan(targets=(TargetSetting(table=COMPANIES, column="stage"),), batch_size=1)
    last = "SELECT id FROM portfoliocompanies ORDER BY id DESC LIMIT 4"
    portfolio.sql(f"UPDATE portfoliocompanies SET stage = 'growth' WHERE id IN ({last})")
    trips: list[int] = []
    with LossyProxy(tmp_path, server.directory) as proxy:
        database = Database.at(portfolio.url.replace(str(server.directory), str(tmp_path)))

        def count(event: Event) -> None:
            if isinstance(event, BatchCompleted):
                trips.append(proxy.round_trips)

        applied = work.apply(database, on_event=count)
        database.close()
    # The 33rd has a claim of its own, because the first claim found 32 batches and leaves the last of them.
    sent = [later - earlier for earlier, later in pairwise(trips)]
    assert [number for number, times in enumerate(sent, start=2) if times == 2] == [33, 37, 40]
    assert (applied.result.rows.rows_updated, applied.result.rows.rows_skipped_changed) == (36, 4)
