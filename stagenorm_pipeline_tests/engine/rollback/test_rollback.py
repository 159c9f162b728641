"""Undo: what stagenorm wrote goes back to the byte, what somebody else wrote since stays."""

from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stagenorm_pipeline.config.configuration import TargetSetting
from stagenorm_pipeline.engine.apply.events import BatchCompleted, Event, Paused
from stagenorm_pipeline.engine.apply.pause import set_paused
from stagenorm_pipeline.engine.apply.runner import ApplyResult
from stagenorm_pipeline.engine.plan.life_cycle import cancel_plan, open_draft
from stagenorm_pipeline.engine.postgres.failpoints import Failpoint, listen
from stagenorm_pipeline.engine.rollback.rollback import RollbackRequest, preview_rollback, record_rollback, rows_left
from stagenorm_pipeline.engine.targets.funds import FundScope
from stagenorm_pipeline.engine.verify.result import Outcome, Rule
from stagenorm_pipeline.errors import PlanError
from stagenorm_pipeline_tests.support.application import COMPANIES, DEALS, Application
from stagenorm_pipeline_tests.support.examples import on_database

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


def _statuses(application: Application, plan_id: int | None) -> tuple[str, list[str]]:
    """What the plan says, and its batches in order."""
    plan: str = application.value("SELECT status FROM stage_migration_plans WHERE plan_id = %s", plan_id)
    batches = "SELECT status FROM stage_migration_batches WHERE plan_id = %s ORDER BY batch_number"
    return plan, application.column(batches, plan_id)


@on_database(4)
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


def test_rollback_is_audited_and_marks_batches_and_plan(application: Application) -> None:
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


def test_rows_changed_by_users_are_listed_and_left(application: Application) -> None:
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


def test_rollback_leaves_rows_of_a_later_plan(application: Application) -> None:
    ids = application.add(COMPANIES, [(1, "Seed"), (1, "Seed")])
    first = application.run()
    application.sql("UPDATE portfoliocompanies SET stage = 'Series A' WHERE id = %s", ids[0])
    application.run()

    preview = preview_rollback(application.database, RollbackRequest(plan_id=first.plan_id))
    assert preview.counts == {"restorable": 1, "later": 1}
    _roll_back(application, plan_id=first.plan_id)
    assert application.stages(COMPANIES) == {ids[0]: "series-a", ids[1]: "Seed"}


def test_row_written_by_users_between_plans_goes_back_to_their_last_write(application: Application) -> None:
    start: datetime = application.value("SELECT clock_timestamp()")
    (row,) = application.add(COMPANIES, [(1, "Seed")])
    application.run()
    application.sql("UPDATE portfoliocompanies SET stage = 'Series A'")
    application.run()
    application.sql("UPDATE portfoliocompanies SET stage = 'pre seed'")
    application.run()
    _roll_back(application, since=start)
    assert application.stages(COMPANIES) == {row: "pre seed"}


def test_partial_rollback_changes_only_its_scope(application: Application) -> None:
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


def test_stopped_rollback_resumes(application: Application) -> None:
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


def test_rollback_cancels_open_batches_of_its_plan(application: Application) -> None:
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


def test_left_rows_are_listed_with_the_later_plan(application: Application) -> None:
    ids = application.add(COMPANIES, [(1, "Seed")] * 3)
    first = application.run()
    application.sql("UPDATE portfoliocompanies SET stage = 'Series A' WHERE id = %s", ids[0])
    application.run()
    application.sql("UPDATE portfoliocompanies SET stage = 'Growth' WHERE id = %s", ids[1])
    request = RollbackRequest(plan_id=first.plan_id)
    left = list(rows_left(application.database, request))
    assert [(row.row_id, row.state, row.now, row.restore, row.later_plan) for row in left] == [
        (str(ids[1]), "changed", "Growth", "Seed", None),
        (str(ids[0]), "later", "series-a", "Seed", 2),
    ]
    _roll_back(application, plan_id=first.plan_id)
    assert preview_rollback(application.database, request).counts == {"undone": 1, "changed": 1, "later": 1}


