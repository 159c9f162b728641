"""The job `rehearse_job`."""

import pytest

from stagenorm_pipeline_tests.support.application import COMPANIES, Application
from stagenorm_pipeline_tests.support.clone import cloned
from stagenorm_pipeline_tests.support.dagster_project import DagsterProject, failure_of, observed
from stagenorm_pipeline_tests.support.private_server import PrivateServer


def test_rehearsal_on_clone_shows_figures_and_no_url(
    project: DagsterProject, application: Application, clone_server: PrivateServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    application.add(COMPANIES, [(1, "Seed"), (1, "SEED")])
    application.plan(as_draft=True)
    before = application.stages(COMPANIES)
    with cloned(application, clone_server) as clone:
        clone.sql(f"ALTER TABLE {COMPANIES} ADD CONSTRAINT no_one CHECK (stage <> 'seed' OR id <> 1)")
        monkeypatch.setenv("STAGENORM_CLONE_URL", clone.url.replace("postgres@", "postgres:s3cret@"))
        result = project.run("rehearse_job", rehearse={"plan_id": 1})
        missing = project.run("rehearse_job", rehearse={"plan_id": 1, "clone_url_variable": "NO_SUCH_CLONE"})

    page = observed(result)[None]
    assert "1 refused" in page["rehearsal"]
    assert (page["rehearsed_rows_updated"], page["rehearsed_rows_refused"]) == (1, 1)
    assert "no_one" in page["refused rows"].records[0].data["what"]
    assert application.stages(COMPANIES) == before
    lines = [entry.message for entry in project.instance.all_logs(result.run_id)]
    assert any("Throw the clone away" in line for line in lines)
    assert not any("s3cret" in line for line in lines)
    assert "'NO_SUCH_CLONE' is not set" in failure_of(missing)[0]
