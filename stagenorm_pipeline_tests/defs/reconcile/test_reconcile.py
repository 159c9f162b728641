"""Pages follow changes by the command line, by psql and by a run that was killed."""

from collections.abc import Iterator
from typing import Any

import dagster as dg
import pytest

from stagenorm_pipeline.defs.assets.asset_names import (
    BATCH_PLAN,
    NORMALIZED_STAGES,
    STAGE_INVENTORY,
    VERIFICATION_REPORT,
)
from stagenorm_pipeline.defs.dagster_internals import (
    newest_events,
    newest_materialization,
    newest_partition_verdicts,
    newest_verdicts,
)
from stagenorm_pipeline.defs.partitions import FUNDS
from stagenorm_pipeline.defs.reconcile.fund_events import FUND_CLEAN_KEY
from stagenorm_pipeline.defs.reconcile.plan_events import TOTALS_KEY
from stagenorm_pipeline.defs.reconcile.reconcile import Reconciled, reconcile
from stagenorm_pipeline.engine.rollback.rollback import RollbackRequest, record_rollback
from stagenorm_pipeline.engine.targets.funds import FundScope
from stagenorm_pipeline.service import verifying
from stagenorm_pipeline.service.context import ServiceContext, open_context
from stagenorm_pipeline.service.selecting import select
from stagenorm_pipeline_tests.support.application import COMPANIES, Application
from stagenorm_pipeline_tests.support.dagster_internals import (
    CachingStaleStatusResolver,
    LoadingContextForTest,
    StaleStatus,
)
from stagenorm_pipeline_tests.support.dagster_project import DagsterProject

_R2 = dg.AssetCheckKey(VERIFICATION_REPORT, "r2_canonical_stages")
_REFUSE_FUND_2 = "ALTER TABLE portfoliocompanies ADD CHECK (fund_id <> 2 OR stage = 'Seed') NOT VALID"


@pytest.fixture
def service(application: Application) -> Iterator[ServiceContext]:
    """The service as the command line opens it."""
    opened = open_context(interface="cli")
    yield opened
    opened.close()


class Pages:
    """What Dagster shows, after reconciling."""

    def __init__(self, project: DagsterProject, service: ServiceContext) -> None:
        self.instance = project.instance
        self.service = service

    def reconcile(self) -> Reconciled:
        return reconcile(self.instance, self.service)

    def states(self) -> dict[str, str]:
        return {key: shown["state"] for key, shown in self.funds().items()}

    def green(self) -> set[str]:
        """The green partitions. As the UI does, of the definition's keys only: the totals have one of their own."""
        return self.instance.get_materialized_partitions(NORMALIZED_STAGES) & set(
            self.instance.get_dynamic_partitions(FUNDS)
        )

    def funds(self) -> dict[str, dict[str, Any]]:
        """What the page of each fund shows: its newest event."""
        shown = newest_events(self.instance, NORMALIZED_STAGES)
        return {key: dict(event.metadata) for key, event in shown.items() if key != TOTALS_KEY}

    def clean(self) -> dict[str, bool]:
        verdicts = newest_partition_verdicts(self.instance, FUND_CLEAN_KEY)
        assert all(verdict.is_current for verdict in verdicts.values())
        return {key: verdict.passed for key, verdict in verdicts.items()}

    def verdict(self, fund: str) -> tuple[str, str]:
        """The severity and the first words of the fund's newest evaluation of `fund_clean`."""
        storage = self.instance.event_log_storage
        records = storage.get_asset_check_execution_history(FUND_CLEAN_KEY, limit=100)
        evaluation = next(record.evaluation for record in records if record.partition == fund)
        assert isinstance(evaluation, dg.AssetCheckEvaluation)
        return evaluation.severity.value, (evaluation.description or "").partition(".")[0]

    def overview(self, asset: dg.AssetKey) -> dict[str, Any]:
        """What the overview of an asset shows: its newest materialization, and no other event."""
        event = newest_materialization(self.instance, asset)
        return dict(event.metadata) if event else {}


def unsynced(project: DagsterProject) -> list[str]:
    """The nodes and funds that the graph marks as such."""
    graph = project.defs.resolve_asset_graph()
    resolver = CachingStaleStatusResolver(project.instance, graph, LoadingContextForTest(project.instance))
    nodes = [(BATCH_PLAN, None), (VERIFICATION_REPORT, None), *((NORMALIZED_STAGES, fund) for fund in project.funds)]
    return [f"{key}, {fund}" for key, fund in nodes if resolver.get_status(key, fund) is StaleStatus.STALE]


@pytest.fixture
def pages(project: DagsterProject, service: ServiceContext) -> Pages:
    return Pages(project, service)


