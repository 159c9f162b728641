"""The asset `normalized_stages`: partitions, events, metadata, failures, termination."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest

from stagenorm_pipeline.defs import apply_fund
from stagenorm_pipeline.engine.postgres import failpoints
from stagenorm_pipeline.engine.postgres.failpoints import Failpoint
from stagenorm_pipeline.engine.postgres.locks import BATCH_LOCK_CLASS
from stagenorm_pipeline_tests.support.application import COMPANIES, DEALS, Application
from stagenorm_pipeline_tests.support.dagster_project import DagsterProject, failure_of, materialized, observed

_REFUSE_FUND_2 = """
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'fund 2 is | <b>frozen</b>'; END $$;
CREATE TRIGGER refuse BEFORE UPDATE ON portfoliocompanies FOR EACH ROW WHEN (OLD.fund_id = 2) EXECUTE FUNCTION refuse();
"""


def _fill(application: Application, funds: int = 3) -> None:
    for fund in range(1, funds + 1):
        application.add(COMPANIES, [(fund, "Seed"), (fund, "Series A"), (fund, "seed")])
    application.add(DEALS, [(1, "SERIES  C+"), (None, "seriesb"), (None, None)])


def test_plan_then_backfill_normalizes_every_fund(project: DagsterProject, application: Application) -> None:
    _fill(application)

    planned = materialized(project.plan(), "batch_plan")[None]
    applied = materialized(project.normalize_all(), "normalized_stages")

    assert planned["rows_to_update"] == 8
    assert planned["funds_to_change"] == 4
    assert project.funds == ["fund-1", "fund-2", "fund-3", "no-fund"]
    assert {fund: made["rows_updated"] for fund, made in applied.items()} == {
        "fund-1": 3,
        "fund-2": 2,
        "fund-3": 2,
        "no-fund": 1,
    }
    assert set(application.stages(COMPANIES).values()) == {"seed", "series-a"}
    assert list(application.stages(DEALS).values()) == ["series-c+", "series-b", None]


def test_one_fund_is_materialized_without_touching_others(project: DagsterProject, application: Application) -> None:
    _fill(application)
    project.plan_without_a_run(application)

    applied = materialized(project.normalize("fund-2"), "normalized_stages")

    assert list(applied) == ["fund-2"]
    numbers = {name: value for name, value in applied["fund-2"].items() if isinstance(value, int)}
    assert numbers.pop("dagster/partition_row_count") == 2
    assert numbers == {"rows_updated": 2, "rows_skipped": 0, "rows_failed": 0, "rows_waiting": 0}
    assert applied["fund-2"]["batches"] == "1 of 1 batch applied"
    assert application.value("SELECT count(*) FROM portfoliocompanies WHERE stage = 'Seed'") == 2


def test_second_run_shows_totals_of_plan_beside_its_own(project: DagsterProject, application: Application) -> None:
    _fill(application)
    project.plan()
    project.normalize_all()
    before = application.stages(COMPANIES)

    applied = materialized(project.normalize_all(), "normalized_stages")

    assert len(applied) == 4
    assert {made["this run"] for made in applied.values()} == {"nothing to do"}
    assert [made["rows_updated"] for made in applied.values()] == [3, 2, 2, 1]
    assert {made["plan_id"] for made in applied.values()} == {"1"}
    assert application.stages(COMPANIES) == before


def test_unwatched_throttler_is_logged_once_per_run(project: DagsterProject, application: Application) -> None:
    _fill(application)
    project.plan_without_a_run(application)

    run_id = project.normalize_all().run_id

    lines = [entry.user_message for entry in project.instance.all_logs(run_id)]
    assert len([line for line in lines if "Not watched (replica_lag)" in line]) == 1


def test_plan_covers_one_table_if_asked(project: DagsterProject, application: Application) -> None:
    _fill(application)

    planned = materialized(project.plan(table=DEALS), "batch_plan")[None]

    assert planned["rows_to_update"] == 2


def test_apply_covers_one_table_if_asked(project: DagsterProject, application: Application) -> None:
    _fill(application)
    project.plan_without_a_run(application)

    result = project.normalize("fund-1", table=DEALS)

    # Green only when all of the fund is done.
    assert materialized(result, "normalized_stages") == {}
    assert observed(result)["fund-1"]["rows_updated"] == 1
    assert observed(result)["fund-1"]["state"] == "partly done"
    assert "Seed" in application.stages(COMPANIES).values()


def test_failed_fund_does_not_stop_other_funds(project: DagsterProject, application: Application) -> None:
    _fill(application)
    application.sql(_REFUSE_FUND_2)
    project.plan_without_a_run(application)

    result = project.normalize_all()
    sentence, details = failure_of(result)

    assert not result.success
    assert sorted(map(str, materialized(result, "normalized_stages"))) == ["fund-1", "fund-3", "no-fund"]
    assert "fund-2" in sentence
    assert "fund-3" not in sentence
    # Dagster shows no observation on the page of a fund that was never materialized: the run itself must say it.
    assert "`stagenorm status`" in sentence
    assert "materialize the same funds again" in sentence
    assert "frozen" in details["fund-2"]


def test_observation_of_failed_fund_says_what_to_do(project: DagsterProject, application: Application) -> None:
    _fill(application)
    application.sql(_REFUSE_FUND_2)
    project.plan_without_a_run(application)

    result = project.normalize("fund-2")

    page = observed(result)["fund-2"]
    assert (page["state"], page["rows_failed"]) == ("failed", 2)
    assert page["problem"].startswith(
        "2 rows in 1 batch could not be changed. First error from the database: fund 2 is"
    )
    assert "stage_migration_failures" in page["what next"]
    # Text: the page shows tags as they are.
    assert "<b>" in page["problem"]


def test_failed_fund_is_applied_when_materialized_again(project: DagsterProject, application: Application) -> None:
    _fill(application)
    application.sql(_REFUSE_FUND_2)
    project.plan_without_a_run(application)
    project.normalize_all()
    application.sql("DROP TRIGGER refuse ON portfoliocompanies")

    applied = materialized(project.normalize("fund-2"), "normalized_stages")

    assert applied["fund-2"]["rows_updated"] == 2


def test_partition_key_without_fund_fails_alone(project: DagsterProject, application: Application) -> None:
    _fill(application, funds=1)
    project.plan_without_a_run(application)
    project.instance.add_dynamic_partitions("stagenorm_funds", ["typed-by-hand"])

    result = project.normalize_all()

    assert set(materialized(result, "normalized_stages")) == {"fund-1", "no-fund"}
    assert "typed-by-hand" in failure_of(result)[0]


@contextmanager
def _signal_during_batch(signum: signal.Signals) -> Iterator[None]:
    """Send the signal during a transaction, where Dagster's own handler would abort it."""
    failpoints.listen(lambda step: os.kill(os.getpid(), signum) if step is Failpoint.APPLY_ROWS_CHANGED else None)
    try:
        yield
    finally:
        failpoints.listen(None)


