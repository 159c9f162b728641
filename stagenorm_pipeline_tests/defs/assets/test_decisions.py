"""Decisions in Dagster: in the inventory, and in plans made before a decision changed."""

from pathlib import Path

from stagenorm_pipeline_tests.support.application import COMPANIES, Application
from stagenorm_pipeline_tests.support.dagster_project import DagsterProject, failure_of, materialized

FILE = Path("stage_decisions.yaml")
DECIDED = '- spelling: "growth"\n  stage: {}\n'


def test_plan_made_with_other_decisions_is_refused(project: DagsterProject, application: Application) -> None:
    application.add(COMPANIES, [(1, "growth"), (2, "Seed")])
    FILE.write_text(DECIDED.format("seed"))
    assert project.plan().success
    FILE.write_text(DECIDED.format("series-a"))
    message, _ = failure_of(project.normalize_all())
    assert message.startswith("Plan 1 is not applied: the vocabulary has changed since it was reviewed")
    assert "`batch_plan` in Dagster" in message
    assert '"growth": seed -> series-a' in message
    assert application.value("SELECT count(*) FROM stage_normalization_log") == 0

    assert project.plan().success
    assert project.normalize_all().success
    assert set(application.stages(COMPANIES).values()) == {"series-a", "seed"}


def test_broken_decisions_file_fails_apply_with_line(project: DagsterProject, application: Application) -> None:
    application.add(COMPANIES, [(1, "Seed")])
    assert project.plan().success
    FILE.write_text(DECIDED.format("sed"))
    message, _ = failure_of(project.normalize_all())
    assert "stage_decisions.yaml:2:" in message


def test_inventory_shows_funds_of_unknown_spelling(project: DagsterProject, application: Application) -> None:
    application.add(COMPANIES, [(1, "Seed"), (2, "growth"), (2, "growth"), (None, "growth")])
    inventory = materialized(project.plan(draft=True), "stage_inventory")[None]["inventory"]
    (line,) = [line for line in str(inventory).splitlines() if "growth" in line and "fund-2" in line]
    assert [cell.strip(" `") for cell in line.split("|")[1:6]] == ["3", '"growth"', "fund-2: 2, no-fund: 1", "2", "4"]