def test_work_of_the_command_line_appears_once(pages: Pages, application: Application) -> None:
    application.add(COMPANIES, [(1, "Seed"), (2, "Seed"), (2, "Series A"), (None, "Seed")])
    application.sql(_REFUSE_FUND_2)
    planned = application.plan(batch_size=1)
    first = pages.reconcile()
    waiting = (pages.states(), pages.green(), pages.clean())
    application.apply(plan_id=planned.plan_id)
    pages.reconcile()

    assert first.funds == 3
    assert waiting == (
        {"fund-1": "waiting", "fund-2": "waiting", "no-fund": "waiting"},
        set(),
        {"fund-1": False, "fund-2": False, "no-fund": False},
    )
    assert pages.states() == {"fund-1": "done", "fund-2": "failed", "no-fund": "done"}
    assert pages.green() == {"fund-1", "no-fund"}
    assert pages.clean() == {"fund-1": True, "fund-2": False, "no-fund": True}
    shown = pages.overview(NORMALIZED_STAGES)
    assert (shown["funds_done"], shown["funds_waiting"], shown["funds_failed"]) == (2, 0, 1)
    assert shown["all funds"].startswith(
        "Plan 1 (open, with failed funds): 2 of 3 funds done, 1 failed. 2 rows updated"
    )
    assert pages.overview(BATCH_PLAN)["status"] == "open, with failed funds"
    assert pages.reconcile() == Reconciled()


def test_totals_change_no_page_of_a_fund(pages: Pages, project: DagsterProject, application: Application) -> None:
    """The totals were part of one fund's event: its page kept them when they were old, and lost what its run did."""
    application.add(COMPANIES, [(1, "Seed"), (2, "Seed")])
    project.plan_without_a_run(application)
    project.normalize("fund-1")
    project.normalize("fund-1")
    by_its_run = pages.funds()["fund-1"]
    application.apply()
    pages.reconcile()

    assert by_its_run["this run"] == "nothing to do"
    assert pages.funds()["fund-1"] == by_its_run
    assert not any("funds_done" in shown for shown in pages.funds().values())
    assert pages.overview(NORMALIZED_STAGES)["funds_done"] == 2
    assert pages.reconcile() == Reconciled()


def test_verdict_follows_each_reason_why_a_fund_is_unclean(pages: Pages, application: Application) -> None:
    """It was reported again only when it passed and had failed, or the other way round."""
    application.add(COMPANIES, [(1, "Seed"), (2, "Seed")])
    application.sql(_REFUSE_FUND_2)
    application.plan()
    pages.reconcile()
    waiting = pages.verdict("fund-2")
    application.apply(scope=FundScope.one("2"))
    pages.reconcile()
    failed = pages.verdict("fund-2")
    application.plan()
    pages.reconcile()

    assert waiting == ("WARN", "fund-2 is waiting")
    assert failed == ("ERROR", "fund-2 is failed")
    assert pages.verdict("fund-2") == waiting
    assert pages.reconcile() == Reconciled()


def test_second_plan_and_rollback_reach_every_page(pages: Pages, application: Application) -> None:
    application.add(COMPANIES, [(1, "Seed"), (2, "Seed")])
    first = application.run()
    pages.reconcile()
    done = pages.overview(BATCH_PLAN)["what next"]
    application.add(COMPANIES, [(1, "Series A")])
    second = application.plan()
    pages.reconcile()
    planned = (pages.states(), pages.green(), pages.clean(), pages.overview(NORMALIZED_STAGES)["funds_waiting"])
    application.apply(plan_id=second.plan_id)
    undoing = record_rollback(application.database, RollbackRequest(plan_id=first.plan_id), created_by="me")
    application.apply(plan_id=undoing)
    pages.reconcile()

    assert done == "Plan 1 is done: 2 rows updated. Materialize verification_report."
    # Nothing can turn a green partition red, so the check is the signal.
    assert planned == (
        {"fund-1": "waiting", "fund-2": "done"},
        {"fund-1", "fund-2"},
        {"fund-1": False, "fund-2": True},
        1,
    )
    assert pages.states() == {"fund-1": "rolled back", "fund-2": "rolled back"}
    assert pages.clean() == {"fund-1": False, "fund-2": False}
    for asset in (BATCH_PLAN, NORMALIZED_STAGES):
        assert pages.overview(asset)["what next"].startswith("Plan 3, a rollback, is done: 2 rows restored.")
    assert pages.reconcile() == Reconciled()


def test_batches_deleted_and_switch_set_in_psql_appear(pages: Pages, application: Application) -> None:
    application.add(COMPANIES, [(1, "Seed"), (2, "Seed")])
    application.plan()
    pages.reconcile()
    application.sql("DELETE FROM stage_migration_batches WHERE fund_id = '2'")
    application.sql("UPDATE stage_migration_control SET paused = true, reason = 'month\x1b end', changed_by = 'ann'")
    pages.reconcile()

    assert pages.states() == {"fund-1": "waiting", "fund-2": "no plan"}
    (paused,) = newest_verdicts(pages.instance, [dg.AssetCheckKey(BATCH_PLAN, "not_paused")]).values()
    assert not paused.passed
    assert "by ann: month" in (paused.description or "")
    assert "\x1b" not in (paused.description or "")


