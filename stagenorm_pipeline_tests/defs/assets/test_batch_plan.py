"""The ways in which a plan is made: for one fund, as a draft, rehearsed, opened later."""

import pytest

from stagenorm_pipeline_tests.support.application import COMPANIES, Application
from stagenorm_pipeline_tests.support.dagster_project import Face, failure_of, materialized


def test_the_run_of_a_plan_says_what_was_recorded(face: Face, application: Application) -> None:
    application.add(COMPANIES, [(1, "Seed"), (2, "Seed"), (2, "SEED")])

    run_id = face.plan().run_id

    lines = [entry.user_message for entry in face.instance.all_logs(run_id)]
    assert "Recorded plan 1: 3 rows to update in 2 batches; added 2 fund partition(s)" in lines


def test_a_draft_runs_only_after_it_was_opened(face: Face, application: Application) -> None:
    application.add(COMPANIES, [(1, "Seed")])

    drafted = materialized(face.plan(draft=True), "batch_plan")[None]
    before = materialized(face.normalize("fund-1"), "normalized_stages")["fund-1"]
    opened = materialized(face.plan(open_draft=drafted["plan_id"]), "batch_plan")[None]
    after = materialized(face.normalize("fund-1"), "normalized_stages")["fund-1"]

    assert "open_draft: 1" in drafted["what next"]
    assert before["batches"] == 0
    assert (opened["plan_id"], opened["rows_to_update"]) == (1, 1)
    assert after["rows_updated"] == 1


def test_opening_a_draft_of_the_command_line_makes_its_partitions(face: Face, application: Application) -> None:
    application.add(COMPANIES, [(1, "Seed"), (None, "Seed")])
    application.plan(as_draft=True)

    face.plan(open_draft=1)

    assert face.funds == ["fund-1", "no-fund"]
    assert face.verdict("nothing_waits").metadata["funds_waiting"].value == 2


def test_a_rehearsal_says_what_would_be_refused_and_changes_nothing(face: Face, application: Application) -> None:
    application.add(COMPANIES, [(1, "Seed"), (2, "Series A")])
    application.sql(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no a here'; END $$;"
        "CREATE TRIGGER refuse BEFORE UPDATE ON portfoliocompanies "
        "FOR EACH ROW WHEN (NEW.stage = 'series-a') EXECUTE FUNCTION refuse()"
    )
    before = application.stages(COMPANIES)

    rehearsed = materialized(face.plan(rehearse=True), "batch_plan")[None]

    assert application.stages(COMPANIES) == before
    assert (rehearsed["rehearsed_rows_updated"], rehearsed["rehearsed_rows_refused"]) == (1, 1)
    assert "1 rows would be refused" in rehearsed["rehearsal"]
    assert "fund-2" in rehearsed["rehearsal"]
    assert "no a here" in rehearsed["rehearsal"]
    assert "is a draft" in rehearsed["what next"]


def test_a_rehearsal_without_refusals_says_so(face: Face, application: Application) -> None:
    application.add(COMPANIES, [(1, "Seed")])

    assert "went through" in materialized(face.plan(rehearse=True), "batch_plan")[None]["rehearsal"]


def test_a_plan_can_be_of_one_fund(face: Face, application: Application) -> None:
    application.add(COMPANIES, [(1, "Seed"), (2, "Seed"), (None, "Seed")])

    one = materialized(face.plan(fund="fund-2"), "batch_plan")[None]
    by_id = materialized(face.plan(fund="2"), "batch_plan")[None]
    without = materialized(face.plan(fund="no-fund", dry_run=True), "batch_plan")[None]

    assert (one["rows_to_update"], one["rows_seen"]) == (by_id["rows_to_update"], by_id["rows_seen"]) == (1, 1)
    assert without["rows_to_update"] == 1


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"fund": "2"}, "The fund '2' is neither in"),
        ({"fund": "fund-2"}, "The fund 'fund-2' is neither in"),
        ({"dry_run": True, "rehearse": True}, "dry_run and rehearse exclude each other"),
        ({"open_draft": 9}, "no plan 9"),
    ],
)
def test_what_cannot_be_asked_for_is_named(
    face: Face, application: Application, config: dict[str, object], words: str
) -> None:
    application.add(COMPANIES, [(1, "Seed")])

    assert words in failure_of(face.plan(**config))[0]
    assert application.value("SELECT count(*) FROM stage_migration_plans") == 0


def test_a_rest_out_of_bounds_is_named(face: Face, application: Application) -> None:
    application.add(COMPANIES, [(1, "Seed")])
    face.plan()

    assert "-2 ms" in failure_of(face.normalize("fund-1", sleep_ms=-2))[0]
