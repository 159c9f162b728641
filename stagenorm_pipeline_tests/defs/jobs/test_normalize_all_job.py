"""The job `normalize_all_job`: every fund in one run."""

from typing import Any

import dagster as dg
import pytest

from stagenorm_pipeline.defs.assets.asset_names import NORMALIZED_STAGES
from stagenorm_pipeline.defs.dagster_internals import newest_partition_verdicts
from stagenorm_pipeline.defs.jobs import normalize_all_job as job_module
from stagenorm_pipeline.defs.reconcile.fund_events import FUND_CLEAN_KEY
from stagenorm_pipeline.defs.reconcile.plan_events import TOTALS_KEY
from stagenorm_pipeline_tests.support.application import COMPANIES, DEALS, Application
from stagenorm_pipeline_tests.support.dagster_project import DagsterProject, failure_of, materialized


def _run(project: DagsterProject, **config: Any) -> dg.ExecuteInProcessResult:
    return project.run("normalize_all_job", normalize_all={"preset": "aggressive", **config})


def _clean(project: DagsterProject) -> dict[str, bool]:
    verdicts = newest_partition_verdicts(project.instance, FUND_CLEAN_KEY)
    return {fund: verdict.passed for fund, verdict in verdicts.items()}


def _reported(project: DagsterProject, run_id: str, kind: dg.DagsterEventType) -> set[str | None]:
    """The partitions with an event of the kind in the run."""
    records = project.instance.get_records_for_run(run_id, of_type=kind).records
    return {record.partition_key for record in records}


@pytest.mark.parametrize("parallel", [1, 2])
def test_every_fund_is_materialized_by_one_run(
    project: DagsterProject, application: Application, parallel: int
) -> None:
    application.add(COMPANIES, [(1, "Seed"), (2, "Seed"), (None, "Series A"), (3, "seed")])
    application.add(DEALS, [(2, "Seed")])
    application.plan()

    result = _run(project, parallel=parallel)

    assert result.success
    done = materialized(result, "normalized_stages")
    assert {fund: entries["rows_updated"] for fund, entries in done.items()} == {
        "fund-1": 1,
        "fund-2": 2,
        "no-fund": 1,
    }
    assert _clean(project) == {"fund-1": True, "fund-2": True, "no-fund": True}
    assert set(application.stages(COMPANIES).values()) == {"seed", "series-a"}
    again = _run(project)
    assert again.success
    assert materialized(again, "normalized_stages") == {}


def test_failed_fund_fails_the_run_and_no_other_fund(project: DagsterProject, application: Application) -> None:
    application.add(COMPANIES, [(1, "Seed"), (2, "Seed"), (3, "Seed")])
    application.sql("ALTER TABLE portfoliocompanies ADD CONSTRAINT c CHECK (fund_id <> 2 OR stage = 'Seed') NOT VALID")
    application.plan()

    result = _run(project)

    description, problems = failure_of(result)
    assert description.startswith("1 fund failed: fund-2. fund-2: 1 row in 1 batch could not be changed. First error")
    assert "fix the cause, then run this job again." in description
    assert 'violates check constraint "c"' in problems["fund-2"]
    # Dagster's result of a failed step lacks its events; the run has them.
    assert _reported(project, result.run_id, dg.DagsterEventType.ASSET_MATERIALIZATION) == {"fund-1", "fund-3"}
    assert _reported(project, result.run_id, dg.DagsterEventType.ASSET_OBSERVATION) == {"fund-2"}
    assert _clean(project) == {"fund-1": True, "fund-2": False, "fund-3": True}

    application.sql("ALTER TABLE portfoliocompanies DROP CONSTRAINT c")
    assert _run(project).success
    assert _clean(project)["fund-2"]


def test_named_funds_are_applied_and_an_unknown_one_stops_the_run(
    project: DagsterProject, application: Application
) -> None:
    application.add(COMPANIES, [(1, "Seed"), (2, "Seed"), (None, "Seed")])
    application.plan()

    refused = _run(project, funds=["fund-1", "fund-77"])
    assert "The fund 'fund-77' is neither in" in failure_of(refused)[0]
    assert set(application.stages(COMPANIES).values()) == {"Seed"}

    result = _run(project, funds=["2", "no-fund"])
    assert set(materialized(result, "normalized_stages")) == {"fund-2", "no-fund"}
    assert list(application.stages(COMPANIES).values()) == ["Seed", "seed", "seed"]
    assert "parallel is 0" in failure_of(_run(project, parallel=0))[0]


def test_canary_that_fails_fails_the_run_and_leaves_the_rest(project: DagsterProject, application: Application) -> None:
    application.add(COMPANIES, [(1, "Seed"), (2, "Seed"), (3, "Seed")])
    application.sql("ALTER TABLE portfoliocompanies ADD CONSTRAINT c CHECK (fund_id <> 2 OR stage = 'Seed') NOT VALID")
    application.plan()

    description, _ = failure_of(_run(project, canary=2))

    assert "The canary failed rule 1 (1 row refused by the database, 1 batch not completed)." in description
    assert list(application.stages(COMPANIES).values()) == ["seed", "Seed", "Seed"]
    assert "is not a time of day" in failure_of(_run(project, until="5 am"))[0]


def test_events_of_many_funds_are_recorded_outside_the_run(
    project: DagsterProject, application: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_module, "_EVENTS_IN_RUN", 1)
    application.add(COMPANIES, [(1, "Seed"), (2, "Seed"), (3, "Seed")])
    application.plan()

    result = _run(project)

    assert len(materialized(result, "normalized_stages")) == 1
    green = project.instance.get_materialized_partitions(NORMALIZED_STAGES)
    assert green == {"fund-1", "fund-2", "fund-3", TOTALS_KEY}
