"""The checks `nothing_waits` and `not_paused`, and the jobs that pause and cancel."""

import os
import signal
from threading import Thread
from time import sleep

import pytest

from stagenorm_pipeline.engine.postgres import failpoints
from stagenorm_pipeline.engine.postgres.failpoints import Failpoint
from stagenorm_pipeline_tests.support.application import COMPANIES, Application
from stagenorm_pipeline_tests.support.dagster_project import DagsterProject, failure_of, materialized


def test_nothing_waits_fails_until_planned_funds_are_applied(project: DagsterProject, application: Application) -> None:
    application.add(COMPANIES, [(1, "Seed"), (2, "Seed"), (2, "SEED")])
    project.plan()

    waits = project.verdict("nothing_waits")
    project.normalize("fund-1")
    still_waiting = project.verdict("nothing_waits")
    project.normalize("fund-2")

    assert (waits.passed, waits.metadata["funds_waiting"].value, waits.metadata["rows_waiting"].value) == (False, 2, 3)
    assert "fund-1, fund-2" in (waits.description or "")
    # The run's page shows only the metadata, under a red "failed".
    assert "normalized_stages" in str(waits.metadata["what next"].value)
    assert (still_waiting.passed, still_waiting.metadata["rows_waiting"].value) == (False, 2)
    done = project.verdict("nothing_waits")
    assert done.passed
    assert "what next" not in done.metadata


def test_nothing_waits_counts_materialized_fund_of_newer_plan(
    project: DagsterProject, application: Application
) -> None:
    application.add(COMPANIES, [(1, "Seed")])
    project.plan()
    project.normalize("fund-1")
    application.add(COMPANIES, [(1, "Seed")])
    project.plan()

    assert project.verdict("nothing_waits").metadata["funds_waiting"].value == 1


def test_terminated_fund_reports_remaining_rows(project: DagsterProject, application: Application) -> None:
    application.add(COMPANIES, [(1, "Seed")] * 5)
    project.plan(batch_size=1)
    project.normalize("fund-1", table="deal_opportunities")

    failpoints.listen(
        lambda step: os.kill(os.getpid(), signal.SIGTERM) if step is Failpoint.APPLY_ROWS_CHANGED else None
    )
    try:
        stopped = project.normalize("fund-1")
    finally:
        failpoints.listen(None)

    (event,) = [event for event in stopped.all_events if event.is_asset_observation]
    observed = event.asset_observation_data.asset_observation
    assert observed.partition == "fund-1"
    assert "4 rows left to update" in str(observed.metadata["what next"].value)
    assert project.verdict("nothing_waits").metadata["rows_waiting"].value == 4


def test_nothing_waits_counts_failed_fund(project: DagsterProject, application: Application) -> None:
    application.add(COMPANIES, [(1, "Seed"), (2, "Seed")])
    application.sql("ALTER TABLE portfoliocompanies ADD CHECK (fund_id <> 2 OR stage = 'Seed') NOT VALID")
    project.plan()
    project.normalize_all()

    waits = project.verdict("nothing_waits")

    assert waits.metadata["batches_failed"].value == 1
    assert "fund-2" in (waits.description or "")


def test_not_paused_shows_reason_until_unpaused(project: DagsterProject, application: Application) -> None:
    assert project.run("pause_job", pause={"reason": "month\x1b end"}).success
    paused = project.verdict("not_paused")
    assert project.run("unpause_job").success

    assert not paused.passed
    assert "month" in (paused.description or "")
    assert "\x1b" not in (paused.description or "")
    assert project.verdict("not_paused").passed


def test_paused_run_waits_before_next_batch_and_continues(project: DagsterProject, application: Application) -> None:
    application.add(COMPANIES, [(1, "Seed")] * 3)
    project.plan(batch_size=1)
    seen: list[int] = []

    def unpause() -> None:
        sleep(0.7)
        seen.append(application.value("SELECT count(*) FROM stage_normalization_log"))
        application.sql("UPDATE stage_migration_control SET paused = false")

    lifting = Thread(target=unpause)

    def pause(step: Failpoint) -> None:
        if step is Failpoint.APPLY_RESULT_RECORDED and not lifting.ident:
            application.sql("UPDATE stage_migration_control SET paused = true")
            lifting.start()

    failpoints.listen(pause)
    try:
        done = materialized(project.normalize("fund-1"), "normalized_stages")
    finally:
        failpoints.listen(None)
        lifting.join()

    assert seen == [1]
    assert done["fund-1"]["rows_updated"] == 3


def test_cancelled_plan_leaves_no_waiting_fund(project: DagsterProject, application: Application) -> None:
    application.add(COMPANIES, [(1, "Seed")])
    project.plan()

    assert project.run("cancel_plan_job", cancel={"plan_id": 1}).success

    assert project.verdict("nothing_waits").passed
    assert materialized(project.normalize("fund-1"), "normalized_stages")["fund-1"]["batches"] == 0


def test_cancelling_missing_plan_fails(project: DagsterProject, application: Application) -> None:
    assert "no plan 7" in failure_of(project.run("cancel_plan_job", cancel={"plan_id": 7}))[0]


@pytest.mark.parametrize("job", ["pause_job", "unpause_job"])
def test_pause_without_tracking_tables_names_init_db(
    project: DagsterProject, application: Application, job: str
) -> None:
    application.sql("DROP TABLE stage_migration_batches, stage_normalization_log CASCADE")

    assert "init-db" in failure_of(project.run(job))[0]
