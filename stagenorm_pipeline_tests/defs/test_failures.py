"""What a person sees when something is missing or wrong: a sentence and what to do, never a password."""

from pathlib import Path

import pytest

from stagenorm_pipeline_tests.support.application import COMPANIES, Application
from stagenorm_pipeline_tests.support.dagster_project import DagsterProject, failure_of

_PASSWORD = "pa%24%24w0rd"  # noqa: S105 - a made-up one
_JOBS = ("plan_job", "verify_job")


@pytest.mark.parametrize("job", _JOBS)
def test_missing_database_url_fails_with_variable_name(project: DagsterProject, job: str) -> None:
    sentence, _ = failure_of(project.run(job))

    assert "DATABASE_URL is not set" in sentence
    assert "postgresql://" in sentence


@pytest.mark.parametrize("url", ["postgresql://me:{}@127.0.0.1:1/db", "mysql://me:{}@127.0.0.1/db", "me:{}@nowhere"])
def test_failed_run_never_shows_password(
    project: DagsterProject, url: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DATABASE_URL", url.format(_PASSWORD))
    project.instance.add_dynamic_partitions("stagenorm_funds", ["fund-1"])

    results = [project.run(job) for job in _JOBS] + [project.normalize("fund-1")]

    assert not any(result.success for result in results)
    stored = [str(entry) for result in results for entry in project.instance.all_logs(result.run_id)]
    printed = capfd.readouterr()
    for text in (*stored, printed.out, printed.err):
        assert _PASSWORD not in text
        assert "pa$$w0rd" not in text


def test_failure_has_no_cause(project: DagsterProject, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://me@127.0.0.1:1/db")

    result = project.run("verify_job")

    (event,) = [event for event in result.all_events if event.is_step_failure]
    assert event.step_failure_data.error is not None
    assert event.step_failure_data.error.cause is None
    assert event.step_failure_data.error.context is None


def test_missing_tracking_tables_name_init_db(project: DagsterProject, application: Application) -> None:
    application.sql("DROP TABLE stage_migration_batches CASCADE")
    application.sql("DROP TABLE stage_normalization_log CASCADE")

    sentence, _ = failure_of(project.plan())

    assert "migrations/" in sentence
    assert "stagenorm init-db" in sentence


@pytest.mark.parametrize(
    ("config", "words"), [({"batch_size": 0}, "batch size of 0"), ({"table": "nonsense"}, "'nonsense' is not one of")]
)
def test_invalid_setting_is_named(
    project: DagsterProject, application: Application, config: dict[str, object], words: str
) -> None:
    application.add(COMPANIES, [(1, "Seed")])

    sentence, _ = failure_of(project.plan(**config))

    assert words in sentence
    assert application.value("SELECT count(*) FROM stage_migration_plans") == 0


def test_broken_decisions_file_fails_plan_with_line(project: DagsterProject, application: Application) -> None:
    Path("stage_decisions.yaml").write_text('- spelling: "growth"\n  stage: later\n')

    sentence, _ = failure_of(project.plan())

    assert "stage_decisions.yaml:2" in sentence
