"""The progress views: rows done of rows planned, at every point of a migration."""

from decimal import Decimal
from typing import Any

import pytest

from stagenorm_pipeline.engine.targets.funds import FundScope
from stagenorm_pipeline_tests.support.application import COMPANIES, DEALS, Application


def progress(application: Application, columns: str, view: str = "stage_migration_progress") -> list[tuple[Any, ...]]:
    return application.sql(f"SELECT {columns} FROM {view}")


@pytest.fixture
def planned(application: Application) -> Application:
    """Ten rows of fund 1 in four batches, two of no fund in one."""
    application.add(COMPANIES, [(1, "Seed")] * 10 + [(None, "Seed")] * 2)
    application.plan(batch_size=3)
    return application


BATCHES = "total_batches, completed_batches, pending_batches, running_batches, failed_batches"


def test_view_has_one_row_before_any_plan(application: Application) -> None:
    assert progress(application, f"{BATCHES}, rows_updated, rows_skipped, rows_failed") == [(0, 0, 0, 0, 0, 0, 0, 0)]
    assert progress(application, "*", "stage_migration_progress_by_fund") == []
    assert progress(application, "*", "stage_migration_failures") == []


def test_view_shows_zero_percent_and_no_estimate_at_the_start(planned: Application) -> None:
    assert progress(planned, f"{BATCHES}, completion_percent, estimated_minutes_remaining") == [
        (5, 0, 5, 0, 0, 0, None)
    ]


def test_percentage_counts_rows_not_batches(planned: Application) -> None:
    planned.apply(scope=FundScope.one(None))
    # One batch of five, but two rows of twelve; cut, not rounded, so that 100 means all.
    assert progress(planned, f"{BATCHES}, completion_percent, rows_done, rows_waiting") == [
        (5, 1, 4, 0, 0, Decimal("16.6"), 2, 10)
    ]


def test_completed_plan_is_at_100_percent_with_nothing_remaining(planned: Application) -> None:
    planned.apply()
    assert progress(planned, f"{BATCHES}, completion_percent, estimated_minutes_remaining, rows_updated") == [
        (5, 5, 0, 0, 0, 100, 0, 12)
    ]


def test_one_missing_row_of_very_many_is_below_100_percent(planned: Application) -> None:
    planned.apply()
    planned.sql("ALTER TABLE stage_migration_batches DROP CONSTRAINT stage_migration_batches_counts_add_up")
    planned.sql("UPDATE stage_migration_batches SET rows_planned = 100000000 WHERE batch_number = 1")
    planned.sql("UPDATE stage_migration_batches SET rows_failed = 1 WHERE batch_number = 1")
    assert progress(planned, "completion_percent") == [(Decimal("99.9"),)]


def test_view_by_fund_shows_figures_per_fund(planned: Application) -> None:
    planned.sql(
        f"UPDATE {COMPANIES} SET stage = 'growth' WHERE fund_id IS NULL AND id = (SELECT max(id) FROM {COMPANIES})"
    )
    planned.apply(scope=FundScope.one(None))
    columns = f"fund_id, {BATCHES}, completion_percent, rows_planned, rows_updated, rows_skipped, rows_failed"
    assert progress(planned, columns, "stage_migration_progress_by_fund") == [
        ("1", 4, 0, 4, 0, 0, 0, 10, 0, 0, 0),
        (None, 1, 1, 0, 0, 0, 100, 2, 1, 1, 0),
    ]


def test_figures_of_the_funds_add_up_to_the_total(planned: Application) -> None:
    planned.add(DEALS, [(2, "Seed")])
    planned.plan(batch_size=2)
    planned.apply(scope=FundScope.one("1"))
    sums = ", ".join(f"sum({name})" for name in [*BATCHES.split(", "), "rows_planned", "rows_updated"])
    assert progress(planned, sums, "stage_migration_progress_by_fund") == progress(
        planned, f"{BATCHES}, rows_planned, rows_updated"
    )


def finish(application: Application, number: int, at_s: float, *, work_s: float, worker: str = "worker-1") -> None:
    """Record that the batch ended `at_s` seconds after the start (ten hours ago) and ran for `work_s` seconds."""
    application.sql(
        "UPDATE stage_migration_batches SET status = 'completed', rows_updated = rows_planned, rows_skipped = 0, "
        "rows_failed = 0, rows_skipped_changed = 0, rows_skipped_deleted = 0, worker = %s, duration_ms = %s, "
        "started_at = now() - interval '10 hours' + make_interval(secs => %s), "
        "completed_at = now() - interval '10 hours' + make_interval(secs => %s) WHERE batch_number = %s",
        worker,
        round(work_s * 1000),
        at_s - work_s,
        at_s,
        number,
    )


def seconds_left(application: Application) -> float | None:
    ((minutes,),) = progress(application, "estimated_minutes_remaining")
    return None if minutes is None else float(minutes * 60)


@pytest.fixture
def paced(application: Application) -> Application:
    """Twenty planned batches of two rows; the pause switch was last set a day ago."""
    application.add(COMPANIES, [(1, "Seed")] * 40)
    application.plan(batch_size=2)
    application.sql("UPDATE stage_migration_control SET changed_at = now() - interval '1 day'")
    return application


def test_estimate_needs_two_finished_batches(
    paced: Application,
) -> None:
    """Time is measured from the end of one batch to the end of the next."""
    finish(paced, 1, 60, work_s=6)
    assert seconds_left(paced) is None
    finish(paced, 2, 120, work_s=6)
    # A batch a minute, sleep included.
    assert seconds_left(paced) == pytest.approx(18 * 60, rel=0.02)
    assert progress(paced, "rows_per_second, rows_waiting") == [(0, 36)]


