"""The job `rollback_job`."""

from stagenorm_pipeline_tests.support.application import COMPANIES, Application
from stagenorm_pipeline_tests.support.dagster_project import DagsterProject, failure_of, observed


def _normalize(application: Application) -> None:
    application.add(COMPANIES, [(1, "Seed"), (1, "Series A"), (2, "seriesb")])
    application.run()


def test_rollback_changes_nothing_without_execute(project: DagsterProject, application: Application) -> None:
    _normalize(application)
    before = application.contents()

    result = project.run("rollback_job", roll_back={"plan_id": 1})

    assert result.success
    assert application.contents() == before
    (output,) = [event.step_output_data for event in result.all_events if event.is_successful_output]
    assert output.metadata["rows_restorable"].value == 3


def test_rollback_restores_rows_except_those_changed_since(project: DagsterProject, application: Application) -> None:
    _normalize(application)
    application.sql("UPDATE portfoliocompanies SET stage = 'pre-seed' WHERE stage = 'series-a'")

    result = project.run("rollback_job", roll_back={"plan_id": 1, "execute": True, "sleep_ms": 0})

    assert result.success
    assert list(application.stages(COMPANIES).values()) == ["Seed", "pre-seed", "seriesb"]


def test_rollback_reports_observation_of_each_fund(project: DagsterProject, application: Application) -> None:
    _normalize(application)

    result = project.run("rollback_job", roll_back={"plan_id": 1, "execute": True, "sleep_ms": 0, "fund": "fund-1"})

    page = observed(result)["fund-1"]
    assert (page["state"], page["rows_updated"]) == ("rolled back", 2)
    assert page["what next"] == "Rolled back. To normalize again, materialize batch_plan."
    assert list(application.stages(COMPANIES).values()) == ["Seed", "Series A", "series-b"]


def test_rollback_by_spelling_or_row_needs_no_plan(project: DagsterProject, application: Application) -> None:
    _normalize(application)

    assert project.run("rollback_job", roll_back={"spelling": "Seed", "execute": True, "sleep_ms": 0}).success
    assert list(application.stages(COMPANIES).values()) == ["Seed", "series-a", "series-b"]

    row = {"row": f"{COMPANIES}:3", "execute": True, "sleep_ms": 0}
    refused = project.run("rollback_job", roll_back={**row, "table": "deal_opportunities"})
    assert failure_of(refused)[0].startswith("The row is in portfoliocompanies, not in deal_opportunities.")
    assert project.run("rollback_job", roll_back=row).success
    assert list(application.stages(COMPANIES).values()) == ["Seed", "series-a", "seriesb"]


def test_rollback_of_missing_plan_fails(project: DagsterProject, application: Application) -> None:
    assert "no plan 99" in failure_of(project.run("rollback_job", roll_back={"plan_id": 99}))[0]


def test_rollback_asks_for_the_plan(project: DagsterProject) -> None:
    assert failure_of(project.run("rollback_job"))[0].startswith("plan_id is not set. Write the number of the plan.")
