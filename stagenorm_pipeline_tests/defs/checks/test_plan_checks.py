"""Pausing, cancelling, and the two checks that say whether work waits and whether all of it is paused."""

import os
import signal
from threading import Thread
from time import sleep

import pytest

from stagenorm_pipeline.engine.postgres import failpoints
from stagenorm_pipeline.engine.postgres.failpoints import Failpoint
from stagenorm_pipeline_tests.support.application import COMPANIES, Application
from stagenorm_pipeline_tests.support.dagster_project import Face, failure_of, materialized


def test_a_plan_makes_its_funds_wait_and_their_runs_end_that(face: Face, application: Application) -> None:
    application.add(COMPANIES, [(1, "Seed"), (2, "Seed"), (2, "SEED")])
    face.plan()

    waits = face.verdict("nothing_waits")
    face.normalize("fund-1")
    waits_still = face.verdict("nothing_waits")
    face.normalize("fund-2")

    assert (waits.passed, waits.metadata["funds_waiting"].value, waits.metadata["rows_waiting"].value) == (False, 2, 3)
    assert "fund-1, fund-2" in (waits.description or "")
    # The run's page shows the metadata alone, under a red "failed".
    assert "normalized_stages" in str(waits.metadata["what next"].value)
    assert (waits_still.passed, waits_still.metadata["rows_waiting"].value) == (False, 2)
    done = face.verdict("nothing_waits")
    assert done.passed
    assert "what next" not in done.metadata


def test_a_fund_that_is_green_from_before_is_counted_when_a_newer_plan_holds_it(
    face: Face, application: Application
) -> None:
    application.add(COMPANIES, [(1, "Seed")])
    face.plan()
    face.normalize("fund-1")
    application.add(COMPANIES, [(1, "Seed")])
    face.plan()

    assert face.verdict("nothing_waits").metadata["funds_waiting"].value == 1


def test_after_terminate_the_fund_says_what_it_left(face: Face, application: Application) -> None:
    application.add(COMPANIES, [(1, "Seed")] * 5)
    face.plan(batch_size=1)
    face.normalize("fund-1", table="deal_opportunities")

    failpoints.listen(
        lambda step: os.kill(os.getpid(), signal.SIGTERM) if step is Failpoint.APPLY_ROWS_CHANGED else None
    )
    try:
        stopped = face.normalize("fund-1")
    finally:
        failpoints.listen(None)

    (event,) = [event for event in stopped.all_events if event.is_asset_observation]
    observed = event.asset_observation_data.asset_observation
    assert observed.partition == "fund-1"
    assert "4 rows wait" in str(observed.metadata["what next"].value)
    assert face.verdict("nothing_waits").metadata["rows_waiting"].value == 4


def test_a_failed_fund_waits(face: Face, application: Application) -> None:
    application.add(COMPANIES, [(1, "Seed"), (2, "Seed")])
    application.sql("ALTER TABLE portfoliocompanies ADD CHECK (fund_id <> 2 OR stage = 'Seed') NOT VALID")
    face.plan()
    face.normalize_all()

    waits = face.verdict("nothing_waits")

    assert waits.metadata["batches_failed"].value == 1
    assert "fund-2" in (waits.description or "")


def test_a_pause_is_shown_with_its_reason_until_it_ends(face: Face, application: Application) -> None:
    assert face.run("pause_job", pause={"reason": "month\x1b end"}).success
    paused = face.verdict("not_paused")
    assert face.run("unpause_job").success

    assert not paused.passed
    assert "month" in (paused.description or "")
    assert "\x1b" not in (paused.description or "")
    assert face.verdict("not_paused").passed


def test_a_run_waits_before_its_next_batch_while_all_work_is_paused_and_then_goes_on(
    face: Face, application: Application
) -> None:
    application.add(COMPANIES, [(1, "Seed")] * 3)
    face.plan(batch_size=1)
    seen: list[int] = []

    def lift_the_pause() -> None:
        sleep(0.7)
        seen.append(application.value("SELECT count(*) FROM stage_normalization_log"))
        application.sql("UPDATE stage_migration_control SET paused = false")

    lifting = Thread(target=lift_the_pause)

    def pause(step: Failpoint) -> None:
        if step is Failpoint.APPLY_RESULT_RECORDED and not lifting.ident:
            application.sql("UPDATE stage_migration_control SET paused = true")
            lifting.start()

    failpoints.listen(pause)
    try:
        done = materialized(face.normalize("fund-1"), "normalized_stages")
    finally:
        failpoints.listen(None)
        lifting.join()

    assert seen == [1]
    assert done["fund-1"]["rows_updated"] == 3


def test_a_cancelled_plan_leaves_nothing_that_waits(face: Face, application: Application) -> None:
    application.add(COMPANIES, [(1, "Seed")])
    face.plan()

    assert face.run("cancel_plan_job", cancel={"plan_id": 1}).success

    assert face.verdict("nothing_waits").passed
    assert materialized(face.normalize("fund-1"), "normalized_stages")["fund-1"]["batches"] == 0


def test_a_plan_that_there_is_not_cannot_be_cancelled(face: Face, application: Application) -> None:
    assert "no plan 7" in failure_of(face.run("cancel_plan_job", cancel={"plan_id": 7}))[0]


@pytest.mark.parametrize("job", ["pause_job", "unpause_job"])
def test_the_switch_says_what_is_missing_where_there_are_no_tables(
    face: Face, application: Application, job: str
) -> None:
    application.sql("DROP TABLE stage_migration_batches, stage_normalization_log CASCADE")

    assert "init-db" in failure_of(face.run(job))[0]
