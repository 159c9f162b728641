"""Groups of batches in one transaction (`--batch-size auto`)."""

from pathlib import Path
from typing import Any

import psycopg
import pytest

from stagenorm_pipeline.config.auto_batch_size import Pacing
from stagenorm_pipeline.engine.apply.batch_transaction import Bounds
from stagenorm_pipeline.engine.apply.events import BatchCompleted, BatchStarted, BatchTaken, Event, GroupSplit, Retrying
from stagenorm_pipeline.engine.postgres.failpoints import Failpoint
from stagenorm_pipeline.engine.postgres.locks import BATCH_LOCK_CLASS
from stagenorm_pipeline.engine.rollback.rollback import RollbackRequest, record_rollback
from stagenorm_pipeline.engine.verify.result import Verdict
from stagenorm_pipeline_tests.support.application import COMPANIES, DEALS, Application
from stagenorm_pipeline_tests.support.blocked_program import BlockedProgram, Stop
from stagenorm_pipeline_tests.support.lossy_proxy import LossyProxy
from stagenorm_pipeline_tests.support.paced_work import apply_paced
from stagenorm_pipeline_tests.support.private_server import PrivateServer

_ONE_TRANSACTION = """
SELECT array_agg(batch_number ORDER BY batch_number) FROM stage_migration_batches
WHERE status = 'completed' GROUP BY xmin::text ORDER BY 1
"""


@pytest.fixture
def planned(application: Application) -> Application:
    """Batches of ten rows: 1 to 6 of fund 1, 7 to 9 of fund 2, in one table; 10 and 11 of fund 1 in the other."""
    application.add(COMPANIES, [(1, "Seed")] * 60 + [(2, "SEED")] * 30)
    application.add(DEALS, [(1, "Series A")] * 20)
    application.plan(batch_size=10)
    return application


def transactions(application: Application) -> list[list[int]]:
    """List the batch numbers that were completed together, by transaction."""
    return application.column(_ONE_TRANSACTION)


def apply(application: Application, **asked: Any) -> tuple[list[Event], Any]:
    events: list[Event] = []
    result = application.apply(pacing=Pacing(), watch=events.append, **asked)
    return events, result


def splits(events: list[Event]) -> list[int]:
    return [event.batches for event in events if isinstance(event, GroupSplit)]


def test_group_has_consecutive_batches_of_one_table_and_fund(planned: Application) -> None:
    events, result = apply(planned)
    assert transactions(planned) == [[1, 2, 3, 4, 5, 6], [7, 8, 9], [10, 11]]
    assert (result.batches, result.completed, result.rows.rows_updated) == (11, 11, 110)
    done = [event.batch.number for event in events if isinstance(event, BatchCompleted)]
    assert done == [event.batch.number for event in events if isinstance(event, BatchStarted)] == list(range(1, 12))
    assert planned.verify().verdict is Verdict.PASSED


def test_group_has_no_more_rows_than_the_pacer_allows(application: Application) -> None:
    application.add(COMPANIES, [(1, "Seed")] * 1_000)
    application.plan(batch_size=150)
    apply(application)
    # 500 rows at first; that many take far less than half a second here, so the next may be twice as many.
    assert transactions(application) == [[1, 2, 3], [4, 5, 6, 7]]


def test_batches_without_pacing_have_their_own_transactions(planned: Application) -> None:
    planned.apply()
    assert transactions(planned) == [[number] for number in range(1, 12)]


def test_each_batch_of_a_group_has_its_own_log_and_duration(planned: Application) -> None:
    planned.sql(
        "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS "
        "'BEGIN IF NEW.id % 10 = 0 THEN PERFORM pg_sleep(0.02); END IF; RETURN NEW; END'"
    )
    planned.sql("CREATE TRIGGER slow BEFORE UPDATE ON portfoliocompanies FOR EACH ROW EXECUTE FUNCTION slow()")
    apply(planned)
    log = (
        "SELECT count(*), min(row_id::int), max(row_id::int) FROM stage_normalization_log GROUP BY batch_id ORDER BY 2"
    )
    assert planned.sql(log)[:4] == [(10, 1, 10), (10, 1, 10), (10, 11, 20), (10, 11, 20)]
    assert planned.column("SELECT DISTINCT count(*) FROM stage_normalization_log GROUP BY batch_id") == [10]
    first = planned.column("SELECT duration_ms FROM stage_migration_batches WHERE batch_number <= 6")
    assert sum(first) >= 6 * 20
    assert max(first) <= min(first) + 1


