"""Test `stagenorm plans`: the list, one plan, JSON and CSV; and which plans a run supersedes."""

import csv
import json

from stagenorm_pipeline_tests.support.application import COMPANIES, DEALS, Application
from stagenorm_pipeline_tests.support.command_line import stagenorm_here


def test_plans_lists_newest_first_and_shows_one_in_full(application: Application) -> None:
    assert "No plan has been recorded yet." in stagenorm_here("plans", url=application.url).out
    application.add(COMPANIES, [(1, "Seed"), (1, "Series A"), (2, "Seed"), (None, "seed")])
    application.add(DEALS, [(2, "=Series  B"), (2, "SERIES B")])
    application.run(batch_size=1)
    application.add(COMPANIES, [(3, "Series C")])
    application.plan(as_draft=True)

    heading, newest, oldest = stagenorm_here("plans", url=application.url).out.splitlines()[:3]
    assert heading.split() == ["Plan", "Kind", "Status", "Made", "at", "(UTC)", "Funds", "Rows", "Done", "Left"]
    assert newest.split()[:3] + newest.split()[-5:] == ["2", "normalize", "draft", "all", "1", "0%", "1", "batch"]
    assert oldest.split()[:3] + oldest.split()[-4:] == ["1", "normalize", "completed", "4", "100%", "0", "batches"]

    shown = stagenorm_here("plans", "1", url=application.url).out
    for words in ("Rows to change:     4", "portfoliocompanies", '"Series A"', "fund-2", "BATCHES:"):
        assert words in shown
    assert shown.splitlines()[-1].startswith("Next: stagenorm verify.")
    assert "stagenorm cancel --plan 2" in stagenorm_here("plans", "2", url=application.url).out

    missing = stagenorm_here("plans", "9", url=application.url)
    assert (missing.code, "There is no plan 9." in missing.err, missing.out) == (1, True, "")


def test_json_and_csv_of_plans_hold_every_batch_and_no_formula(application: Application) -> None:
    application.sql("ALTER TABLE portfoliocompanies ALTER fund_id TYPE text")
    application.sql("INSERT INTO portfoliocompanies (fund_id, stage) VALUES ('=1+1', 'Seed'), (E'\\x1b[2J', 'Seed')")
    application.run()

    record = json.loads(stagenorm_here("plans", "1", "--json", url=application.url).out)
    assert (record["kind"], record["plan"]["rows_updated"]) == ("plan_record", 2)
    assert {batch["fund_id"] for batch in record["batches"]} == {"=1+1", "\x1b[2J"}
    assert record["changes"] == [{"spelling": "Seed", "stage_after": "seed"}]
    listed = json.loads(stagenorm_here("plans", "--json", url=application.url).out)
    assert [plan["plan_id"] for plan in listed["plans"]] == [1]

    text = stagenorm_here("plans", "1", "--csv", url=application.url).out
    assert "\x1b" not in text
    rows = list(csv.DictReader(text.splitlines()))
    assert {row["fund_id"] for row in rows} == {"'=1+1", "\\x1b[2J"}
    assert [row["status"] for row in rows] == ["completed"] * 2
    (plan,) = csv.DictReader(stagenorm_here("plans", "--csv", url=application.url).out.splitlines())
    assert (plan["plan_id"], plan["rows_updated"]) == ("1", "2")
    assert stagenorm_here("plans", "--csv", "--json", url=application.url).code == 2


def test_dry_run_names_open_plans_of_the_same_funds_only(application: Application) -> None:
    application.add(COMPANIES, [(1, "Seed"), (2, "Seed")])
    application.plan(batch_size=1)
    assert "would supersede plan 1: 2 waiting batches" in stagenorm_here("dry-run", url=application.url).out
    one = stagenorm_here("dry-run", "--fund-id", "2", url=application.url).out
    assert "would supersede plan 1: 1 waiting batch of" in one
    document = json.loads(stagenorm_here("dry-run", "--json", url=application.url).out)
    assert document["supersedes"] == [{"plan_id": 1, "batches": 2}]
    assert "supersede" not in stagenorm_here("dry-run", "--table", DEALS, url=application.url).out


def test_resume_of_one_fund_says_what_waits_elsewhere(application: Application) -> None:
    application.add(COMPANIES, [(1, "Seed"), (2, "Seed"), (4, "seed")])
    application.plan(batch_size=1)
    for _ in range(2):
        resumed = stagenorm_here("resume", "--fund-id", "1", "--sleep-ms", "0", url=application.url).out
        assert "stagenorm verify" not in resumed
    assert "Nothing to do for fund-1: none of its batches waits. 1 other batch waits: stagenorm resume" in resumed
    everything = stagenorm_here("resume", "--sleep-ms", "0", url=application.url).out
    assert everything.splitlines()[-1] == "[INFO] Next: stagenorm verify"
    nothing = stagenorm_here("resume", url=application.url).out
    assert "Nothing to do: no open plan has a waiting batch." in nothing
