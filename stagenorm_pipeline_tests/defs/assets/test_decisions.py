"""Decisions in Dagster: shown with where their spellings are, and binding for a plan that was made before them."""

from pathlib import Path

from stagenorm_pipeline_tests.support.application import COMPANIES, Application
from stagenorm_pipeline_tests.support.dagster_project import Face, failure_of, materialized

FILE = Path("stage_decisions.yaml")
DECIDED = '- spelling: "growth"\n  stage: {}\n'


def test_a_plan_of_other_decisions_is_refused_and_the_failure_says_what_changed_and_what_to_do(
    face: Face, application: Application
) -> None:
    application.add(COMPANIES, [(1, "growth"), (2, "Seed")])
    FILE.write_text(DECIDED.format("seed"))
    assert face.plan().success
    FILE.write_text(DECIDED.format("series-a"))
    said, _ = failure_of(face.normalize_all())
    assert said.startswith("Plan 1 is not applied: the decisions have changed since it was reviewed")
    assert "`batch_plan` in Dagster" in said
    assert '"growth": seed -> series-a' in said
    assert application.value("SELECT count(*) FROM stage_normalization_log") == 0

    assert face.plan().success
    assert face.normalize_all().success
    assert set(application.stages(COMPANIES).values()) == {"series-a", "seed"}


def test_a_broken_decisions_file_is_a_failure_with_its_line(face: Face, application: Application) -> None:
    application.add(COMPANIES, [(1, "Seed")])
    assert face.plan().success
    FILE.write_text(DECIDED.format("sed"))
    said, _ = failure_of(face.normalize_all())
    assert "stage_decisions.yaml:2:" in said


def test_the_inventory_says_where_an_unknown_spelling_is(face: Face, application: Application) -> None:
    application.add(COMPANIES, [(1, "Seed"), (2, "growth"), (2, "growth"), (None, "growth")])
    inventory = materialized(face.run("plan_job", batch_plan={"dry_run": True}), "stage_inventory")[None]["inventory"]
    (line,) = [line for line in str(inventory).splitlines() if "growth" in line and "fund-2" in line]
    assert [cell.strip(" `") for cell in line.split("|")[1:6]] == ["3", '"growth"', "fund-2: 2, no-fund: 1", "2", "4"]
