"""What a person sees when something is missing or wrong: a sentence and what to do, never a password."""

from pathlib import Path

import pytest

from stagenorm_pipeline_tests.support.application import COMPANIES, Application
from stagenorm_pipeline_tests.support.dagster_project import Face, failure_of

_PASSWORD = "pa%24%24w0rd"  # noqa: S105 - a made-up one
_JOBS = ("plan_job", "verify_job")


@pytest.mark.parametrize("job", _JOBS)
def test_without_a_database_url_the_run_says_which_variable_to_set(face: Face, job: str) -> None:
    sentence, _ = failure_of(face.run(job))

    assert "DATABASE_URL is not set" in sentence
    assert "postgresql://" in sentence


@pytest.mark.parametrize("url", ["postgresql://me:{}@127.0.0.1:1/db", "mysql://me:{}@127.0.0.1/db", "me:{}@nowhere"])
def test_no_password_is_in_any_event_or_line_of_a_failed_run(
    face: Face, url: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DATABASE_URL", url.format(_PASSWORD))
    face.instance.add_dynamic_partitions("funds", ["fund-1"])

    results = [face.run(job) for job in _JOBS] + [face.normalize("fund-1")]

    assert not any(result.success for result in results)
    stored = [str(entry) for result in results for entry in face.instance.all_logs(result.run_id)]
    printed = capfd.readouterr()
    for text in (*stored, printed.out, printed.err):
        assert _PASSWORD not in text
        assert "pa$$w0rd" not in text


def test_a_failure_carries_no_cause_that_would_hide_its_sentence(face: Face, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://me@127.0.0.1:1/db")

    result = face.run("verify_job")

    (event,) = [event for event in result.all_events if event.is_step_failure]
    assert event.step_failure_data.error is not None
    assert event.step_failure_data.error.cause is None
    assert event.step_failure_data.error.context is None


def test_missing_tables_of_ours_are_named_with_the_command_that_makes_them(
    face: Face, application: Application
) -> None:
    application.sql("DROP TABLE stage_migration_batches CASCADE")
    application.sql("DROP TABLE stage_normalization_log CASCADE")

    sentence, _ = failure_of(face.plan())

    assert "migrations/" in sentence
    assert "stagenorm init-db" in sentence


@pytest.mark.parametrize(
    ("config", "words"), [({"batch_size": 0}, "batch size of 0"), ({"table": "nonsense"}, "'nonsense' is not one of")]
)
def test_a_setting_that_cannot_be_is_named(
    face: Face, application: Application, config: dict[str, object], words: str
) -> None:
    application.add(COMPANIES, [(1, "Seed")])

    sentence, _ = failure_of(face.plan(**config))

    assert words in sentence
    assert application.value("SELECT count(*) FROM stage_migration_plans") == 0


def test_a_broken_decisions_file_is_named_with_its_line(face: Face, application: Application) -> None:
    Path("stage_decisions.yaml").write_text('- spelling: "growth"\n  stage: later\n')

    sentence, _ = failure_of(face.plan())

    assert "stage_decisions.yaml:2" in sentence
