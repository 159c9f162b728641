"""The job `tune_job`."""

from stagenorm_pipeline.engine.apply.pause import read_control
from stagenorm_pipeline.engine.apply.tuning import Tuning
from stagenorm_pipeline_tests.support.application import Application
from stagenorm_pipeline_tests.support.dagster_project import DagsterProject


def test_tune_sets_the_sessions_and_an_empty_config_resets_them(
    project: DagsterProject, application: Application
) -> None:
    def tuned() -> Tuning:
        with application.database.transaction() as connection:
            return read_control(connection).tuning

    assert project.run("tune_job", tune={"parallel": 3}).success
    assert tuned() == Tuning(parallel=3)
    assert project.run("tune_job").success
    assert tuned() == Tuning()