def test_terminate_finishes_current_batch_and_next_run_continues(
    project: DagsterProject, application: Application
) -> None:
    application.add(COMPANIES, [(1, "Seed")] * 5)
    project.plan_without_a_run(application, batch_size=1)

    with _signal_during_batch(signal.SIGINT):
        stopped = project.normalize_all()
    statuses = application.column("SELECT status FROM stage_migration_batches ORDER BY batch_number")
    applied = materialized(project.normalize_all(), "normalized_stages")

    assert statuses == ["completed", "pending", "pending", "pending", "pending"]
    assert materialized(stopped, "normalized_stages") == {}
    assert applied["fund-1"]["rows_updated"] == 5
    assert applied["fund-1"]["this run"].startswith("4 rows updated, 0 skipped, 0 failed in 4 batches")


def test_terminated_run_keeps_finished_funds(project: DagsterProject, application: Application) -> None:
    application.add(COMPANIES, [(fund, "Seed") for fund in (1, 2, 3)])
    project.plan_without_a_run(application)

    with _signal_during_batch(signal.SIGTERM):
        stopped = project.normalize_all()

    assert not stopped.success
    assert list(materialized(stopped, "normalized_stages")) == ["fund-1"]
    assert application.column("SELECT fund_id FROM stage_migration_batches WHERE status = 'completed'") == ["1"]


def test_run_waits_for_batch_taken_by_another_runner(
    project: DagsterProject, application: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    application.add(COMPANIES, [(1, "Seed"), (1, "Series A")])
    project.plan_without_a_run(application, batch_size=1)
    monkeypatch.setattr(apply_fund, "_RETRY_EVERY_S", 0)
    application.sql("UPDATE stage_migration_batches SET status = 'running', worker = 'w2' WHERE batch_number = 1")
    with psycopg.connect(application.url) as other:
        other.execute(
            "SELECT pg_advisory_xact_lock(%s, batch_id::int) FROM stage_migration_batches WHERE batch_number = 1",
            [BATCH_LOCK_CLASS],
        )
        # In its first pass, the runner last checks for the batch right before it closes its plans.
        failpoints.listen(lambda step: other.rollback() if step is Failpoint.APPLY_BEFORE_CLOSE else None)
        try:
            applied = materialized(project.normalize("fund-1"), "normalized_stages")
        finally:
            failpoints.listen(None)

    assert applied["fund-1"]["rows_updated"] == 2
    assert "in 2 batches" in applied["fund-1"]["this run"]


def test_preset_auto_applies_several_small_batches_per_transaction(
    project: DagsterProject, application: Application
) -> None:
    application.add(COMPANIES, [(1, "Seed")] * 2_000)
    application.add(COMPANIES, [(2, "Seed")] * 10)

    planned = materialized(project.plan(preset="auto"), "batch_plan")[None]
    applied = materialized(project.normalize_all(preset="auto"), "normalized_stages")

    assert planned["batches"] == 5
    assert application.value("SELECT max(rows_planned) FROM stage_migration_batches") == 500
    assert {fund: (made["batches"], made["rows_updated"]) for fund, made in applied.items()} == {
        "fund-1": ("4 of 4 batches applied", 2_000),
        "fund-2": ("1 of 1 batch applied", 10),
    }
    sizes = "SELECT count(*) AS batches FROM stage_migration_batches GROUP BY xmin::text"
    together = f"SELECT max(batches) FROM ({sizes}) AS transactions"
    assert application.value(together) > 1


def test_log_lines_have_the_runbooks_form(
    project: DagsterProject, application: Application, capfd: pytest.CaptureFixture[str]
) -> None:
    application.add(COMPANIES, [(1, "Seed")])
    project.plan_without_a_run(application)
    capfd.readouterr()

    project.normalize("fund-1")

    assert 'Batch 1 completed {"rowsUpdated":1,"rowsSkipped":0,"rowsFailed":0,"durationMs":' in capfd.readouterr().err
