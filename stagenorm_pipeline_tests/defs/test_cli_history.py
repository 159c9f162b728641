"""Reports of the command line to a Dagster instance."""

import dagster as dg
import pytest

from stagenorm_pipeline.defs.assets.asset_names import BATCH_PLAN, NORMALIZED_STAGES, VERIFICATION_REPORT
from stagenorm_pipeline.defs.cli_history import configured_instance, report_applied, report_verified
from stagenorm_pipeline.engine.apply.fund_totals import FundTotals
from stagenorm_pipeline.engine.plan.batch_types import PlanKind
from stagenorm_pipeline.engine.rollback.rollback import RollbackRequest, record_rollback
from stagenorm_pipeline.service.context import open_context
from stagenorm_pipeline.service.selecting import select
from stagenorm_pipeline.service.verifying import verify
from stagenorm_pipeline_tests.support.application import COMPANIES, Application
from stagenorm_pipeline_tests.support.command_line import stagenorm
from stagenorm_pipeline_tests.support.dagster_project import DagsterProject, materialized


def _apply(project: DagsterProject, application: Application, plan_id: int | None) -> None:
    totals = FundTotals()
    application.apply(plan_id=plan_id, watch=totals)
    report_applied(project.instance, open_context(interface="cli"), totals, plan_id=plan_id)


def _materialized(project: DagsterProject) -> dict[str | None, dict[str, object]]:
    """The metadata of each fund's newest materialization."""
    records = project.instance.fetch_materializations(NORMALIZED_STAGES, limit=100).records
    made = [record.asset_materialization for record in reversed(records)]
    return {event.partition: {k: v.value for k, v in event.metadata.items()} for event in made if event}


def _observed(project: DagsterProject) -> dict[str | None, str]:
    """The entry `what next` of each fund's newest observation."""
    records = project.instance.fetch_observations(NORMALIZED_STAGES, limit=100).records
    seen = [record.asset_observation for record in reversed(records)]
    return {event.partition: str(event.metadata["what next"].value) for event in seen if event}


def test_each_applied_fund_is_materialized_with_user(project: DagsterProject, application: Application) -> None:
    application.add(COMPANIES, [(1, "Seed"), (2, "Series A"), (2, "seriesb"), (3, "seed")])
    plan = application.plan()

    _apply(project, application, plan.plan_id)

    made = _materialized(project)
    assert {fund: metadata["rows_updated"] for fund, metadata in made.items()} == {"fund-1": 1, "fund-2": 2}
    assert all(str(metadata["by"]).startswith("the command line") for metadata in made.values())
    assert project.funds == ["fund-1", "fund-2"]
    assert project.verdict("nothing_waits").passed
    (planned,) = project.instance.fetch_materializations(BATCH_PLAN, limit=5).records
    assert planned.asset_materialization is not None
    assert planned.asset_materialization.metadata["plan_id"].value == plan.plan_id


def test_failed_or_stopped_fund_is_observed_with_reason(project: DagsterProject, application: Application) -> None:
    application.add(COMPANIES, [(1, "Seed"), (2, "Seed"), (3, "Seed"), (3, "Series A")])
    application.sql("ALTER TABLE portfoliocompanies ADD CHECK (fund_id <> 2 OR stage = 'Seed') NOT VALID")
    application.plan(batch_size=1)
    totals = FundTotals()
    application.apply(watch=totals, should_stop=lambda: len(list(totals.funds(PlanKind.NORMALIZE))) == 3)
    report_applied(project.instance, open_context(interface="cli"), totals, plan_id=None)

    assert list(_materialized(project)) == ["fund-1"]
    observed = _observed(project)
    assert "1 row in 1 batch could not be changed" in observed["fund-2"]
    assert "1 row left to update" in observed["fund-3"]
    assert project.verdict("nothing_waits").metadata["funds_waiting"].value == 2


def test_rolled_back_fund_is_observed(project: DagsterProject, application: Application) -> None:
    application.add(COMPANIES, [(1, "Seed")])
    plan = application.plan()
    _apply(project, application, plan.plan_id)

    undoing = record_rollback(application.database, RollbackRequest(plan_id=plan.plan_id), created_by="me")
    _apply(project, application, undoing)

    assert "Rolled back: 1 row restored" in _observed(project)["fund-1"]
    assert len(project.instance.fetch_materializations(BATCH_PLAN, limit=5).records) == 1


def test_partial_verification_leaves_check_verdicts(project: DagsterProject, application: Application) -> None:
    application.add(COMPANIES, [(1, "Seed Round"), (2, "seed")])
    key = dg.AssetCheckKey(VERIFICATION_REPORT, "r2_canonical_stages")

    def canonical() -> list[bool]:
        history = project.instance.event_log_storage.get_asset_check_execution_history(key, limit=10)
        return [record.evaluation.passed for record in history if record.evaluation]

    service = open_context(interface="cli")
    report_verified(project.instance, verify(service, selection=select(service)), is_whole=True)
    assert canonical() == [False]
    report_verified(project.instance, verify(service, selection=select(service, fund="2")), is_whole=False)

    assert canonical() == [False]
    assert len(project.instance.fetch_materializations(key.asset_key, limit=10).records) == 1
    (part,) = project.instance.fetch_observations(key.asset_key, limit=10).records
    assert part.asset_observation is not None
    assert "fund-2" in str(part.asset_observation.metadata["of a part"].value)


def test_reported_verification_replaces_older_file_entries(project: DagsterProject, application: Application) -> None:
    application.add(COMPANIES, [(1, "seed")])
    made = materialized(project.run("verify_job"), "verification_report")[None]

    service = open_context(interface="cli")
    report_verified(project.instance, verify(service, selection=select(service)), is_whole=True)

    (reported,) = project.instance.fetch_materializations(VERIFICATION_REPORT, limit=1).records
    assert reported.asset_materialization is not None
    shown = reported.asset_materialization.metadata
    # The page shows the newest value of each name.
    assert set(made) <= set(shown)
    assert "`stagenorm sign-off 2 --report report.json`" in str(shown["sign-off"].value)
    assert shown["report_json"].value == "none"


def test_run_command_reports_to_storage_at_any_url_form(
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
        assert instance.get_dynamic_partitions("stagenorm_funds") == ["fund-1", "no-fund"]
        assert instance.get_materialized_partitions(NORMALIZED_STAGES) == {"fund-1", "no-fund"}


def test_unreachable_storage_is_warning_without_url(application: Application) -> None:
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
