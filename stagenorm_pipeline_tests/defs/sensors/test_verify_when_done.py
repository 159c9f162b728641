"""The sensor `verify_when_done`."""

from stagenorm_pipeline.engine.targets.funds import FundScope
from stagenorm_pipeline_tests.support.application import COMPANIES, Application
from stagenorm_pipeline_tests.support.dagster_project import DagsterProject


def _requested_run_key(project: DagsterProject) -> str | None:
    """Return the key of the requested run. The daemon starts only one run per key."""
    requests = project.sensor("verify_when_done").run_requests or []
    assert len(requests) <= 1
    return requests[0].run_key if requests else None


def test_sensor_requests_one_run_after_last_fund(project: DagsterProject, application: Application) -> None:
    application.add(COMPANIES, [(1, "Seed"), (2, "Seed")])
    assert _requested_run_key(project) is None
    application.plan()
    assert _requested_run_key(project) is None
    application.apply(scope=FundScope.one("1"))
    assert _requested_run_key(project) is None
    application.apply(scope=FundScope.one("2"))

    key = _requested_run_key(project)

    assert key is not None
    assert _requested_run_key(project) == key


def test_successful_retry_of_failed_fund_requests_new_run(project: DagsterProject, application: Application) -> None:
    application.add(COMPANIES, [(1, "Seed"), (2, "Seed")])
    application.sql("ALTER TABLE portfoliocompanies ADD CONSTRAINT c CHECK (fund_id <> 2 OR stage = 'Seed') NOT VALID")
    application.plan()
    application.apply()
    failed = _requested_run_key(project)
    application.apply(scope=FundScope.one("2"))
    failed_again = _requested_run_key(project)
    application.sql("ALTER TABLE portfoliocompanies DROP CONSTRAINT c")
    application.apply(scope=FundScope.one("2"))
    retried = _requested_run_key(project)

    assert failed is not None
    assert failed_again == failed
    assert retried not in (None, failed)


def test_sensor_requests_run_if_all_batches_failed(project: DagsterProject, application: Application) -> None:
    application.add(COMPANIES, [(1, "Seed")])
    application.sql("ALTER TABLE portfoliocompanies ADD CHECK (stage = 'Seed') NOT VALID")
    application.run()

    assert _requested_run_key(project) is not None


def test_newer_open_plan_delays_verification(project: DagsterProject, application: Application) -> None:
    application.add(COMPANIES, [(1, "Seed"), (2, "Seed")])
    application.sql("ALTER TABLE portfoliocompanies ADD CHECK (fund_id <> 2 OR stage = 'Seed') NOT VALID")
    application.plan()
    application.apply()
    application.plan()

    assert _requested_run_key(project) is None


def test_empty_plan_is_not_verified(project: DagsterProject, application: Application) -> None:
    application.add(COMPANIES, [(1, "seed")])
    application.plan()

    assert _requested_run_key(project) is None


def test_batches_applied_by_command_line_count(project: DagsterProject, application: Application) -> None:
    application.add(COMPANIES, [(1, "Seed")])
    application.run()

    assert _requested_run_key(project) is not None
