"""Applying a plan: exactly the planned rows change, each with an audit row, and other writes are kept."""

from typing import Any

import pytest

from stagenorm_pipeline.config.configuration import TargetSetting
from stagenorm_pipeline.engine.apply.events import BatchCompleted, BatchStarted, Event, Sleeping, WorkFound
from stagenorm_pipeline.engine.apply.runner import ApplyResult
from stagenorm_pipeline.engine.plan.batch_types import Batch
from stagenorm_pipeline.engine.targets.funds import FundScope
from stagenorm_pipeline.errors import TargetError
from stagenorm_pipeline_tests.support.application import COMPANIES, DEALS, VOCABULARY, Application, Row

ROWS: list[Row] = [(1, "Seed"), (1, "seed"), (2, " Series A"), (None, "SERIES_B"), (2, "growth"), (1, "Pre Seed")]
AUDIT = (
    "SELECT schema_name, table_name, column_name, row_id, fund_id, stage_before, stage_after, action, plan_id, run_by "
    "FROM stage_normalization_log ORDER BY table_name, row_id::int"
)


@pytest.fixture
def filled(application: Application) -> Application:
    application.add(COMPANIES, ROWS)
    application.add(DEALS, [*ROWS, (2, None)])
    return application


def rows_by_id(application: Application, table: str) -> dict[int, tuple[Any, ...]]:
    return {row[0]: row[1:] for row in application.sql(f"SELECT id, fund_id, stage FROM {table}")}


def test_exactly_the_planned_rows_change_to_the_planned_stage(filled: Application) -> None:
    expected = {
        table: {
            row_id: (fund, stage if stage is None else VOCABULARY.stage_of(stage) or stage)
            for row_id, (fund, stage) in rows_by_id(filled, table).items()
        }
        for table in (COMPANIES, DEALS)
    }
    plan = filled.plan()
    result = filled.apply()
    assert result.ok
    assert result.rows.rows_updated == plan.counts.rows_to_change == 8
    assert {table: rows_by_id(filled, table) for table in (COMPANIES, DEALS)} == expected


def test_unplanned_row_is_not_written(filled: Application) -> None:
    untouched = f"SELECT ctid, xmin::text, t FROM {COMPANIES} t WHERE stage IN ('seed', 'growth')"
    before = filled.sql(untouched)
    filled.run()
    assert set(before) <= set(filled.sql(untouched))


def test_other_columns_of_a_changed_row_stay(application: Application) -> None:
    application.sql(f"INSERT INTO {COMPANIES} (fund_id, name, stage) VALUES (1, 'Müller & Co', 'Seed')")
    application.run()
    assert application.sql(f"SELECT id, fund_id, name, stage FROM {COMPANIES}") == [(1, 1, "Müller & Co", "seed")]


def test_each_changed_row_has_one_complete_audit_row(filled: Application) -> None:
    before = {table: rows_by_id(filled, table) for table in (COMPANIES, DEALS)}
    plan = filled.run()
    audit = filled.sql(AUDIT)
    assert audit == sorted(
        (
            (
                "public",
                table,
                "stage",
                str(i),
                None if f is None else str(f),
                s,
                after,
                "normalize",
                plan.plan_id,
                "operator@host",
            )
            for table, rows in before.items()
            for i, (f, s) in rows.items()
            if s is not None and (after := VOCABULARY.stage_of(s)) is not None and after != s
        ),
        key=lambda row: (row[1], int(row[3])),
    )


def test_audit_rows_of_a_batch_match_its_members(filled: Application) -> None:
    filled.run(batch_size=1)
    members = filled.sql(
        "SELECT batch_id, table_name, m::text FROM stage_migration_batches "
        "JOIN stage_migration_batch_members USING (batch_id) CROSS JOIN unnest(row_numbers) m ORDER BY 1"
    )
    assert filled.sql("SELECT batch_id, table_name, row_id FROM stage_normalization_log ORDER BY 1") == members


def test_batch_result_is_recorded(filled: Application) -> None:
    filled.run()
    for status, planned, updated, skipped, failed, attempts, worker, ended in filled.sql(
        "SELECT status, rows_planned, rows_updated, rows_skipped, rows_failed, attempts, worker, "
        "started_at <= completed_at AND created_at <= started_at AND duration_ms >= 0 FROM stage_migration_batches"
    ):
        assert (status, updated, skipped, failed, attempts, worker, ended) == (
            "completed",
            planned,
            0,
            0,
            1,
            "worker-1",
            True,
        )
    assert filled.sql("SELECT status, completed_at IS NOT NULL FROM stage_migration_plans") == [("completed", True)]