def test_two_runners_halve_the_estimate(paced: Application) -> None:
    for number in range(1, 6):
        finish(paced, number, 60 + 30 * number, work_s=50, worker=f"worker-{number % 2}")
    assert seconds_left(paced) == pytest.approx(15 * 30, rel=0.02)


def test_estimate_of_small_batches_counts_their_sleep(application: Application) -> None:
    application.add(COMPANIES, [(1, "Seed")] * 100 + [(fund, "Seed") for fund in range(2, 12)])
    application.plan(batch_size=20)
    application.sql("UPDATE stage_migration_control SET changed_at = now() - interval '1 day'")
    for number in range(1, 6):
        finish(application, number, 50 * number, work_s=20)
    # 30 s of sleep for each of the ten, and 1 s of work for each of their rows.
    assert seconds_left(application) == pytest.approx(10 * 31, rel=0.02)


def test_idle_time_does_not_change_the_pace(paced: Application) -> None:
    for number in range(1, 4):
        finish(paced, number, 60 * number, work_s=6)
    # Resumed two hours later by another process: its start counts as a minute at most.
    for number in range(4, 7):
        finish(paced, number, 7_200 + 60 * number, work_s=6, worker="worker-2")
    assert seconds_left(paced) == pytest.approx(14 * 60, rel=0.05)


def test_pause_does_not_change_the_pace(paced: Application) -> None:
    for number in range(1, 4):
        finish(paced, number, 60 * number, work_s=6)
    for number in range(4, 7):
        finish(paced, number, 7_200 + 60 * number, work_s=6)
    paced.sql("UPDATE stage_migration_control SET changed_at = now() - interval '10 hours' + interval '7380 s'")
    assert seconds_left(paced) == pytest.approx(14 * 60, rel=0.05)


@pytest.fixture
def refused(application: Application) -> Application:
    """Two batches, of four rows and of one; the database refuses a row of the first."""
    application.sql(f"ALTER TABLE {COMPANIES} ADD CONSTRAINT not_closed CHECK (name <> 'closed' OR stage <> 'seed')")
    application.add(COMPANIES, [(1, "Seed")] * 3 + [(2, "Seed")])
    application.sql(f"INSERT INTO {COMPANIES} (fund_id, name, stage) VALUES (1, 'closed', 'Seed')")
    application.plan()
    application.apply()
    return application


def test_refused_row_is_not_counted_as_done(refused: Application) -> None:
    assert progress(refused, f"{BATCHES}, completion_percent, rows_done, rows_updated, rows_failed") == [
        (2, 1, 0, 0, 1, 80, 4, 4, 1)
    ]
    assert progress(refused, "fund_id, completion_percent, rows_failed", "stage_migration_progress_by_fund") == [
        ("1", 75, 1),
        ("2", 100, 0),
    ]


def test_failure_names_its_row_and_the_database_error(refused: Application) -> None:
    ((row_id, before, after, error, state, failed, planned),) = progress(
        refused,
        "row_id, stage_before, stage_after, row_error, sqlstate, rows_failed, rows_planned",
        "stage_migration_failures",
    )
    assert (row_id, before, after, state, failed, planned) == ("5", "Seed", "seed", "23514", 1, 4)
    assert "not_closed" in error


def test_running_retry_keeps_the_rows_done(refused: Application) -> None:
    refused.sql("UPDATE stage_migration_batches SET status = 'running' WHERE status = 'failed'")
    # What a retry works on is the refused row alone.
    assert progress(refused, "completion_percent, rows_done, rows_waiting, running_batches") == [(80, 4, 1, 1)]


def test_successful_retry_moves_the_row_from_failed_to_updated(refused: Application) -> None:
    refused.sql(f"ALTER TABLE {COMPANIES} DROP CONSTRAINT not_closed")
    refused.apply()
    assert progress(refused, "completed_batches, completion_percent, rows_updated, rows_failed") == [(2, 100, 5, 0)]
    assert progress(refused, "*", "stage_migration_failures") == []


def test_superseded_plan_counts_only_its_completed_rows(planned: Application) -> None:
    """Rows that a newer plan cancelled no longer count; rows that were done before it do."""
    planned.plan(scope=FundScope.one("1"))
    planned.apply(scope=FundScope.one(None))
    # Four batches of fund 1 are the newer plan's one; the older plan's two rows without a fund are done.
    assert progress(planned, f"{BATCHES}, rows_planned, rows_done") == [(2, 1, 1, 0, 0, 12, 2)]


def test_view_shows_the_last_completed_plan_if_none_is_open(planned: Application) -> None:
    planned.apply()
    planned.add(COMPANIES, [(1, "Series A")])
    planned.run()
    assert progress(planned, "plan_id, total_batches, rows_updated") == [(2, 1, 1)]


def test_progress_does_not_drop_when_one_of_two_plans_ends(planned: Application) -> None:
    """A plan of one fund ends while an older plan is open."""
    planned.add(COMPANIES, [(2, "Seed")] * 5)
    newer = planned.plan(scope=FundScope.one("2"))
    planned.apply(scope=FundScope.one(None))
    before = progress(planned, "rows_planned, rows_done")
    planned.apply(plan_id=newer.plan_id)
    assert before == [(17, 2)]
    assert progress(planned, "rows_planned, rows_done") == [(17, 7)]
    planned.apply()
    assert progress(planned, "rows_planned, rows_done, completion_percent") == [(17, 17, 100)]
