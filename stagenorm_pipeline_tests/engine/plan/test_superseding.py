"""A newer plan cancels the waiting batches of older ones, so at most one open plan covers a target and fund."""

from typing import Any

import pytest

from stagenorm_pipeline.config.settings import TargetSetting
from stagenorm_pipeline.engine.plan.life_cycle import open_plan
from stagenorm_pipeline.engine.plan.plan import Plan
from stagenorm_pipeline.engine.targets.funds import FundScope
from stagenorm_pipeline.errors import PlanError
from stagenorm_pipeline_tests.support.application import COMPANIES, DEALS, Application


@pytest.fixture
def planned(application: Application) -> Application:
    """Two funds in two tables, two batches each, planned once."""
    for table in (COMPANIES, DEALS):
        application.add(table, [(1, "Seed"), (1, "Series A"), (2, "Seed"), (2, "Series A"), (None, "Seed")])
    application.plan(batch_size=1)
    return application


def statuses(application: Application, plan_id: int | None = 1) -> set[tuple[Any, ...]]:
    return set(
        application.sql("SELECT table_name, fund_id, status FROM stage_migration_batches WHERE plan_id = %s", plan_id)
    )


def plan_status(application: Application, plan_id: int | None = 1) -> str:
    return str(application.value("SELECT status FROM stage_migration_plans WHERE plan_id = %s", plan_id))


def number(plan: Plan) -> int:
    assert plan.plan_id is not None
    return plan.plan_id


EVERYWHERE = {(table, fund) for table in (COMPANIES, DEALS) for fund in ("1", "2", None)}


@pytest.mark.parametrize(
    ("scope", "targets", "cancelled"),
    [
        (FundScope(), (COMPANIES, DEALS), EVERYWHERE),
        (FundScope.one("1"), (COMPANIES, DEALS), {(COMPANIES, "1"), (DEALS, "1")}),
        (FundScope.one(None), (COMPANIES, DEALS), {(COMPANIES, None), (DEALS, None)}),
        (FundScope(), (DEALS,), {(DEALS, "1"), (DEALS, "2"), (DEALS, None)}),
        (FundScope.one("2"), (COMPANIES,), {(COMPANIES, "2")}),
        # The new plan is empty, but still supersedes its scope: no batch may be waiting that it did not see.
        (FundScope.one("3"), (COMPANIES,), set()),
    ],
)
def test_new_plan_cancels_waiting_batches_only_in_its_scope(
    planned: Application, scope: FundScope, targets: tuple[str, ...], cancelled: set[tuple[str, str | None]]
) -> None:
    planned.plan(scope=scope, targets=tuple(TargetSetting(table=table) for table in targets))
    expected = {(table, fund, "cancelled" if (table, fund) in cancelled else "pending") for table, fund in EVERYWHERE}
    assert statuses(planned) == expected
    assert plan_status(planned) == ("cancelled" if cancelled == EVERYWHERE else "open")


def test_superseded_plan_keeps_its_completed_batches(planned: Application) -> None:
    planned.apply(scope=FundScope.one("1"))
    planned.plan()
    assert statuses(planned) == {(t, f, "completed" if f == "1" else "cancelled") for t, f in EVERYWHERE}
    assert plan_status(planned) == "completed"


def test_superseded_batch_names_the_newer_plan_and_is_no_failure(planned: Application) -> None:
    plan = planned.plan()
    assert set(planned.column("SELECT error_message FROM stage_migration_batches WHERE plan_id = 1")) == {
        f"[superseded by plan {plan.plan_id}]"
    }
    assert planned.sql("SELECT * FROM stage_migration_failures") == []
    planned.apply()
    assert planned.verify().verdict == "passed"


def test_row_is_waiting_in_at_most_one_open_plan(planned: Application) -> None:
    planned.plan(scope=FundScope.one("1"))
    planned.plan(targets=(TargetSetting(table=DEALS),), batch_size=2)
    planned.plan(scope=FundScope.one(None))
    waiting = (
        "SELECT table_name, m, count(*) FROM stage_migration_batches "
        "JOIN stage_migration_batch_members USING (batch_id) CROSS JOIN unnest(row_numbers) m "
        "WHERE status = 'pending' GROUP BY 1, 2"
    )
    assert {count for _, _, count in planned.sql(waiting)} == {1}
    assert len(planned.sql(waiting)) == 10


def test_draft_supersedes_nothing_before_it_is_opened(planned: Application) -> None:
    draft = planned.plan(as_draft=True)
    assert draft.status == "draft"
    assert {status for _, _, status in statuses(planned)} == {"pending"}
    assert planned.apply(plan_id=draft.plan_id).batches == 0
    open_plan(planned.database, number(draft))
    assert {status for _, _, status in statuses(planned)} == {"cancelled"}
    assert planned.apply().batches == draft.total_batches
    assert plan_status(planned, draft.plan_id) == "completed"


def test_opening_an_open_plan_changes_nothing(planned: Application) -> None:
    before = planned.contents()
    open_plan(planned.database, 1)
    assert planned.contents() == before


def test_opening_an_empty_draft_completes_it(application: Application) -> None:
    draft = application.plan(as_draft=True)
    open_plan(application.database, number(draft))
    assert plan_status(application, draft.plan_id) == "completed"


@pytest.mark.parametrize("status", ["cancelled", "completed"])
def test_finished_plan_cannot_be_opened_again(planned: Application, status: str) -> None:
    if status == "completed":
        planned.apply()
    else:
        planned.plan()
    with pytest.raises(PlanError, match=f"Plan 1 is {status}"):
        open_plan(planned.database, 1)


def test_new_plan_takes_over_refused_rows_of_an_older_plan(
    application: Application,
) -> None:
    """Their quarantine entries are resolved."""
    application.sql(f"ALTER TABLE {COMPANIES} ADD CONSTRAINT no_seed CHECK (stage <> 'seed')")
    application.add(COMPANIES, [(1, "Seed"), (1, "Series A")])
    application.run()
    assert statuses(application) == {(COMPANIES, "1", "failed")}
    plan = application.plan()
    assert plan.counts.rows_to_change == 1
    assert application.column("SELECT resolution FROM stage_migration_quarantine") == ["superseded"]
    assert application.sql(
        "SELECT status, rows_updated, rows_failed FROM stage_migration_batches WHERE plan_id = 1"
    ) == [("cancelled", 1, 1)]
    application.sql(f"ALTER TABLE {COMPANIES} DROP CONSTRAINT no_seed")
    application.apply()
    assert set(application.stages(COMPANIES).values()) == {"seed", "series-a"}
    assert application.verify().verdict == "passed"
