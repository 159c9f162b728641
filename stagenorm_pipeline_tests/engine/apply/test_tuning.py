"""The pace that is set for all runners takes effect while they work."""

import json
import threading

from stagenorm_pipeline.config.auto_batch_size import Pacing
from stagenorm_pipeline.engine.apply.auto_batch_size import Pacer
from stagenorm_pipeline.engine.apply.events import BatchCompleted, Event, SessionLimit, SessionsTuned, Sleeping
from stagenorm_pipeline.engine.apply.session_count import SessionCount
from stagenorm_pipeline.engine.apply.tuning import read_spare_connections
from stagenorm_pipeline.engine.postgres.failpoints import Failpoint, listen
from stagenorm_pipeline_tests.support.application import COMPANIES, Application
from stagenorm_pipeline_tests.support.command_line import stagenorm_here


def test_tuning_changes_the_next_batch_of_a_run_and_reset_ends_it(application: Application) -> None:
    application.add(COMPANIES, [(1, "Seed")] * 6)
    application.plan(batch_size=1)
    sleeps: list[int] = []
    commands = {2: ("tune", "--sleep-ms", "2"), 4: ("tune", "--reset")}

    def watch(event: Event) -> None:
        match event:
            case Sleeping(milliseconds=milliseconds):
                sleeps.append(milliseconds)
            case BatchCompleted(batch=batch) if batch.number in commands:
                assert stagenorm_here(*commands[batch.number], url=application.url).code == 0
                status = json.loads(stagenorm_here("status", "--json", url=application.url).out)
                assert status["tuned_sleep_ms"] == (2 if batch.number == 2 else None)

    application.apply(sleep_ms=1, watch=watch)

    # A runner reads the pace with each claim, and has slept by then.
    assert sleeps == [1, 1, 2, 2, 1]
    refused = stagenorm_here("tune", "--reset", "--sleep-ms", "1", url=application.url)
    assert refused.code == 2
    assert "a sleep of 7 ms" not in stagenorm_here("status", url=application.url).out
    stagenorm_here("tune", "--sleep-ms", "7", url=application.url)
    assert "Tuned for all runners: a sleep of 7 ms" in stagenorm_here("status", url=application.url).out


def test_pacer_aims_at_the_new_target_and_back() -> None:
    pacer = Pacer(Pacing(target_ms=400))
    pacer.note(500, 100)
    grown = pacer.rows
    assert grown > 500
    pacer.aim_at(50)
    pacer.note(grown, 100)
    assert pacer.rows < grown
    pacer.aim_at(None)
    for _ in range(20):
        pacer.note(pacer.rows, pacer.rows / 5)
    assert pacer.rows > grown


def test_run_tuned_to_three_sessions_has_three_and_then_one_again(application: Application) -> None:
    application.add(COMPANIES, [(1, "Seed")] * 14)
    application.plan(batch_size=1)
    seen: list[str] = []
    threads: list[int] = []
    heard: list[Event] = []
    heard_in: set[int] = set()
    sessions = (
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = {} "
        "AND state = 'idle in transaction'"
    )

    def look_and_tune_to_one() -> None:
        seen.append(stagenorm_here("status", url=application.url).out)
        seen.append(str(application.value(sessions.format("'stagenorm batch'"))))
        assert stagenorm_here("tune", "--parallel", "1", url=application.url).code == 0

    meeting = threading.Barrier(3, action=look_and_tune_to_one)

    def block(step: Failpoint) -> None:
        if step is Failpoint.APPLY_LOCKED:
            threads.append(threading.get_ident())
            if 3 <= len(threads) <= 5:
                meeting.wait(20)

    def watch(event: Event) -> None:
        heard.append(event)
        heard_in.add(threading.get_ident())
        if isinstance(event, BatchCompleted) and event.batch.number == 1:
            assert stagenorm_here("tune", "--parallel", "3", url=application.url).code == 0

    listen(block)
    try:
        result = application.apply(watch=watch)
    finally:
        listen(None)

    assert (result.ok, result.completed, heard_in) == (True, 14, {threading.get_ident()})
    assert seen[1] == "3"
    assert "Tuned for all runners: 3 sessions each" in seen[0]
    assert "and 2 more batches" in seen[0]
    tuned = [str(event) for event in heard if isinstance(event, SessionsTuned)]
    assert tuned == ["Going on with 3 sessions", "Going on with 1 session"]
    # The three may each have claimed a batch before the first of them read the new number.
    assert len(set(threads[2:5])) == 3
    assert len(set(threads[8:])) == 1
    assert application.value("SELECT count(*) FROM stage_migration_runners") == 1


def test_sessions_stay_within_the_batches_and_the_free_connections(application: Application) -> None:
    count = SessionCount(told=2, batches=10)
    assert count.tune(2, lambda: 0) is None
    count.add()
    assert count.tune(6, lambda: 3) == SessionsTuned(sessions=4, asked=6, limit=SessionLimit.CONNECTIONS)
    assert count.tune(16, lambda: 50) == SessionsTuned(sessions=10, asked=16, limit=SessionLimit.BATCHES)
    assert count.tune(None, lambda: 50) == SessionsTuned(sessions=2, asked=2, limit=SessionLimit.NONE)
    with application.database.engine.connect() as connection:
        name = connection.exec_driver_sql("SELECT quote_ident(current_database())").scalar_one()
        connection.exec_driver_sql(f"ALTER DATABASE {name} CONNECTION LIMIT 2")
        assert read_spare_connections(connection) <= 1
        connection.rollback()
        assert read_spare_connections(connection) > 1