def test_verification_its_signature_and_its_age_appear(pages: Pages, application: Application) -> None:
    application.add(COMPANIES, [(1, "Seed"), (2, "seed")])
    application.run(batch_size=1)
    everything = select(pages.service)
    verifying.verify(pages.service, selection=everything)
    pages.reconcile()
    made = pages.overview(VERIFICATION_REPORT)
    application.sql("UPDATE stage_verifications SET signed_off_by = 'ann', signed_off_at = now()")
    pages.reconcile()
    signed = pages.overview(VERIFICATION_REPORT)
    application.add(COMPANIES, [(1, "Seed")])
    application.run()
    pages.reconcile()

    assert made["what next"].startswith("Ready to sign")
    assert signed["what next"].startswith("Signed by ann. Ready to sign")
    assert pages.overview(VERIFICATION_REPORT)["what next"].startswith("stagenorm has changed rows since this verif")
    assert newest_verdicts(pages.instance, [_R2])[_R2].passed
    assert pages.reconcile() == Reconciled()


def test_partial_verification_leaves_check_verdicts(pages: Pages, application: Application) -> None:
    application.add(COMPANIES, [(1, "Seed Round"), (2, "seed")])
    verifying.verify(pages.service, selection=select(pages.service))
    pages.reconcile()
    verifying.verify(pages.service, selection=select(pages.service, fund="2"))
    pages.reconcile()

    assert not newest_verdicts(pages.instance, [_R2])[_R2].passed
    assert pages.overview(VERIFICATION_REPORT)["verification_id"] == "1"
    (part,) = pages.instance.fetch_observations(VERIFICATION_REPORT, limit=10).records
    assert part.asset_observation is not None
    assert "fund-2" in str(part.asset_observation.metadata["of a part"].value)
    assert pages.reconcile() == Reconciled()


def test_nothing_is_unsynced_before_and_after_the_first_inventory(
    pages: Pages, project: DagsterProject, application: Application
) -> None:
    application.add(COMPANIES, [(1, "Seed"), (2, "Seed")])
    application.run()
    verifying.verify(pages.service, selection=select(pages.service))
    pages.reconcile()
    before = unsynced(project)
    every_asset = project.defs.resolve_implicit_global_asset_job_def()
    every_asset.execute_in_process(asset_selection=[STAGE_INVENTORY], instance=project.instance)

    assert (before, unsynced(project)) == ([], [])


def test_reconciling_after_a_run_reports_nothing(
    pages: Pages, project: DagsterProject, application: Application
) -> None:
    application.add(COMPANIES, [(1, "Seed"), (2, "Seed")])
    application.sql(_REFUSE_FUND_2)
    project.plan()
    after_plan = pages.reconcile()
    project.normalize_all()
    after_runs = pages.reconcile()
    project.run("verify_job")

    assert (after_plan, after_runs, pages.reconcile()) == (Reconciled(), Reconciled(), Reconciled())
    assert pages.states() == {"fund-1": "done", "fund-2": "failed"}
    assert pages.clean() == {"fund-1": True, "fund-2": False}


def test_sensor_skips_until_something_changes(pages: Pages, project: DagsterProject, application: Application) -> None:
    application.add(COMPANIES, [(1, "Seed")])
    application.plan()
    # Otherwise a runner might be at work on it.
    application.sql("UPDATE stage_migration_batches SET updated_at = now() - interval '1 minute'")

    first = project.sensor("reconcile_pages")
    second = project.sensor("reconcile_pages", cursor=first.cursor)
    application.sql("UPDATE stage_migration_batches SET updated_at = now()")
    application.sql("UPDATE stage_migration_control SET paused = true")
    third = project.sensor("reconcile_pages", cursor=first.cursor)

    assert first.skip_message == (
        "Reported what had changed: 1 fund, 3 check results and 2 events of plans and verifications."
    )
    assert second.skip_message == "Nothing has changed in PostgreSQL since the last tick."
    assert (third.skip_message or "").startswith("Reported what had changed: 0 funds, 1 check result and 0 events")
    assert pages.states() == {"fund-1": "waiting"}


def test_sensor_without_database_skips_with_reason(project: DagsterProject) -> None:
    assert "DATABASE_URL is not set" in str(project.sensor("reconcile_pages").skip_message)


def test_dry_run_is_an_observation(pages: Pages, project: DagsterProject, application: Application) -> None:
    application.add(COMPANIES, [(1, "Seed"), (2, "Seed")])
    before = application.contents()

    result = project.run("dry_run_job", dry_run={"batch_size": 1, "fund": "fund-1"})

    assert result.success
    assert application.contents() == before
    (record,) = project.instance.fetch_observations(BATCH_PLAN, limit=10).records
    assert record.asset_observation is not None
    shown = {name: value.value for name, value in record.asset_observation.metadata.items()}
    assert (shown["rows_to_update"], shown["batches"]) == (1, 1)
    assert "nothing was recorded" in str(shown["what next"])
    assert pages.overview(BATCH_PLAN) == {}
    lines = [entry.user_message for entry in project.instance.all_logs(result.run_id)]
    assert f"Next: {shown['what next']}" in lines