def test_skipped_rows_do_not_split_the_group(
    planned: Application,
) -> None:
    planned.sql("UPDATE portfoliocompanies SET stage = 'growth' WHERE id IN (15, 18)")
    planned.sql("DELETE FROM portfoliocompanies WHERE id = 33")
    events, result = apply(planned)
    assert splits(events) == []
    assert [len(numbers) for numbers in transactions(planned)] == [6, 3, 2]
    assert (result.rows.rows_updated, result.rows.rows_skipped_changed, result.rows.rows_skipped_deleted) == (107, 2, 1)
    skipped = (
        "SELECT batch_number, rows_skipped_changed, rows_skipped_deleted FROM stage_migration_batches "
        "WHERE rows_skipped > 0 ORDER BY 1"
    )
    assert planned.sql(skipped) == [(2, 2, 0), (4, 0, 1)]


def test_refused_row_fails_only_its_batch_of_the_group(planned: Application) -> None:
    planned.sql("ALTER TABLE portfoliocompanies ADD CHECK (id <> 25 OR stage = 'Seed') NOT VALID")
    events, result = apply(planned)
    assert splits(events) == [6, 3]
    assert (result.completed, result.failed, result.rows.rows_updated, result.rows.rows_failed) == (10, 1, 109, 1)
    failed = "SELECT batch_number, rows_updated, rows_failed FROM stage_migration_batches WHERE status = 'failed'"
    assert planned.sql(failed) == [(3, 9, 1)]
    assert planned.column("SELECT row_id FROM stage_migration_quarantine") == ["25"]

    planned.sql("ALTER TABLE portfoliocompanies DROP CONSTRAINT portfoliocompanies_check")
    events, result = apply(planned)
    assert (result.batches, result.completed, splits(events)) == (1, 1, [])
    assert set(planned.stages(COMPANIES).values()) == {"seed"}


def test_groups_shrink_to_one_when_every_batch_has_a_refused_row(planned: Application) -> None:
    """The runner does not try a group again for each batch."""
    planned.sql("ALTER TABLE portfoliocompanies ADD CHECK (id % 10 <> 5 OR stage <> 'seed') NOT VALID")
    events, result = apply(planned)
    assert splits(events) == [6, 3]
    assert (result.failed, result.rows.rows_failed, result.rows.rows_updated) == (9, 9, 101)


def test_rewriting_trigger_splits_the_group(planned: Application) -> None:
    planned.sql(
        "CREATE FUNCTION rewrite() RETURNS trigger LANGUAGE plpgsql AS "
        "'BEGIN IF NEW.id = 1 THEN NEW.stage := ''series-b''; END IF; RETURN NEW; END'"
    )
    planned.sql("CREATE TRIGGER rewrite BEFORE UPDATE ON portfoliocompanies FOR EACH ROW EXECUTE FUNCTION rewrite()")
    _, result = apply(planned)
    assert (result.failed, result.rows.rows_failed, result.rows.rows_updated) == (1, 1, 109)
    assert planned.stages(COMPANIES)[1] == "Seed"


def test_retried_batch_runs_alone(planned: Application) -> None:
    planned.sql("UPDATE stage_migration_batches SET status = 'failed' WHERE batch_number = 3")
    events, _ = apply(planned)
    assert splits(events) == []
    assert transactions(planned)[:3] == [[1, 2], [3], [4, 5, 6]]


def test_retries_and_skipped_rows_do_not_change_the_group_size(application: Application) -> None:
    application.add(COMPANIES, [(1, "Seed")] * 1_500)
    application.plan(batch_size=150)
    application.sql("ALTER TABLE portfoliocompanies ADD CHECK (id > 300 OR id % 150 <> 5 OR stage = 'Seed') NOT VALID")
    failed: list[Event] = []
    application.apply(
        watch=lambda event: failed.extend([event] if isinstance(event, BatchCompleted) else []),
        should_stop=lambda: len(failed) == 2,
    )
    application.sql("ALTER TABLE portfoliocompanies DROP CONSTRAINT portfoliocompanies_check")
    application.sql("UPDATE portfoliocompanies SET stage = 'growth' WHERE id BETWEEN 301 AND 750 AND id % 2 = 0")
    apply(application)
    # Two retries, then 500 rows at a time: of the first three batches half were skipped.
    assert transactions(application) == [[1], [2], [3, 4, 5], [6, 7, 8], [9, 10]]


def test_locked_row_delays_only_its_own_batch(planned: Application) -> None:
    with psycopg.connect(planned.url) as user:
        user.execute("UPDATE portfoliocompanies SET stage = 'growth' WHERE id = 25")

        def listen(event: Event) -> None:
            events.append(event)
            if isinstance(event, Retrying):
                user.commit()

        events: list[Event] = []
        result = planned.apply(pacing=Pacing(), watch=listen, bounds=Bounds(lock_timeout_ms=20))
    assert splits(events)[0] == 6
    assert result.ok
    assert (result.rows.rows_updated, result.rows.rows_skipped_changed) == (109, 1)


