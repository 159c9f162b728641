"""A rehearsal executes the real batches and leaves nothing behind."""

import pytest

from stagenorm_pipeline.engine.apply.rehearsal import rehearse_plan
from stagenorm_pipeline.errors import PlanError
from stagenorm_pipeline_tests.support.application import COMPANIES, Application


def test_rehearsal_names_the_refused_rows_and_changes_nothing(application: Application) -> None:
    ids = application.add(COMPANIES, [(1, "Seed"), (1, "Seed"), (2, "Series A")])
    application.sql(f"ALTER TABLE portfoliocompanies ADD CHECK (id <> {ids[1]} OR stage <> 'seed')")
    plan = application.plan(as_draft=True)
    before = application.contents()

    result = rehearse_plan(application.database, plan.plan_id or 0, run_by="operator")

    assert application.contents() == before
    assert (result.batches, result.rows.rows_updated, result.rows.rows_failed) == (2, 2, 1)
    assert [refused.row_id for refused in result.refused] == [str(ids[1])]
    assert "violates check constraint" in result.refused[0].message


def test_rehearsal_checks_deferred_constraints(application: Application) -> None:
    (row,) = application.add(COMPANIES, [(1, "Seed")])
    application.sql(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'not this one'; END $$"
    )
    application.sql(
        "CREATE CONSTRAINT TRIGGER late AFTER UPDATE ON portfoliocompanies DEFERRABLE INITIALLY DEFERRED "
        "FOR EACH ROW EXECUTE FUNCTION refuse()"
    )
    plan = application.plan(as_draft=True)
    result = rehearse_plan(application.database, plan.plan_id or 0, run_by="operator")
    assert [(refused.row_id, refused.message) for refused in result.refused] == [(str(row), "not this one")]


def test_rehearsal_needs_a_draft_and_leaves_it_applicable(
    application: Application,
) -> None:
    """A plan can be applied after its rehearsal, but not rehearsed after it was opened."""
    application.add(COMPANIES, [(1, "Seed")])
    opened = application.plan()
    with pytest.raises(PlanError, match="needs a draft"):
        rehearse_plan(application.database, opened.plan_id or 0, run_by="operator")
