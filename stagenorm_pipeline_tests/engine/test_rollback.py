"""Undo: what stagenorm wrote goes back to the byte, what somebody else wrote since stays."""

from datetime import datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stagenorm_pipeline.engine.apply import ApplyResult
from stagenorm_pipeline.engine.errors import ConfigurationError, PlanError
from stagenorm_pipeline.engine.events import BatchCompleted, Event
from stagenorm_pipeline.engine.funds import FundScope
from stagenorm_pipeline.engine.rollback import RollbackRequest, preview_rollback, record_rollback
from stagenorm_pipeline.engine.verification.result import Outcome, Rule
from stagenorm_pipeline_tests.engine.application import COMPANIES, DEALS, Application

_MESSY = ["Seed", " seed", "SEED\t", "Series A", "seriesа", "pre_seed", "SERIES\u00a0C+", "series−b"]
_OTHER = ["seed", "series-c+", "Seed Round", "', DROP TABLE x; --", "%s {} \\", "\u202eseed"]


def _roll_back(application: Application, **asked: Any) -> ApplyResult:
    plan = record_rollback(application.database, RollbackRequest(**asked), created_by="operator")
    return application.apply(plan_id=plan)


def _apply_one_batch(application: Application, plan_id: int | None) -> ApplyResult:
    """Apply until the first batch is done."""
    done: list[Event] = []

    def watch(event: Event) -> None:
        if isinstance(event, BatchCompleted):
            done.append(event)

    return application.apply(plan_id=plan_id, watch=watch, should_stop=lambda: bool(done))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    companies=st.lists(st.tuples(st.sampled_from([1, 2, None]), st.sampled_from(_MESSY + _OTHER)), max_size=30),
    deals=st.lists(st.tuples(st.sampled_from([1, None]), st.sampled_from([*_MESSY, *_OTHER, None])), max_size=15),
    batch_size=st.integers(1, 7),
)
def test_apply_then_rollback_restores_every_byte(
    application: Application,
    companies: list[tuple[int | None, str | None]],
    deals: list[tuple[int | None, str | None]],
    batch_size: int,
) -> None:
    application.sql("TRUNCATE portfoliocompanies, deal_opportunities")
    application.add(COMPANIES, companies)
    application.add(DEALS, deals)
    before = (application.stages(COMPANIES), application.stages(DEALS))
    plan = application.run(batch_size=batch_size)
    changed = plan.counts.rows_to_change

    result = _roll_back(application, plan_id=plan.plan_id, batch_size=batch_size)

    assert (application.stages(COMPANIES), application.stages(DEALS)) == before
    assert result.rows.rows_updated == changed


def test_a_rollback_is_audited_and_leaves_batches_and_plan_rolled_back(application: Application) -> None:
    application.add(COMPANIES, [(1, "Seed"), (2, "Series A")])
    plan = application.run()
    _roll_back(application, plan_id=plan.plan_id)
    log = application.sql("SELECT action, stage_before, stage_after FROM stage_normalization_log ORDER BY id")
    assert sorted(log[2:]) == [("rollback", "seed", "Seed"), ("rollback", "series-a", "Series A")]
    assert application.column("SELECT status FROM stage_migration_plans ORDER BY plan_id") == [
        "rolled_back",
        "completed",
    ]
    assert set(application.column("SELECT status FROM stage_migration_batches WHERE plan_id = 1")) == {"rolled_back"}


def test_what_users_did_since_is_listed_and_left(application: Application) -> None:
    ids = application.add(DEALS, [(1, "Seed")] * 5)
    plan = application.run()
    application.sql("UPDATE deal_opportunities SET stage = 'series-b' WHERE id = %s", ids[1])
    application.sql("UPDATE deal_opportunities SET stage = NULL WHERE id = %s", ids[2])
    application.sql("DELETE FROM deal_opportunities WHERE id = %s", ids[3])

    preview = preview_rollback(application.database, RollbackRequest(plan_id=plan.plan_id))
    assert preview.counts == {"restorable": 2, "changed": 1, "null": 1, "gone": 1}
    assert {row.row_id: row.state for row in preview.examples if row.state != "restorable"} == {
        str(ids[1]): "changed",
        str(ids[2]): "null",
        str(ids[3]): "gone",
    }
    _roll_back(application, plan_id=plan.plan_id)
    assert application.stages(DEALS) == {ids[0]: "Seed", ids[1]: "series-b", ids[2]: None, ids[4]: "Seed"}