def test_second_apply_does_nothing(filled: Application) -> None:
    filled.run()
    before = filled.contents()
    assert filled.apply() == ApplyResult()
    assert filled.contents() == before


def test_next_run_continues_where_the_last_one_stopped(filled: Application) -> None:
    filled.plan(batch_size=1)
    done: list[Event] = []
    stopped = filled.apply(watch=done.append, should_stop=lambda: any(isinstance(e, BatchCompleted) for e in done))
    assert (stopped.stopped, stopped.completed, stopped.ok) == (True, 1, False)
    assert filled.column("SELECT count(*) FROM stage_normalization_log") == [1]
    rest = filled.apply()
    assert (rest.completed, rest.stopped) == (7, False)
    assert len(filled.sql(AUDIT)) == len(set(filled.sql(AUDIT))) == 8


def test_rows_changed_or_deleted_since_planning_are_skipped(
    application: Application,
) -> None:
    ids = application.add(COMPANIES, [(1, "Seed")] * 6)
    application.plan()
    application.sql(f"UPDATE {COMPANIES} SET stage = 'series-b' WHERE id = %s", ids[0])
    application.sql(f"UPDATE {COMPANIES} SET stage = 'SEED' WHERE id = %s", ids[1])
    application.sql(f"UPDATE {COMPANIES} SET stage = 'growth' WHERE id = %s", ids[2])
    application.sql(f"DELETE FROM {COMPANIES} WHERE id IN (%s, %s)", ids[3], ids[4])
    result = application.apply()
    assert (result.completed, result.failed, result.ok) == (1, 0, True)
    counts = "rows_updated, rows_skipped, rows_skipped_changed, rows_skipped_deleted, rows_failed"
    assert application.sql(f"SELECT status, {counts} FROM stage_migration_batches") == [("completed", 1, 5, 3, 2, 0)]
    assert application.stages(COMPANIES) == {ids[0]: "series-b", ids[1]: "SEED", ids[2]: "growth", ids[5]: "seed"}
    assert application.column("SELECT row_id FROM stage_normalization_log") == [str(ids[5])]


def test_row_normalized_by_another_session_is_skipped(application: Application) -> None:
    (row_id,) = application.add(COMPANIES, [(1, "Seed")])
    application.plan()
    application.sql(f"UPDATE {COMPANIES} SET stage = 'seed' WHERE id = %s", row_id)
    assert application.apply().rows.rows_skipped_changed == 1
    assert application.sql(AUDIT) == []


def test_row_moved_to_another_fund_is_logged_under_the_planned_fund(application: Application) -> None:
    (row_id,) = application.add(COMPANIES, [(1, "Seed")])
    application.plan()
    application.sql(f"UPDATE {COMPANIES} SET fund_id = 2 WHERE id = %s", row_id)
    application.apply(scope=FundScope.one("1"))
    assert rows_by_id(application, COMPANIES) == {row_id: (2, "seed")}
    assert application.column("SELECT fund_id FROM stage_normalization_log") == ["1"]


def test_rows_added_after_planning_are_left_for_the_next_plan(application: Application) -> None:
    application.add(COMPANIES, [(1, "Seed")])
    application.plan()
    (late,) = application.add(COMPANIES, [(1, "Seed")])
    application.apply()
    assert application.stages(COMPANIES)[late] == "Seed"
    assert application.run().counts.rows_to_change == 1
    assert application.stages(COMPANIES)[late] == "seed"


def started(events: list[Event]) -> list[Batch]:
    return [event.batch for event in events if isinstance(event, BatchStarted)]


def test_batches_run_in_order(filled: Application) -> None:
    filled.plan(batch_size=1)
    events: list[Event] = []
    filled.apply(watch=events.append)
    assert [batch.number for batch in started(events)] == list(range(1, 9))


def test_older_plans_run_first(filled: Application) -> None:
    second, first = filled.plan(scope=FundScope.one("2")), filled.plan(scope=FundScope.one("1"))
    events: list[Event] = []
    filled.apply(watch=events.append)
    assert [batch.plan_id for batch in started(events)] == [second.plan_id] * 2 + [first.plan_id] * 2