def test_moved_row_is_rolled_back_with_its_planned_fund(
    application: Application,
) -> None:
    (row,) = application.add(COMPANIES, [(1, "Seed")])
    application.run()
    application.sql("UPDATE portfoliocompanies SET fund_id = 2")
    preview = preview_rollback(application.database, RollbackRequest(scope=FundScope.one("2")))
    assert preview.counts == {}
    _roll_back(application, scope=FundScope.one("1"))
    assert application.stages(COMPANIES) == {row: "Seed"}


def test_cancelled_rollback_leaves_the_plan_in_force(
    application: Application,
) -> None:
    application.add(COMPANIES, [(1, "Seed")] * 10)
    plan = application.run(batch_size=5)
    request = RollbackRequest(plan_id=plan.plan_id, batch_size=3)
    recorded = record_rollback(application.database, request, created_by="operator")
    _apply_one_batch(application, recorded)
    cancel_plan(application.database, recorded)
    assert _statuses(application, plan.plan_id) == ("completed", ["completed", "completed"])

    assert preview_rollback(application.database, request).counts == {"undone": 3, "restorable": 7}
    _roll_back(application, plan_id=plan.plan_id)
    assert set(application.stages(COMPANIES).values()) == {"Seed"}
    assert _statuses(application, plan.plan_id) == ("rolled_back", ["rolled_back", "rolled_back"])


def test_partial_rollbacks_mark_the_plan_with_the_last_part(
    application: Application,
) -> None:
    application.add(COMPANIES, [(1, "Seed"), (2, "Seed"), (3, "Seed")])
    plan = application.plan()
    application.apply(scope=FundScope.one("1"))
    _roll_back(application, plan_id=plan.plan_id, scope=FundScope.one("1"))
    assert _statuses(application, plan.plan_id) == ("open", ["rolled_back", "pending", "pending"])
    application.sql("UPDATE portfoliocompanies SET stage = 'growth' WHERE fund_id = 3")
    application.apply()
    assert _statuses(application, plan.plan_id) == ("completed", ["rolled_back", "completed", "completed"])
    _roll_back(application, plan_id=plan.plan_id, scope=FundScope.one("2"))
    assert _statuses(application, plan.plan_id) == ("rolled_back", ["rolled_back", "rolled_back", "completed"]), (
        "the last one had changed nothing"
    )


def test_rollback_of_half_a_batch_leaves_the_batch_in_force(application: Application) -> None:
    ids = application.add(COMPANIES, [(1, "Seed"), (1, "Series A")])
    application.sql("ALTER TABLE portfoliocompanies ADD CONSTRAINT no CHECK (stage <> 'series-a') NOT VALID")
    plan = application.run()
    between: datetime = application.value("SELECT clock_timestamp()")
    application.sql("ALTER TABLE portfoliocompanies DROP CONSTRAINT no")
    application.apply()
    assert set(application.stages(COMPANIES).values()) == {"seed", "series-a"}
    _roll_back(application, since=between)
    assert application.stages(COMPANIES) == {ids[0]: "seed", ids[1]: "Series A"}
    assert _statuses(application, plan.plan_id) == ("completed", ["completed"])
    _roll_back(application, plan_id=plan.plan_id)
    assert _statuses(application, plan.plan_id) == ("rolled_back", ["rolled_back"])