def test_a_row_that_a_later_plan_changed_is_left_by_the_rollback_of_the_earlier(application: Application) -> None:
    ids = application.add(COMPANIES, [(1, "Seed"), (1, "Seed")])
    first = application.run()
    application.sql("UPDATE portfoliocompanies SET stage = 'Series A' WHERE id = %s", ids[0])
    application.run()

    preview = preview_rollback(application.database, RollbackRequest(plan_id=first.plan_id))
    assert preview.counts == {"restorable": 1, "later": 1}
    _roll_back(application, plan_id=first.plan_id)
    assert application.stages(COMPANIES) == {ids[0]: "series-a", ids[1]: "Seed"}


def test_a_row_changed_by_several_plans_goes_back_to_where_it_stood_before_the_scope(application: Application) -> None:
    start: datetime = application.value("SELECT clock_timestamp()")
    (row,) = application.add(COMPANIES, [(1, "Seed")])
    application.run()
    application.sql("UPDATE portfoliocompanies SET stage = 'Series A'")
    application.run()
    application.sql("UPDATE portfoliocompanies SET stage = 'pre seed'")
    application.run()
    _roll_back(application, since=start)
    assert application.stages(COMPANIES) == {row: "Seed"}


def test_a_rollback_of_one_fund_one_table_or_one_batch_touches_nothing_else(application: Application) -> None:
    companies = application.add(COMPANIES, [(1, "Seed"), (2, "Seed"), (None, "Seed")])
    deals = application.add(DEALS, [(1, "Seed")])
    plan = application.run()
    _roll_back(application, plan_id=plan.plan_id, scope=FundScope.one(None))
    assert list(application.stages(COMPANIES).values()) == ["seed", "seed", "Seed"]
    targets = tuple(target for target in application.request().targets if target.table == DEALS)
    _roll_back(application, plan_id=plan.plan_id, targets=targets)
    assert application.stages(DEALS) == {deals[0]: "Seed"}
    batch = application.value(
        "SELECT batch_id FROM stage_migration_batches WHERE plan_id = %s AND fund_id = '2'", plan.plan_id
    )
    _roll_back(application, batch_id=batch)
    assert application.stages(COMPANIES) == {companies[0]: "seed", companies[1]: "Seed", companies[2]: "Seed"}
    assert application.value("SELECT status FROM stage_migration_plans WHERE plan_id = %s", plan.plan_id) == "completed"


def test_a_rollback_that_was_stopped_goes_on_where_it_was(application: Application) -> None:
    application.add(COMPANIES, [(1, "Seed")] * 10)
    plan = application.run()
    recorded = record_rollback(
        application.database, RollbackRequest(plan_id=plan.plan_id, batch_size=3), created_by="operator"
    )
    stopped = _apply_one_batch(application, recorded)
    assert stopped.stopped
    assert stopped.rows.rows_updated == 3
    rest = application.apply(plan_id=recorded)
    assert rest.rows.rows_updated == 7
    assert set(application.stages(COMPANIES).values()) == {"Seed"}


def test_after_a_rollback_a_new_plan_normalizes_again_and_verifies(application: Application) -> None:
    application.add(COMPANIES, [(1, "Seed"), (2, "Series A")])
    plan = application.run()
    _roll_back(application, plan_id=plan.plan_id)
    application.run()
    assert set(application.stages(COMPANIES).values()) == {"seed", "series-a"}
    assert {check.rule: check.outcome for check in application.verify().checks} == dict.fromkeys(Rule, Outcome.PASSED)


def test_a_rollback_cancels_what_its_plan_still_had_to_do(application: Application) -> None:
    application.add(COMPANIES, [(1, "Seed")] * 4)
    plan = application.plan(batch_size=1)
    _apply_one_batch(application, plan.plan_id)
    _roll_back(application, plan_id=plan.plan_id)
    assert set(application.stages(COMPANIES).values()) == {"Seed"}
    application.apply()
    assert set(application.stages(COMPANIES).values()) == {"Seed"}, "nothing of the plan may run any more"
    assert application.value("SELECT status FROM stage_migration_plans WHERE plan_id = 1") == "rolled_back"


def test_a_second_rollback_finds_nothing_left(application: Application) -> None:
    application.add(COMPANIES, [(1, "Seed")])
    plan = application.run()
    _roll_back(application, plan_id=plan.plan_id)
    assert preview_rollback(application.database, RollbackRequest(plan_id=plan.plan_id)).restorable == 0


def test_a_rollback_without_a_scope_or_of_no_plan_is_refused(application: Application) -> None:
    with pytest.raises(ConfigurationError, match="what to undo"):
        RollbackRequest()
    with pytest.raises(PlanError, match="no plan 7"):
        preview_rollback(application.database, RollbackRequest(plan_id=7))
