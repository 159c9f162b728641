"""The nightly schedules: what they ask for, and when they do not."""

import dagster as dg
from dagster._core.test_utils import create_run_for_test
from hypothesis import given
from hypothesis import strategies as st

from stagenorm_pipeline.defs.partition_ranges import fund_ranges
from stagenorm_pipeline_tests.support.application import COMPANIES, Application
from stagenorm_pipeline_tests.support.dagster_project import RANGE_END, RANGE_START, Face, materialized


def _ranges(face: Face) -> list[tuple[str, str]]:
    tick = face.schedule("nightly_backfill")
    assert tick.run_requests
    assert len({request.run_key for request in tick.run_requests}) == len(tick.run_requests)
    return [(request.tags[RANGE_START], request.tags[RANGE_END]) for request in tick.run_requests]


def _skipped(face: Face) -> str:
    tick = face.schedule("nightly_backfill")
    assert not tick.run_requests
    return tick.skip_message or ""


def _do(face: Face, ranges: list[tuple[str, str]]) -> list[dg.ExecuteInProcessResult]:
    return [face.run("normalize_job", tags={RANGE_START: first, RANGE_END: last}) for first, last in ranges]


def test_the_night_does_the_funds_with_work_and_no_other(face: Face, application: Application) -> None:
    application.add(COMPANIES, [(fund, "Seed" if fund in (2, 3, 5) else "seed") for fund in range(1, 7)])
    face.plan()

    ranges = _ranges(face)
    done = [fund for result in _do(face, ranges) for fund in materialized(result, "normalized_stages")]

    assert ranges == [("fund-2", "fund-3"), ("fund-5", "fund-5")]
    assert done == ["fund-2", "fund-3", "fund-5"]
    assert set(application.stages(COMPANIES).values()) == {"seed"}
    assert _skipped(face) == "No fund has batches of an open plan left."


def test_a_failed_fund_is_tried_again_the_next_night_alone(face: Face, application: Application) -> None:
    application.add(COMPANIES, [(fund, "Seed") for fund in (1, 2, 3)])
    application.sql("ALTER TABLE portfoliocompanies ADD CHECK (fund_id <> 2 OR stage = 'Seed') NOT VALID")
    application.plan()
    assert [result.success for result in _do(face, _ranges(face))] == [False]

    assert _ranges(face) == [("fund-2", "fund-2")]


def test_a_plan_that_the_command_line_made_gets_its_partitions(face: Face, application: Application) -> None:
    application.add(COMPANIES, [(1, "Seed"), (None, "Seed")])
    application.plan()

    assert _ranges(face) == [("fund-1", "no-fund")]
    assert face.funds == ["fund-1", "no-fund"]


def test_many_funds_are_several_runs_and_not_one_each(face: Face, application: Application) -> None:
    application.add(COMPANIES, [(fund, "Seed") for fund in range(1, 61)])
    application.plan()

    assert _ranges(face) == [("fund-1", "fund-25"), ("fund-26", "fund-50"), ("fund-51", "fund-60")]


def test_it_does_not_pile_up_on_a_run_that_is_not_done(face: Face, application: Application) -> None:
    application.add(COMPANIES, [(1, "Seed")])
    application.plan()
    run = create_run_for_test(face.instance, job_name="normalize_job", status=dg.DagsterRunStatus.STARTING)

    assert run.run_id in _skipped(face)

    face.instance.report_run_failed(run)
    assert _ranges(face) == [("fund-1", "fund-1")]


def test_nor_on_a_backfill_from_the_assets_page(face: Face, application: Application) -> None:
    application.add(COMPANIES, [(1, "Seed")])
    application.plan()
    create_run_for_test(
        face.instance,
        job_name="__ASSET_JOB",
        status=dg.DagsterRunStatus.STARTED,
        asset_selection=frozenset({dg.AssetKey("normalized_stages")}),
    )
    create_run_for_test(face.instance, job_name="verify_job", status=dg.DagsterRunStatus.STARTED)

    assert _skipped(face).startswith("1 run(s)")


def test_it_starts_nothing_while_all_work_is_paused(face: Face, application: Application) -> None:
    application.add(COMPANIES, [(1, "Seed")])
    application.plan()
    face.run("pause_job", pause={"reason": "month end"})

    assert "month end" in _skipped(face)


def test_the_nightly_plan_is_the_plan_job(face: Face) -> None:
    schedule = face.defs.get_repository_def().get_schedule_def("nightly_plan")

    assert schedule.job_name == "plan_job"


_KEYS = [f"fund-{number}" for number in range(40)]


@given(wanted=st.sets(st.sampled_from(_KEYS)), at_most=st.integers(1, 12))
def test_ranges_hold_every_wanted_fund_once_and_no_other(wanted: set[str], at_most: int) -> None:
    held = [_KEYS[_KEYS.index(first) : _KEYS.index(last) + 1] for first, last in fund_ranges(_KEYS, wanted, at_most)]

    assert [key for keys in held for key in keys] == [key for key in _KEYS if key in wanted]
    assert all(1 <= len(keys) <= at_most for keys in held)
