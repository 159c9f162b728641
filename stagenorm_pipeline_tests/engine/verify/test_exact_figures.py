"""The law of the figures: whatever plans, rollbacks and users did, in any order, each is what a slow count gives."""

from collections import Counter
from contextlib import suppress
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from stagenorm_pipeline.config.configuration import TargetSetting
from stagenorm_pipeline.engine.rollback.rollback import RollbackRequest, record_rollback
from stagenorm_pipeline.engine.targets.funds import FundScope
from stagenorm_pipeline.engine.verify.result import Rule
from stagenorm_pipeline.errors import PlanError
from stagenorm_pipeline_tests.support.application import DEALS, Application
from stagenorm_pipeline_tests.support.examples import on_database

OF_DEALS = (TargetSetting(table=DEALS),)
KEPT = (
    "migration_plans",
    "migration_quarantine",
    "migration_receipts",
    "migration_plan_digests",
    "normalization_log",
)
SCOPES = st.sampled_from([FundScope(), FundScope.one("1"), FundScope.one("2"), FundScope.one(None)])
STAGES = st.sampled_from(["Seed", "seed", "SEED", "Series A", "series-a", "growth", None])
FUNDS = st.sampled_from([1, 2, None])
ROW = st.integers(0, 5)
DEED = st.one_of(
    st.tuples(st.just("run"), SCOPES),
    st.tuples(st.just("run"), SCOPES),
    st.tuples(st.just("roll back"), st.one_of(st.integers(0, 2), SCOPES.filter(lambda scope: not scope.all_funds))),
    st.tuples(st.just("set"), ROW, STAGES),
    st.tuples(st.just("move"), ROW, FUNDS),
    st.tuples(st.just("delete"), ROW),
    st.tuples(st.just("insert"), FUNDS, STAGES),
)


def do(application: Application, ids: list[int], deed: tuple[Any, ...]) -> None:
    match deed:
        case ("run", scope):
            application.run(scope=scope, targets=OF_DEALS)
        case ("roll back", FundScope() as scope):
            roll_back(application, RollbackRequest(scope=scope, targets=OF_DEALS))
        case ("roll back", int() as place):
            plans = application.column("SELECT plan_id FROM stage_migration_plans WHERE kind = 'normalize' ORDER BY 1")
            if plans:
                roll_back(application, RollbackRequest(plan_id=plans[place % len(plans)], targets=OF_DEALS))
        case ("set", row, stage):
            application.sql(f"UPDATE {DEALS} SET stage = %s WHERE id = %s", stage, ids[row])
        case ("move", row, fund):
            application.sql(f"UPDATE {DEALS} SET fund_id = %s WHERE id = %s", fund, ids[row])
        case ("delete", row):
            application.sql(f"DELETE FROM {DEALS} WHERE id = %s", ids[row])
        case ("insert", fund, stage):
            application.add(DEALS, [(fund, stage)])


def roll_back(application: Application, request: RollbackRequest) -> None:
    with suppress(PlanError):  # one that was cancelled, or has nothing to undo
        application.apply(plan_id=record_rollback(application.database, request, created_by="operator"))


def batches_left_behind(application: Application) -> set[int]:
    """The batches that a rollback undid, and whose fund no plan in force covers since."""
    undone = application.sql(
        "SELECT b.batch_id, b.fund_id, r.opened_at FROM stage_migration_rollback_batches u "
        "JOIN stage_migration_plans r USING (plan_id) JOIN stage_migration_batches b ON b.batch_id = u.batch_id "
        "WHERE b.status = 'rolled_back'"
    )
    in_force = application.sql(
        "SELECT opened_at, (scope ->> 'all_funds')::boolean, scope ->> 'fund_id' "
        "FROM stage_migration_plans WHERE kind = 'normalize' AND status = 'completed'"
    )
    return {
        batch_id
        for batch_id, fund, undone_at in undone
        if not any(opened_at > undone_at and (all_funds or own == fund) for opened_at, all_funds, own in in_force)
    }


def counted_slowly(application: Application) -> Counter[str]:
    """Each row's latest audit entry beside the row, one by one."""
    entries = application.sql(
        "SELECT row_id, fund_id, stage_before, stage_after, action, batch_id FROM stage_normalization_log ORDER BY id"
    )
    left_behind = batches_left_behind(application)
    rows = {
        str(key): (fund, stage) for key, fund, stage in application.sql(f"SELECT id, fund_id::text, stage FROM {DEALS}")
    }
    counts = Counter({"audit rows": len(entries)})
    for row_id, fund_id, before, after, action, batch_id in {entry[0]: entry for entry in entries}.values():
        is_left = action == "normalize" and batch_id in left_behind
        fund, stage = rows.get(row_id, (None, None))
        state = (
            "gone" if row_id not in rows
            else "null" if stage is None
            else "holds" if stage == after
            else "set back" if stage == before
            else "changed"
        )  # fmt: skip
        counts["left"] += is_left
        counts["moved"] += state == "holds" and fund != fund_id
        counts["restored"] += state == "holds" and action == "rollback"
        if state != "holds" and not (state == "set back" and is_left):
            counts[state] += 1
    return +counts


@example(
    # An undone plan whose funds are all in plans in force, but in no single one.
    deeds=[*(("run", scope) for scope in (FundScope(), *map(FundScope.one, ("1", "2", None)))), ("roll back", 0)]
)
@on_database(7)
@given(deeds=st.lists(DEED, min_size=3, max_size=14))
def test_figures_match_a_slow_count(application: Application, deeds: list[tuple[Any, ...]]) -> None:
    for table in (DEALS, *(f"stage_{name}" for name in KEPT)):
        application.sql(f"DELETE FROM {table}")
    ids = application.add(DEALS, [(1, "Seed"), (1, "seed"), (2, "SEED"), (2, "Series A"), (None, "Seed"), (None, None)])
    for deed in deeds:
        do(application, ids, deed)

    result = application.verify(targets=OF_DEALS)

    figures = {name: count for check in result.checks for name, count in check.figures.items()}
    counted = {
        "audit rows": figures.get("audit_rows", 0) + figures.get("rollback_rows", 0),
        "gone": figures["audited_rows_gone"],
        "null": figures["audited_rows_now_null"],
        "set back": figures["rows_set_back"],
        "changed": figures["rows_changed_since"],
        "moved": figures["audited_rows_moved"],
        "left": figures["rows_left_by_rollback"],
        "restored": figures["rows_rolled_back"],
    }
    assert +Counter(counted) == counted_slowly(application)
    assert figures["batches_that_disagree"] == 0, "nobody damaged the log"
    assert result.check(Rule.BATCH_TRACKING).passed, "everything was run to its end"
    assert figures["rows_now"] - figures["rows_before"] == figures["rows_more"] - figures["rows_fewer"]
