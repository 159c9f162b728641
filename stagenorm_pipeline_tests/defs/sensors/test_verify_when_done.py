"""The sensor that verifies after the last fund of a plan."""

from stagenorm_pipeline.engine.targets.funds import FundScope
from stagenorm_pipeline_tests.support.application import COMPANIES, Application
from stagenorm_pipeline_tests.support.dagster_project import Face


def _key(face: Face) -> str | None:
    """The key of the run that it asks for; the daemon starts one run a key, ever."""
    requests = face.sensor("verify_when_done").run_requests or []
    assert len(requests) <= 1
    return requests[0].run_key if requests else None


def test_it_waits_for_the_last_fund_and_then_asks_once(face: Face, application: Application) -> None:
    application.add(COMPANIES, [(1, "Seed"), (2, "Seed")])
    assert _key(face) is None
    application.plan()
    assert _key(face) is None
    application.apply(scope=FundScope.one("1"))
    assert _key(face) is None
    application.apply(scope=FundScope.one("2"))

    key = _key(face)

    assert key is not None
    assert _key(face) == key


def test_failed_funds_are_an_end_too_and_a_retry_that_mends_them_is_another(
    face: Face, application: Application
) -> None:
    application.add(COMPANIES, [(1, "Seed"), (2, "Seed")])
    application.sql("ALTER TABLE portfoliocompanies ADD CONSTRAINT c CHECK (fund_id <> 2 OR stage = 'Seed') NOT VALID")
    application.plan()
    application.apply()
    failed = _key(face)
    application.apply(scope=FundScope.one("2"))
    failed_again = _key(face)
    application.sql("ALTER TABLE portfoliocompanies DROP CONSTRAINT c")
    application.apply(scope=FundScope.one("2"))
    mended = _key(face)

    assert failed is not None
    assert failed_again == failed
    assert mended not in (None, failed)


def test_a_plan_of_which_everything_failed_is_at_its_end(face: Face, application: Application) -> None:
    application.add(COMPANIES, [(1, "Seed")])
    application.sql("ALTER TABLE portfoliocompanies ADD CHECK (stage = 'Seed') NOT VALID")
    application.run()

    assert _key(face) is not None


def test_a_newer_plan_in_the_making_does_not_make_an_old_outcome_new(face: Face, application: Application) -> None:
    application.add(COMPANIES, [(1, "Seed"), (2, "Seed")])
    application.sql("ALTER TABLE portfoliocompanies ADD CHECK (fund_id <> 2 OR stage = 'Seed') NOT VALID")
    application.plan()
    application.apply()
    application.plan()

    assert _key(face) is None


def test_a_plan_with_nothing_to_do_is_not_verified(face: Face, application: Application) -> None:
    application.add(COMPANIES, [(1, "seed")])
    application.plan()

    assert _key(face) is None


def test_batches_that_the_command_line_did_count(face: Face, application: Application) -> None:
    application.add(COMPANIES, [(1, "Seed")])
    application.run()

    assert _key(face) is not None
