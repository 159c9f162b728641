"""The modes of `batch_plan`: one fund, dry run, draft, rehearsal, opening a draft."""

import pytest

from stagenorm_pipeline.engine.approval.approval import set_rule
from stagenorm_pipeline_tests.support.application import COMPANIES, Application
from stagenorm_pipeline_tests.support.dagster_project import DagsterProject, failure_of, materialized


def test_run_logs_what_the_plan_recorded(project: DagsterProject, application: Application) -> None:
    application.add(COMPANIES, [(1, "Seed"), (2, "Seed"), (2, "SEED")])

    run_id = project.plan().run_id

    lines = [entry.user_message for entry in project.instance.all_logs(run_id)]
    assert "Recorded plan 1: 3 rows to update in 2 batches. Added 2 partitions." in lines


def test_draft_is_applied_only_after_opening(project: DagsterProject, application: Application) -> None:
    application.add(COMPANIES, [(1, "Seed")])

    drafted = materialized(project.plan(draft=True), "batch_plan")[None]
    before = materialized(project.normalize("fund-1"), "normalized_stages")["fund-1"]
    opened = materialized(project.plan(open_draft=int(drafted["plan_id"])), "batch_plan")[None]
    after = materialized(project.normalize("fund-1"), "normalized_stages")["fund-1"]

    assert "open_draft: 1" in drafted["what next"]
    assert drafted["how long"] == opened["how long"]
    assert "No time estimate yet: too few batches" in drafted["how long"]
    assert before["this run"] == "nothing to do"
    assert (opened["plan_id"], opened["rows_to_update"]) == ("1", 1)
    assert after["rows_updated"] == 1


def test_opening_command_line_draft_adds_partitions(project: DagsterProject, application: Application) -> None:
    application.add(COMPANIES, [(1, "Seed"), (None, "Seed")])
    application.plan(as_draft=True)

    project.plan(open_draft=1)

    assert project.funds == ["fund-1", "no-fund"]
    assert project.verdict("no_batch_failed").metadata["funds_waiting"].value == 2


def test_rehearsal_lists_refused_rows_and_changes_nothing(project: DagsterProject, application: Application) -> None:
    application.add(COMPANIES, [(1, "Seed"), (2, "Series A")])
    application.sql(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no a here'; END $$;"
        "CREATE TRIGGER refuse BEFORE UPDATE ON portfoliocompanies "
        "FOR EACH ROW WHEN (NEW.stage = 'series-a') EXECUTE FUNCTION refuse()"
    )
    before = application.stages(COMPANIES)

    rehearsed = materialized(project.plan(rehearse=True), "batch_plan")[None]

    assert application.stages(COMPANIES) == before
    assert (rehearsed["rehearsed_rows_updated"], rehearsed["rehearsed_rows_refused"]) == (1, 1)
    assert "would refuse 1 row." in rehearsed["rehearsal"]
    assert "fund-2" in rehearsed["rehearsal"]
    assert "no a here" in rehearsed["rehearsal"]
    assert "is a draft" in rehearsed["what next"]


def test_rehearsal_without_refused_rows_says_so(project: DagsterProject, application: Application) -> None:
    application.add(COMPANIES, [(1, "Seed")])

    assert "accepted 1 batch" in materialized(project.plan(rehearse=True), "batch_plan")[None]["rehearsal"]


def test_plan_covers_one_fund_if_asked(project: DagsterProject, application: Application) -> None:
    application.add(COMPANIES, [(1, "Seed"), (2, "Seed"), (None, "Seed")])

    one = materialized(project.plan(fund="fund-2"), "batch_plan")[None]
    by_id = materialized(project.plan(fund="2"), "batch_plan")[None]
    without = materialized(project.plan(fund="no-fund"), "batch_plan")[None]

    assert (one["rows_to_update"], one["rows_seen"]) == (by_id["rows_to_update"], by_id["rows_seen"]) == (1, 1)
    assert without["rows_to_update"] == 1


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"fund": "2"}, "The fund '2' is neither in"),
        ({"fund": "fund-2"}, "The fund 'fund-2' is neither in"),
        ({"draft": True, "rehearse": True}, "rehearse and draft exclude each other"),
        ({"open_draft": 9}, "no plan 9"),
    ],
)
def test_invalid_plan_config_fails_with_reason(
    project: DagsterProject, application: Application, config: dict[str, object], words: str
) -> None:
    application.add(COMPANIES, [(1, "Seed")])

    assert words in failure_of(project.plan(**config))[0]
    assert application.value("SELECT count(*) FROM stage_migration_plans") == 0


def test_sleep_out_of_bounds_fails_with_value(project: DagsterProject, application: Application) -> None:
    application.add(COMPANIES, [(1, "Seed")])
    project.plan()

    assert "sleep_ms is -2" in failure_of(project.normalize("fund-1", sleep_ms=-2))[0]


def test_plan_that_needs_approval_stays_draft_and_fails_run(project: DagsterProject, application: Application) -> None:
    application.add(COMPANIES, [(1, "Seed")])
    set_rule(application.database, required=True)

    failed = failure_of(project.plan())

    assert "stagenorm approve 1" in str(failed)
    assert application.column("SELECT status FROM stage_migration_plans") == ["draft"]
    assert "stagenorm approve 1" in str(failure_of(project.plan(open_draft=1)))
    application.sql("UPDATE stage_migration_plans SET status = 'open', opened_at = now()")
    assert "waits for its approval" in str(failure_of(project.run("normalize_all_job")))
    assert application.stages(COMPANIES) == {1: "Seed"}