@pytest.mark.parametrize("fund_id", ["1", "2", None])
def test_apply_of_one_fund_changes_only_that_fund(filled: Application, fund_id: str | None) -> None:
    before = {table: rows_by_id(filled, table) for table in (COMPANIES, DEALS)}
    filled.plan()
    filled.apply(scope=FundScope.one(fund_id))
    wanted = None if fund_id is None else int(fund_id)
    for table, rows in before.items():
        changed = {i for i, row in rows_by_id(filled, table).items() if row != rows[i]}
        assert changed
        assert {rows[i][0] for i in changed} == {wanted}
    assert set(filled.column("SELECT fund_id FROM stage_normalization_log")) == {fund_id}


def test_apply_of_one_table_changes_only_that_table(filled: Application) -> None:
    before = filled.stages(COMPANIES)
    filled.plan()
    result = filled.apply(targets=(TargetSetting(table=DEALS),))
    assert filled.stages(COMPANIES) == before
    assert result.rows.rows_updated == 4
    assert filled.sql("SELECT DISTINCT status FROM stage_migration_plans") == [("open",)]


def test_apply_of_one_plan_applies_only_that_plan(filled: Application) -> None:
    filled.plan(scope=FundScope.one("1"))
    second = filled.plan(scope=FundScope.one("2"))
    filled.apply(plan_id=second.plan_id)
    assert filled.column("SELECT DISTINCT plan_id FROM stage_normalization_log") == [second.plan_id]


def test_missing_table_is_an_error_before_the_first_batch(filled: Application) -> None:
    filled.plan()
    before = filled.contents()
    with pytest.raises(TargetError, match="nowhere"):
        filled.apply(targets=(TargetSetting(table="nowhere"),))
    assert filled.contents() == before


def test_runner_sleeps_only_between_batches(filled: Application) -> None:
    filled.plan(batch_size=1)
    events: list[Event] = []
    filled.apply(scope=FundScope.one("1"), sleep_ms=1, watch=events.append)
    kinds = [type(event) for event in events]
    assert kinds == [WorkFound, BatchStarted, BatchCompleted, *[Sleeping, BatchStarted, BatchCompleted] * 3]
    assert {event.milliseconds for event in events if isinstance(event, Sleeping)} == {1}


def test_waiting_batches_are_reported_before_the_first_batch(filled: Application) -> None:
    filled.plan(batch_size=1)
    events: list[Event] = []
    filled.apply(scope=FundScope.one("1"), sleep_ms=0, watch=events.append)
    done = [event for event in events if isinstance(event, BatchCompleted)]
    assert events[0] == WorkFound(batches=len(done), rows=sum(event.batch.rows_planned for event in done))


def test_runner_without_sleep_does_not_sleep(filled: Application) -> None:
    filled.plan(batch_size=1)
    events: list[Event] = []
    filled.apply(sleep_ms=0, watch=events.append)
    assert not [event for event in events if isinstance(event, Sleeping)]


def test_stop_ends_a_sleep(filled: Application) -> None:
    filled.plan(batch_size=1)
    events: list[Event] = []
    # A pause of an hour: the test ends only because the stop is heard.
    result = filled.apply(
        sleep_ms=3_600_000, watch=events.append, should_stop=lambda: any(isinstance(e, Sleeping) for e in events)
    )
    assert (result.stopped, result.completed) == (True, 1)


def test_immediate_stop_runs_no_batch(filled: Application) -> None:
    filled.plan()
    before = {table: filled.stages(table) for table in (COMPANIES, DEALS)}
    assert filled.apply(should_stop=lambda: True) == ApplyResult(stopped=True)
    assert {table: filled.stages(table) for table in (COMPANIES, DEALS)} == before


def test_events_have_the_recorded_counts(filled: Application) -> None:
    filled.plan(batch_size=2)
    events: list[Event] = []
    result = filled.apply(watch=events.append)
    completed = [event for event in events if isinstance(event, BatchCompleted)]
    assert {(e.batch.batch_id, e.result.rows_updated, e.result.duration_ms) for e in completed} == set(
        filled.sql("SELECT batch_id, rows_updated, duration_ms FROM stage_migration_batches")
    )
    assert result.rows.rows_updated == sum(event.result.rows_updated for event in completed)
    assert {event.batch.total_batches for event in completed} == {len(completed)}
