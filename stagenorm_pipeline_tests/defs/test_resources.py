"""Who did it: what a Dagster run records as its starter in plans, batches and the audit log."""

from stagenorm_pipeline.engine.postgres.identity import user_name
from stagenorm_pipeline_tests.support.application import COMPANIES, Application
from stagenorm_pipeline_tests.support.dagster_project import DagsterProject

_WHO = """
SELECT (SELECT created_by FROM stage_migration_plans), (SELECT worker FROM stage_migration_batches),
       (SELECT run_by FROM stage_normalization_log)
"""


def test_run_and_tagged_person_are_in_plan_batch_and_log(project: DagsterProject, application: Application) -> None:
    application.add(COMPANIES, [(1, "Seed")])

    planned = project.run("plan_job", tags={"stagenorm/by": "ann@example.com"})
    applied = project.run("normalize_job", fund="fund-1", tags={"stagenorm/by": "bob@example.com"})

    ((made_by, runner, changed_by),) = application.sql(_WHO)
    assert made_by == f"ann@example.com, Dagster run {planned.run_id}"
    assert runner.endswith(f" Dagster run {applied.run_id} by bob@example.com")
    assert changed_by == f"bob@example.com, Dagster run {applied.run_id}"


def test_run_without_tag_records_the_process_user(project: DagsterProject, application: Application) -> None:
    planned = project.plan()

    made_by = application.value("SELECT created_by FROM stage_migration_plans")
    assert made_by == f"{user_name()}, Dagster run {planned.run_id}"
