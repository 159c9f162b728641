"""What the command line did, on the pages of a Dagster instance."""

from collections.abc import Iterator

import dagster as dg
import psycopg
import pytest
import sqlalchemy as sa

from stagenorm_pipeline.defs.cli_history import configured_instance, report_applied, report_verified
from stagenorm_pipeline.engine.apply.fund_totals import FundTotals
from stagenorm_pipeline.engine.plan.batch import PlanKind
from stagenorm_pipeline.engine.rollback.rollback import RollbackRequest, record_rollback
from stagenorm_pipeline.engine.targets.funds import FundScope
from stagenorm_pipeline_tests.support.application import COMPANIES, Application
from stagenorm_pipeline_tests.support.command_line import stagenorm
from stagenorm_pipeline_tests.support.dagster_project import Face, materialized

_NORMALIZED = dg.AssetKey("normalized_stages")


def _apply(face: Face, application: Application, plan_id: int | None) -> None:
    tally = FundTotals()
    application.apply(plan_id=plan_id, watch=tally)
    report_applied(face.instance, application.database, tally, plan_id)


def _materialized(face: Face) -> dict[str | None, dict[str, object]]:
    """The metadata of each fund's newest materialization."""
    records = face.instance.fetch_materializations(_NORMALIZED, limit=100).records
    made = [record.asset_materialization for record in reversed(records)]
    return {event.partition: {k: v.value for k, v in event.metadata.items()} for event in made if event}


def _observed(face: Face) -> dict[str | None, str]:
    """What the newest observation of each fund says is next."""
    records = face.instance.fetch_observations(_NORMALIZED, limit=100).records
    seen = [record.asset_observation for record in reversed(records)]
    return {event.partition: str(event.metadata["what next"].value) for event in seen if event}


def test_each_fund_appears_with_its_figures_and_who_did_it(face: Face, application: Application) -> None:
    application.add(COMPANIES, [(1, "Seed"), (2, "Series A"), (2, "seriesb"), (3, "seed")])
    plan = application.plan()

    _apply(face, application, plan.plan_id)

    made = _materialized(face)
    assert {fund: metadata["rows_updated"] for fund, metadata in made.items()} == {"fund-1": 1, "fund-2": 2}
    assert all(str(metadata["by"]).startswith("the command line") for metadata in made.values())
    assert face.funds == ["fund-1", "fund-2"]
    assert face.verdict("nothing_waits").passed
    (planned,) = face.instance.fetch_materializations(dg.AssetKey("batch_plan"), limit=5).records
    assert planned.asset_materialization is not None
    assert planned.asset_materialization.metadata["plan_id"].value == plan.plan_id


def test_a_fund_that_failed_or_was_left_is_not_materialized_and_says_why(face: Face, application: Application) -> None:
    application.add(COMPANIES, [(1, "Seed"), (2, "Seed"), (3, "Seed"), (3, "Series A")])
    application.sql("ALTER TABLE portfoliocompanies ADD CHECK (fund_id <> 2 OR stage = 'Seed') NOT VALID")
    application.plan(batch_size=1)
    tally = FundTotals()
    application.apply(watch=tally, should_stop=lambda: len(list(tally.funds(PlanKind.NORMALIZE))) == 3)
    report_applied(face.instance, application.database, tally, None)

    assert list(_materialized(face)) == ["fund-1"]
    observed = _observed(face)
    assert "1 row(s) in 1 batch(es) were not changed" in observed["fund-2"]
    assert "1 rows wait" in observed["fund-3"]
    assert face.verdict("nothing_waits").metadata["funds_waiting"].value == 2


def test_a_rollback_stands_beside_what_was_materialized(face: Face, application: Application) -> None:
    application.add(COMPANIES, [(1, "Seed")])
    plan = application.plan()
    _apply(face, application, plan.plan_id)

    undoing = record_rollback(application.database, RollbackRequest(plan_id=plan.plan_id), created_by="me")
    _apply(face, application, undoing)

    assert "Rolled back: 1 rows" in _observed(face)["fund-1"]
    assert len(face.instance.fetch_materializations(dg.AssetKey("batch_plan"), limit=5).records) == 1


def test_a_verification_of_the_whole_is_the_report_and_one_of_a_part_leaves_its_verdicts(
    face: Face, application: Application
) -> None:
    application.add(COMPANIES, [(1, "Seed Round"), (2, "seed")])
    key = dg.AssetCheckKey(dg.AssetKey("verification_report"), "r2_canonical_stages")

    def canonical() -> list[bool]:
        history = face.instance.event_log_storage.get_asset_check_execution_history(key, limit=10)
        return [record.evaluation.passed for record in history if record.evaluation]

    report_verified(face.instance, application.verify(), 1, "abc", is_whole=True)
    assert canonical() == [False]
    report_verified(face.instance, application.verify(scope=FundScope.one("2")), 2, "def", is_whole=False)

    assert canonical() == [False]
    assert len(face.instance.fetch_materializations(key.asset_key, limit=10).records) == 1
    (part,) = face.instance.fetch_observations(key.asset_key, limit=10).records
    assert part.asset_observation is not None
    assert "fund-2" in str(part.asset_observation.metadata["of a part"].value)


def test_a_verification_told_leaves_no_files_of_an_older_one_on_the_page(face: Face, application: Application) -> None:
    application.add(COMPANIES, [(1, "seed")])
    made = materialized(face.run("verify_job"), "verification_report")[None]

    report_verified(face.instance, application.verify(), 2, "abc", is_whole=True)

    (told,) = face.instance.fetch_materializations(dg.AssetKey("verification_report"), limit=1).records
    assert told.asset_materialization is not None
    shown = told.asset_materialization.metadata
    # The page shows the newest value of each name.
    assert set(made) <= set(shown)
    assert "`stagenorm sign-off 2 --report report.json`" in str(shown["sign-off"].value)
    assert shown["report_json"].value == "none"


@pytest.fixture
def storage_url(database_url: str) -> Iterator[str]:
    """A second database on the same server, for Dagster."""
    url = sa.make_url(database_url)
    name = f"{url.database}_dagster"
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
        yield url.set(database=name).render_as_string(hide_password=False)
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


def test_the_command_tells_the_storage_that_is_named_in_whatever_form_of_url(
    application: Application, storage_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    application.add(COMPANIES, [(1, "Seed"), (None, "Seed")])
    monkeypatch.setenv("STAGENORM_DAGSTER_URL", storage_url)

    ran = stagenorm(
        "run", "--yes", "--sleep-ms", "0", url=application.url, environment={"STAGENORM_DAGSTER_URL": storage_url}
    )

    assert (ran.code, ran.err) == (0, ""), ran.all
    assert "Dagster does not show it" not in ran.out
    with configured_instance() as instance:
        assert instance.get_dynamic_partitions("funds") == ["fund-1", "no-fund"]
        assert instance.get_materialized_partitions(_NORMALIZED) == {"fund-1", "no-fund"}


def test_a_storage_that_cannot_be_had_is_a_warning_without_its_url_and_no_failure(application: Application) -> None:
    application.add(COMPANIES, [(1, "Seed")])

    ran = stagenorm(
        "run",
        "--yes",
        url=application.url,
        environment={"STAGENORM_DAGSTER_URL": "postgresql://me:S3CRET@127.0.0.1:1/dagster"},
    )

    assert ran.code == 0
    assert application.value("SELECT stage FROM portfoliocompanies") == "seed"
    assert "Dagster does not show it" in ran.all
    assert "S3CRET" not in ran.all
