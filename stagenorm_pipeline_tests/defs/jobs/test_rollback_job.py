"""Undoing a plan through Dagster."""

from stagenorm_pipeline_tests.support.application import COMPANIES, Application
from stagenorm_pipeline_tests.support.dagster_project import Face, failure_of


def _normalize(face: Face, application: Application) -> None:
    application.add(COMPANIES, [(1, "Seed"), (1, "Series A"), (2, "seriesb")])
    face.plan()
    face.normalize_all()


def test_it_only_shows_what_it_would_do_until_it_is_told_to(face: Face, application: Application) -> None:
    _normalize(face, application)
    before = application.contents()

    result = face.run("rollback_job", roll_back={"plan_id": 1})

    assert result.success
    assert application.contents() == before
    (output,) = [event.step_output_data for event in result.all_events if event.is_successful_output]
    assert output.metadata["rows_restorable"].value == 3


def test_it_restores_what_was_written_and_leaves_what_a_user_changed_since(
    face: Face, application: Application
) -> None:
    _normalize(face, application)
    application.sql("UPDATE portfoliocompanies SET stage = 'pre-seed' WHERE stage = 'series-a'")

    result = face.run("rollback_job", roll_back={"plan_id": 1, "execute": True, "sleep_ms": 0})

    assert result.success
    assert list(application.stages(COMPANIES).values()) == ["Seed", "pre-seed", "seriesb"]


def test_the_funds_that_were_undone_say_so_beside_their_materialization(face: Face, application: Application) -> None:
    _normalize(face, application)

    result = face.run("rollback_job", roll_back={"plan_id": 1, "execute": True, "sleep_ms": 0, "fund": "fund-1"})

    (event,) = [event for event in result.all_events if event.is_asset_observation]
    observed = event.asset_observation_data.asset_observation
    assert (observed.partition, observed.metadata["rows_restored"].value) == ("fund-1", 2)
    assert list(application.stages(COMPANIES).values()) == ["Seed", "Series A", "series-b"]


def test_a_plan_that_there_is_not_is_named(face: Face, application: Application) -> None:
    assert "no plan 99" in failure_of(face.run("rollback_job", roll_back={"plan_id": 99}))[0]
