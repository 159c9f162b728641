"""The schedules `nightly_plan`, `nightly_backfill` and `nightly_run`."""

from pathlib import Path

import dagster as dg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stagenorm_pipeline.defs.assets.asset_names import NORMALIZED_STAGES
from stagenorm_pipeline.defs.partition_ranges import partition_ranges
from stagenorm_pipeline_tests.support.application import COMPANIES, Application
from stagenorm_pipeline_tests.support.dagster_internals import create_run_for_test
from stagenorm_pipeline_tests.support.dagster_project import RANGE_END, RANGE_START, DagsterProject, materialized


def _ranges(project: DagsterProject) -> list[tuple[str, str]]:
    tick = project.schedule("nightly_backfill")
    assert tick.run_requests
    assert len({request.run_key for request in tick.run_requests}) == len(tick.run_requests)
    return [(request.tags[RANGE_START], request.tags[RANGE_END]) for request in tick.run_requests]


def _skipped(project: DagsterProject) -> str:
    tick = project.schedule("nightly_backfill")
    assert not tick.run_requests
    return tick.skip_message or ""


def _run_ranges(project: DagsterProject, ranges: list[tuple[str, str]]) -> list[dg.ExecuteInProcessResult]:
    return [project.run("normalize_job", tags={RANGE_START: first, RANGE_END: last}) for first, last in ranges]


def test_nightly_backfill_covers_only_waiting_funds(project: DagsterProject, application: Application) -> None:
    application.add(COMPANIES, [(fund, "Seed" if fund in (2, 3, 5) else "seed") for fund in range(1, 7)])
    project.plan()

    ranges = _ranges(project)
    done = [fund for result in _run_ranges(project, ranges) for fund in materialized(result, "normalized_stages")]

    assert ranges == [("fund-2", "fund-3"), ("fund-5", "fund-5")]
    assert done == ["fund-2", "fund-3", "fund-5"]
    assert set(application.stages(COMPANIES).values()) == {"seed"}
    assert _skipped(project) == "No open plan has batches left."


def test_nightly_backfill_retries_failed_fund(project: DagsterProject, application: Application) -> None:
    application.add(COMPANIES, [(fund, "Seed") for fund in (1, 2, 3)])
    application.sql("ALTER TABLE portfoliocompanies ADD CHECK (fund_id <> 2 OR stage = 'Seed') NOT VALID")
    application.plan()
    assert [result.success for result in _run_ranges(project, _ranges(project))] == [False]

    assert _ranges(project) == [("fund-2", "fund-2")]


def test_nightly_backfill_adds_partitions_of_command_line_plan(
    project: DagsterProject, application: Application
) -> None:
    application.add(COMPANIES, [(1, "Seed"), (None, "Seed")])
    application.plan()

    assert _ranges(project) == [("fund-1", "no-fund")]
    assert project.funds == ["fund-1", "no-fund"]


def test_nightly_backfill_groups_25_funds_per_run(project: DagsterProject, application: Application) -> None:
    application.add(COMPANIES, [(fund, "Seed") for fund in range(1, 61)])
    application.plan()

    assert _ranges(project) == [("fund-1", "fund-25"), ("fund-26", "fund-50"), ("fund-51", "fund-60")]


def test_nightly_backfill_skips_while_normalize_job_runs(project: DagsterProject, application: Application) -> None:
    application.add(COMPANIES, [(1, "Seed")])
    application.plan()
    run = create_run_for_test(project.instance, job_name="normalize_job", status=dg.DagsterRunStatus.STARTING)

    assert run.run_id in _skipped(project)

    project.instance.report_run_failed(run)
    assert _ranges(project) == [("fund-1", "fund-1")]


def test_nightly_backfill_skips_while_asset_backfill_runs(project: DagsterProject, application: Application) -> None:
    application.add(COMPANIES, [(1, "Seed")])
    application.plan()
    create_run_for_test(
        project.instance,
        job_name="__ASSET_JOB",
        status=dg.DagsterRunStatus.STARTED,
        asset_selection=frozenset({NORMALIZED_STAGES}),
    )
    create_run_for_test(project.instance, job_name="verify_job", status=dg.DagsterRunStatus.STARTED)

    assert _skipped(project).startswith("1 run of normalized_stages")


def test_nightly_backfill_skips_while_paused(project: DagsterProject, application: Application) -> None:
    application.add(COMPANIES, [(1, "Seed")])
    application.plan()
    project.run("pause_job", pause={"reason": "month end"})

    assert "month end" in _skipped(project)


def test_nightly_run_has_the_limits_of_the_file_and_leaves_protected_funds_out(
    project: DagsterProject, application: Application, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "stagenorm.toml"
    file.write_text('[apply]\nprotected_funds = ["2"]\n[nightly]\ncanary = 1\nmax_rows = 2\nexclude_funds = ["4"]\n')
    monkeypatch.setenv("STAGENORM_CONFIG", str(file))
    application.add(COMPANIES, [(fund, "Seed") for fund in (1, 2, 3, 4, 5)])
    application.plan()

    assert _ranges(project) == [("fund-1", "fund-5")]
    assert project.funds == ["fund-1", "fund-3", "fund-4", "fund-5"]
    (request,) = project.schedule("nightly_run").run_requests or ()
    config = request.run_config["ops"]["normalize_all"]["config"]
    result = project.run("normalize_all_job", normalize_all={**config, "sleep_ms": 0})

    assert result.success
    assert set(materialized(result, "normalized_stages")) == {"fund-1", "fund-3"}


def test_nightly_plan_starts_plan_job(project: DagsterProject) -> None:
    schedule = project.defs.get_repository_def().get_schedule_def("nightly_plan")

    assert schedule.job_name == "plan_job"


_KEYS = [f"fund-{number}" for number in range(40)]


@given(wanted=st.sets(st.sampled_from(_KEYS)), at_most=st.integers(1, 12))
def test_partition_ranges_cover_exactly_the_wanted_funds(wanted: set[str], at_most: int) -> None:
    covered = [
        _KEYS[_KEYS.index(first) : _KEYS.index(last) + 1] for first, last in partition_ranges(_KEYS, wanted, at_most)
    ]

    assert [key for keys in covered for key in keys] == [key for key in _KEYS if key in wanted]
    assert all(1 <= len(keys) <= at_most for keys in covered)
