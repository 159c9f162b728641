"""The checks `no_batch_failed` and `not_paused`, and the jobs that pause and cancel."""

import os
import signal
from threading import Thread
from time import sleep

import dagster as dg
import pytest

from stagenorm_pipeline.engine.postgres import failpoints
from stagenorm_pipeline.engine.postgres.failpoints import Failpoint
from stagenorm_pipeline_tests.support.application import COMPANIES, Application
from stagenorm_pipeline_tests.support.dagster_project import DagsterProject, failure_of, materialized, observed


def test_waiting_funds_are_figures_and_failed_ones_an_error(project: DagsterProject, application: Application) -> None:
    application.add(COMPANIES, [(1, "Seed"), (2, "Seed"), (2, "SEED")])
    application.sql("ALTER TABLE portfoliocompanies ADD CHECK (fund_id <> 2 OR stage <> 'seed') NOT VALID")
    project.plan()
    planned = project.verdict("no_batch_failed")
    project.normalize_all()
    failed = project.verdict("no_batch_failed")
    application.sql("ALTER TABLE portfoliocompanies DROP CONSTRAINT portfoliocompanies_check")
    project.normalize_all()

    assert planned.passed
    assert (planned.metadata["funds_waiting"].value, planned.metadata["rows_waiting"].value) == (2, 3)
    assert (failed.passed, failed.severity) == (False, dg.AssetCheckSeverity.ERROR)
    assert (failed.metadata["batches_failed"].value, failed.metadata["rows_failed"].value) == (1, 2)
    words = "1 fund failed: fund-2. fund-2: 2 rows in 1 batch of public.portfoliocompanies could not be changed: "
    assert (failed.description or "").startswith(words)
    assert "materialize normalized_stages for these funds again" in (failed.description or "")
    assert project.verdict("no_batch_failed").description == "No batch failed. Waiting: no fund."


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

    assert observed(stopped)["fund-1"]["what next"] == "4 rows left to update. Materialize this fund."
    assert project.verdict("no_batch_failed").metadata["rows_waiting"].value == 4


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

    assert project.verdict("no_batch_failed").metadata["funds_waiting"].value == 0
    assert materialized(project.normalize("fund-1"), "normalized_stages")["fund-1"]["this run"] == "nothing to do"


def test_cancelling_missing_plan_fails(project: DagsterProject, application: Application) -> None:
    assert "no plan 7" in failure_of(project.run("cancel_plan_job", cancel={"plan_id": 7}))[0]


@pytest.mark.parametrize("job", ["pause_job", "unpause_job"])
def test_pause_without_tracking_tables_names_init_db(
    project: DagsterProject, application: Application, job: str
) -> None:
    application.sql("DROP TABLE stage_migration_batches, stage_normalization_log CASCADE")

    assert "init-db" in failure_of(project.run(job))[0]