def test_taken_batch_ends_the_group_before_it(planned: Application) -> None:
    (third,) = planned.column("SELECT batch_id FROM stage_migration_batches WHERE batch_number = 3")
    with psycopg.connect(planned.url) as other:
        other.execute("SELECT pg_advisory_xact_lock(%s, %s::integer)", [BATCH_LOCK_CLASS, third])
        events, result = apply(planned)
        other.rollback()
    assert transactions(planned) == [[1, 2], [4, 5, 6], [7, 8, 9], [10, 11]]
    assert (result.completed, result.taken) == (10, 1)
    assert [event.batch.number for event in events if isinstance(event, BatchTaken)] == [3]
    assert planned.column("SELECT attempts FROM stage_migration_batches WHERE batch_number = 4") == [1]


def test_two_runners_run_each_batch_once(planned: Application) -> None:
    with BlockedProgram(planned.url, apply_paced) as first, BlockedProgram(planned.url, apply_paced) as second:
        outcomes = [first.outcome(), second.outcome()]
    assert [outcome.error for outcome in outcomes] == [None, None]
    assert sum(outcome.value.completed for outcome in outcomes) == 11
    assert planned.value("SELECT count(*) FROM stage_normalization_log") == 110
    assert planned.verify().verdict is Verdict.PASSED


def test_stop_takes_effect_after_the_running_group(planned: Application) -> None:
    asked: list[bool] = []

    def listen(event: Event) -> None:
        asked.extend([True] if isinstance(event, BatchStarted) else [])

    result = planned.apply(pacing=Pacing(), watch=listen, should_stop=lambda: bool(asked))
    assert result.stopped
    assert transactions(planned) == [[1, 2, 3, 4, 5, 6]]


@pytest.mark.parametrize(
    ("step", "done"),
    [
        (Failpoint.APPLY_CLAIMED, 0),
        (Failpoint.APPLY_ROWS_CHANGED, 0),
        (Failpoint.APPLY_BEFORE_COMMIT, 0),
        (Failpoint.APPLY_AFTER_COMMIT, 6),
    ],
)
def test_killed_group_is_complete_or_untouched(planned: Application, step: Failpoint, done: int) -> None:
    with BlockedProgram(planned.url, apply_paced, Stop(step=step)) as program:
        assert program.comes_to_its_stop()
        program.kill()
    assert planned.value("SELECT count(*) FROM stage_migration_batches WHERE status = 'completed'") == done
    assert planned.value("SELECT count(*) FROM stage_normalization_log") == 10 * done
    _, result = apply(planned)
    assert result.ok
    assert planned.value("SELECT count(*) FROM stage_normalization_log") == 110
    assert planned.verify().verdict is Verdict.PASSED


def test_lost_commit_answer_of_a_group_is_recovered(
    primary: PrivateServer, replicated: Application, tmp_path: Path
) -> None:
    """The connection is lost after the commit. The runner neither repeats nor forgets the group."""
    replicated.add(COMPANIES, [(1, "Seed")] * 60)
    replicated.plan(batch_size=10)
    lossy_url = replicated.url.replace(str(primary.directory), str(tmp_path))
    with (
        LossyProxy(tmp_path, primary.directory) as proxy,
        BlockedProgram(lossy_url, apply_paced, Stop(step=Failpoint.APPLY_BEFORE_COMMIT)) as program,
    ):
        assert program.comes_to_its_stop()
        proxy.lose_the_next_answer()
        program.go_on()
        outcome = program.outcome()
        assert proxy.has_lost.is_set()
    assert outcome.error is None
    assert (outcome.value.batches, outcome.value.rows.rows_updated) == (6, 60)
    assert replicated.value("SELECT count(*) FROM stage_normalization_log") == 60


def test_rollback_runs_in_groups_too(planned: Application) -> None:
    before = planned.stages(COMPANIES), planned.stages(DEALS)
    plan_id = planned.value("SELECT max(plan_id) FROM stage_migration_plans")
    planned.apply()
    undo = RollbackRequest(plan_id=plan_id, batch_size=10)
    planned.apply(plan_id=record_rollback(planned.database, undo, created_by="test"), pacing=Pacing())
    assert (planned.stages(COMPANIES), planned.stages(DEALS)) == before
    rolled_back = [numbers for numbers in transactions(planned) if len(numbers) > 1]
    assert sum(map(len, rolled_back)) == 11