def test_running_batch_is_neither_undone_nor_marked(
    application: Application,
) -> None:
    application.add(COMPANIES, [(1, "Seed")] * 6)
    plan = application.plan(batch_size=2)
    rollbacks: list[int] = []
    commits = 0

    def roll_back_beside_the_second_batch(step: Failpoint) -> None:
        nonlocal commits
        commits += step is Failpoint.APPLY_BEFORE_COMMIT
        if step is Failpoint.APPLY_BEFORE_COMMIT and commits == 2:
            request = RollbackRequest(plan_id=plan.plan_id)
            rollbacks.append(record_rollback(application.database, request, created_by="operator"))

    listen(roll_back_beside_the_second_batch)
    try:
        application.apply(plan_id=plan.plan_id)
    finally:
        listen(None)
    assert _statuses(application, plan.plan_id)[1] == ["completed", "completed", "cancelled"]
    application.apply(plan_id=rollbacks[0])
    assert list(application.stages(COMPANIES).values()) == ["Seed", "Seed", "seed", "seed", "Seed", "Seed"]
    assert _statuses(application, plan.plan_id) == ("completed", ["rolled_back", "completed", "cancelled"])
    _roll_back(application, plan_id=plan.plan_id)
    assert _statuses(application, plan.plan_id) == ("rolled_back", ["rolled_back", "rolled_back", "cancelled"])


def test_refused_spelling_is_restored_by_a_retry(
    application: Application,
) -> None:
    ids = application.add(COMPANIES, [(1, "Seed"), (1, "   seed      ")])
    plan = application.run()
    application.sql("ALTER TABLE portfoliocompanies ALTER stage TYPE varchar(10)")
    recorded = record_rollback(application.database, RollbackRequest(plan_id=plan.plan_id), created_by="operator")
    refused = application.apply(plan_id=recorded)
    assert (refused.rows.rows_updated, refused.rows.rows_failed) == (1, 1)
    assert application.stages(COMPANIES) == {ids[0]: "Seed", ids[1]: "seed"}
    assert _statuses(application, plan.plan_id)[0] == "completed", "a row of it still stands"
    application.sql("ALTER TABLE portfoliocompanies ALTER stage TYPE text")
    assert application.apply(plan_id=recorded).ok
    assert application.stages(COMPANIES) == {ids[0]: "Seed", ids[1]: "   seed      "}
    assert _statuses(application, plan.plan_id)[0] == "rolled_back"


def test_rollback_waits_while_paused(application: Application) -> None:
    application.add(COMPANIES, [(1, "Seed")])
    plan = application.run()
    recorded = record_rollback(application.database, RollbackRequest(plan_id=plan.plan_id), created_by="operator")
    set_paused(application.database, paused=True, reason="lunch", changed_by="me")
    paused_at: list[dict[Any, str | None]] = []

    def watch(event: Event) -> None:
        if isinstance(event, Paused):
            paused_at.append(application.stages(COMPANIES))
            set_paused(application.database, paused=False, reason=None, changed_by="me")

    application.apply(plan_id=recorded, watch=watch)
    assert [set(stages.values()) for stages in paused_at] == [{"seed"}]
    assert set(application.stages(COMPANIES).values()) == {"Seed"}


@pytest.mark.parametrize("asked", [{"batch_id": 1}, {"plan_id": 1}])
def test_rollback_cancels_only_batches_in_its_scope(application: Application, asked: dict[str, Any]) -> None:
    ids = application.add(COMPANIES, [(1, "Seed"), (2, "Seed")])
    application.add(DEALS, [(1, "Seed")])
    is_batch = "batch_id" in asked
    # Undoing a batch, its plan is about more than it; undoing a plan, that is about one fund of one table.
    targets = (TargetSetting(table=COMPANIES),)
    application.run(**({} if is_batch else {"scope": FundScope.one("1"), "targets": targets}))
    application.sql(
        "UPDATE portfoliocompanies SET stage = 'Series A'; UPDATE deal_opportunities SET stage = 'Series A'"
    )
    later = application.plan().plan_id
    application.sql("UPDATE portfoliocompanies SET stage = 'seed' WHERE fund_id = 1")
    assert preview_rollback(application.database, RollbackRequest(**asked)).waiting == {later: 1}
    _roll_back(application, **asked)
    assert application.stages(COMPANIES)[ids[0]] == "Seed"
    waiting = application.sql("SELECT table_name, fund_id FROM stage_migration_batches WHERE status = 'pending'")
    assert sorted(waiting) == [(DEALS, "1"), (COMPANIES, "2")]


def test_batch_retried_during_recording_is_not_marked(
    application: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    application.add(COMPANIES, [(1, "Seed"), (1, "Series A")])
    application.sql("ALTER TABLE portfoliocompanies ADD CONSTRAINT no CHECK (stage <> 'series-a') NOT VALID")
    plan = application.run()
    application.sql("ALTER TABLE portfoliocompanies DROP CONSTRAINT no")

    def after_a_retry(*arguments: Any) -> str:
        application.apply(plan_id=plan.plan_id)
        return open_draft(*arguments)

    monkeypatch.setattr("stagenorm_pipeline.engine.rollback.rollback.open_draft", after_a_retry)
    recorded = record_rollback(application.database, RollbackRequest(plan_id=plan.plan_id), created_by="operator")
    application.apply(plan_id=recorded)
    assert list(application.stages(COMPANIES).values()) == ["Seed", "series-a"]
    assert _statuses(application, plan.plan_id) == ("completed", ["completed"])


def _log_as_another_tool(application: Application, row: int) -> None:
    application.sql(
        "INSERT INTO stage_normalization_log (schema_name, table_name, column_name, row_id, stage_before, stage_after, "
        "action) VALUES ('public', 'deal_opportunities', 'stage', %s, NULL, 'seed', 'normalize'), "
        "('public', 'deal_opportunities', 'stage', %s, 'Seed', 'seed', 'force_through')",
        str(row),
        str(row),
    )


def test_the_history_of_another_tool_is_not_undone(application: Application) -> None:
    (row,) = application.add(DEALS, [(1, "seed")])
    _log_as_another_tool(application, row)
    assert preview_rollback(application.database, RollbackRequest(by_table=True)).counts == {}


def test_entry_without_a_plan_is_never_restored(application: Application) -> None:
    (row,) = application.add(DEALS, [(1, "Seed")])
    application.run()
    application.sql(
        "INSERT INTO stage_normalization_log (schema_name, table_name, column_name, row_id, fund_id, stage_before, "
        "stage_after, action) VALUES ('public', 'deal_opportunities', 'stage', %s, '1', 'forged', 'seed', 'normalize')",
        str(row),
    )
    assert preview_rollback(application.database, RollbackRequest(by_table=True)).counts == {"later": 1}


def test_rollback_refuses_entries_without_a_receipt(application: Application) -> None:
    (row,) = application.add(DEALS, [(1, "seed")])
    _log_as_another_tool(application, row)
    application.sql("UPDATE stage_normalization_log SET plan_id = 7")
    with pytest.raises(PlanError, match=r"deal_opportunities\.stage without a batch \(no receipt\)"):
        preview_rollback(application.database, RollbackRequest(by_table=True))


def test_every_kind_of_key_is_rolled_back(application: Application) -> None:
    keys = {"uuid": "gen_random_uuid()", "text": r"'%s {} \ ' || i", "int": "-i"}
    for type_, key in keys.items():
        application.sql(f"CREATE TABLE of_{type_} (id {type_} PRIMARY KEY, stage text)")
        application.user.execute(f"INSERT INTO of_{type_} SELECT {key}, 'Seed ' FROM generate_series(1, 5) i".encode())
    before = {type_: application.sql(f"SELECT * FROM of_{type_} ORDER BY id") for type_ in keys}
    targets = tuple(TargetSetting(table=f"of_{type_}") for type_ in keys)
    plan = application.run(targets=targets)
    assert _roll_back(application, plan_id=plan.plan_id, targets=targets, batch_size=2).rows.rows_updated == 15
    assert {type_: application.sql(f"SELECT * FROM of_{type_} ORDER BY id") for type_ in keys} == before
