"""Verifications of what was rolled back, wholly or in part: what is messy on purpose, what was left, what is damage."""

from typing import Any

import pytest

from stagenorm_pipeline.config.configuration import TargetSetting
from stagenorm_pipeline.engine.plan.life_cycle import cancel_plan
from stagenorm_pipeline.engine.rollback.rollback import RollbackRequest, record_rollback
from stagenorm_pipeline.engine.targets.funds import FundScope
from stagenorm_pipeline.engine.verify.result import Rule, Severity, UndoneRows, Verdict, VerificationResult
from stagenorm_pipeline.vocabulary import Decision, Decisions, Stage, Vocabulary, configured_aliases
from stagenorm_pipeline_tests.support.application import COMPANIES, DEALS, VOCABULARY, Application
from stagenorm_pipeline_tests.support.verification_outcomes import named, not_passed

R1, R2, R3, R4, R5, _, _ = Rule
ERROR, WARN = Severity.ERROR, Severity.WARN

MESSY, ON_PURPOSE = "known spelling, not normalized", "rolled back on purpose"


def roll_back(application: Application, **asked: Any) -> int:
    rollback = record_rollback(application.database, RollbackRequest(**asked), created_by="operator")
    application.apply(plan_id=rollback)
    return rollback


def rows_on_purpose(result: VerificationResult) -> set[tuple[str | None, str | None]]:
    """The rows that rule 2 names as rolled back on purpose, each with its fund."""
    return {(row, fund) for what, row, _, fund in named(result, R2) if what == ON_PURPOSE}


def test_whole_rollback_restores_the_state_before_the_plan(
    migrated: Application,
) -> None:
    roll_back(migrated, plan_id=1)
    result = migrated.verify()
    assert not_passed(result) == {R2: WARN}
    assert result.verdict is Verdict.PASSED_WITH_WARNINGS
    check = result.check(R2)
    assert check.figures["rows_messy"] == check.figures["rows_rolled_back"] == 7
    assert "rolled back on purpose" in check.summary
    assert "stagenorm run" in (check.recommendation or "")
    assert result.undone == UndoneRows(restored=7, left=0)
    # Nothing is in force; so everything is compared with how it was before the plan that was undone.
    assert (result.plans, [plan.plan_id for plan in result.rollbacks]) == ((), [2])
    assert [(plan.plan_id, plan.is_baseline) for plan in result.rolled_back] == [(1, True)]
    assert all(fund.before == fund.after for fund in result.funds)
    assert all(stage.before == stage.after for stage in result.stages)
    assert result.check(R1).figures["rolled_back_batches"] == 6
    assert result.check(R1).figures["rows_restored"] == 7
    assert not_passed(migrated.verify(strict=True)) == {R2: ERROR}


@pytest.mark.parametrize(
    ("asked", "rows"),
    [
        ({"scope": FundScope.one("1")}, {("1", "1"), ("2", "1")}),
        ({"scope": FundScope.one(None)}, {("5", None)}),
        ({"plan_id": 1, "targets": (TargetSetting(table=DEALS),)}, {("1", "1"), ("2", "2"), ("5", "3")}),
        ({"batch_id": 2}, {("3", "2")}),
    ],
)
def test_partial_rollback_leaves_the_plan_in_force(
    migrated: Application, asked: dict[str, Any], rows: set[tuple[str, str | None]]
) -> None:
    roll_back(migrated, **asked)
    result = migrated.verify()
    assert not_passed(result) == {R2: WARN}
    assert rows_on_purpose(result) == rows
    assert [(plan.plan_id, plan.is_baseline) for plan in result.plans] == [(1, True)]
    assert result.rolled_back == ()
    assert result.undone is not None
    assert result.undone.restored == result.check(R2).figures["rows_rolled_back"] >= len(rows)


def test_a_fund_that_was_rolled_back_is_judged_by_itself(migrated: Application) -> None:
    roll_back(migrated, scope=FundScope.one("1"))
    assert not_passed(migrated.verify(scope=FundScope.one("1"))) == {R2: WARN}
    assert not_passed(migrated.verify(scope=FundScope.one("2"))) == {}


def test_rows_that_the_rollback_left_are_listed(migrated: Application) -> None:
    migrated.sql(
        f"UPDATE {COMPANIES} SET stage = 'series-b' WHERE id = 1; DELETE FROM {COMPANIES} WHERE id = 2;"
        f"UPDATE {DEALS} SET stage = NULL WHERE id = 1; UPDATE {DEALS} SET stage = 'Pre Seed' WHERE id = 2"
    )
    roll_back(migrated, plan_id=1)
    # What held another stage when the rollback was recorded may hold ours again since.
    migrated.sql(f"UPDATE {COMPANIES} SET stage = 'seed', fund_id = 2 WHERE id = 1")
    result = migrated.verify()
    assert result.undone == UndoneRows(restored=3, left=4)
    assert result.check(R5).figures["rows_left_by_rollback"] == 4
    assert named(result, R5) == {
        ("left by the rollback of its batch, holds what was written", "1", 1, "1"),
        ("changed by stagenorm, holds its old spelling again", "2", 5, "2"),
    }
    left = [f for rule in (R3, R4, R5) for f in result.check(rule).findings if "left by the rollback" in str(f.detail)]
    assert {(finding.what, finding.row_id) for finding in left} == {
        ("changed by stagenorm, NULL now", "1"),
        ("changed by stagenorm, row is gone", "2"),
        ("changed by stagenorm, in another fund now", "1"),
        ("changed by stagenorm, holds its old spelling again", "2"),
    }
    # The one that a user had set back was not rolled back: it is messy, and only the user knows why.
    assert not_passed(result) == {R2: ERROR, R3: WARN, R4: WARN, R5: WARN}


AFTERWARDS = {
    "a row of which the undoing was undone by hand": (
        f"UPDATE {COMPANIES} SET stage = 'seed' WHERE id = 1",
        {R2: WARN, R5: ERROR},
        {("restored by a rollback, holds the undone stage again", "1", 7, "1")},
    ),
    "a restored row that was changed": (
        f"UPDATE {COMPANIES} SET stage = 'series-c' WHERE id = 1",
        {R2: WARN, R5: WARN},
        {("restored by a rollback, then changed by another session", "1", 7, "1")},
    ),
    "a restored row that was emptied": (
        f"UPDATE {DEALS} SET stage = NULL WHERE id = 1",
        {R2: WARN, R3: WARN},
        set(),
    ),
    "a restored row that was deleted": (
        f"DELETE FROM {COMPANIES} WHERE id = 1",
        {R2: WARN, R4: WARN},
        set(),
    ),
    "a lost audit row of the rollback": (
        "DELETE FROM stage_normalization_log WHERE action = 'rollback' AND row_id = '3'",
        {R2: ERROR, R5: ERROR},
        {
            ("batch and audit log disagree", None, 8, "2"),
            ("changed by stagenorm, without an audit row", "3", 8, "2"),
            # By the log that is left, the plan changed it, and somebody set it back.
            ("changed by stagenorm, holds its old spelling again", "3", 2, "2"),
        },
    ),
    "a messy row that no rollback made so": (
        f"UPDATE {COMPANIES} SET stage = 'SEED' WHERE id = 4",
        {R2: ERROR},
        # Information: rule 2 is the one that fails.
        {("fewer rows of canonical stages than the log explains", None, None, "2")},
    ),
}


@pytest.mark.parametrize(("statement", "seen", "found"), AFTERWARDS.values(), ids=AFTERWARDS.keys())
def test_damage_after_a_rollback_is_reported(
    migrated: Application, statement: str, seen: dict[Rule, Severity], found: set[Any]
) -> None:
    roll_back(migrated, plan_id=1)
    migrated.sql(statement)
    result = migrated.verify()
    assert not_passed(result) == seen
    assert named(result, R5) == found


def test_row_of_a_forged_entry_without_a_batch_is_listed(migrated: Application) -> None:
    roll_back(migrated, plan_id=1)
    migrated.sql(
        "INSERT INTO stage_normalization_log "
        "(schema_name, table_name, column_name, row_id, fund_id, stage_before, stage_after, action, plan_id) "
        "VALUES ('public', 'portfoliocompanies', 'stage', '1', '1', 'Seed', 'growth', 'normalize', 1)"
    )
    assert ("changed by stagenorm, holds its old spelling again", "1", None, "1") in named(migrated.verify(), R5)


def test_messy_rows_are_listed_before_rolled_back_rows(migrated: Application) -> None:
    migrated.sql(f"INSERT INTO {COMPANIES} (fund_id, stage) SELECT 1, 'Seed' FROM generate_series(1, 100)")
    migrated.run()
    roll_back(migrated, plan_id=2)
    migrated.sql(f"UPDATE {COMPANIES} SET stage = 'SEED' WHERE id = 4")
    rows = [f for f in migrated.verify().check(R2).findings if f.row_id]
    assert (rows[0].what, rows[0].row_id) == ("stage is not canonical", "4")
    assert {f.what for f in rows[1:]} == {ON_PURPOSE}


def test_restored_row_with_another_spelling_is_reported(migrated: Application) -> None:
    roll_back(migrated, plan_id=1)
    migrated.sql(f"UPDATE {COMPANIES} SET stage = 'SEED' WHERE id = 1")
    result = migrated.verify()
    assert not_passed(result) == {R2: ERROR, R5: WARN}
    assert ("stage is not canonical", "1", None, "1") in named(result, R2)
    assert result.check(R2).figures["rows_rolled_back"] == 6


def test_restored_kept_spelling_counts_as_kept_only(
    application: Application,
) -> None:
    as_a_stage, as_it_is = (
        Vocabulary.with_decisions(Decisions(entries=(decision,)))
        for decision in (
            Decision(spelling="growth", stage=Stage("series-c")),
            Decision(spelling="growth", is_kept=True, reason="no"),
        )
    )
    application.add(COMPANIES, [(1, "growth"), (1, "seed")])
    plan = application.run(vocabulary=as_a_stage)
    roll_back(application, plan_id=plan.plan_id)
    assert not_passed(application.verify(vocabulary=as_it_is)) == {R2: WARN}
    application.sql(f"UPDATE {COMPANIES} SET stage = 'SEED' WHERE id = 2")
    result = application.verify(vocabulary=as_it_is)
    assert not_passed(result) == {R2: ERROR}
    figures = result.check(R2).figures
    assert (figures["rows_rolled_back"], figures["rows_left_as_is"], figures["rows_messy"]) == (0, 1, 1)


def test_unfinished_rollback_is_in_progress(application: Application) -> None:
    application.add(COMPANIES, [(1, "Seed"), (2, "Seed"), (3, "Seed")])
    plan = application.run()
    request = RollbackRequest(plan_id=plan.plan_id)
    rollback = record_rollback(application.database, request, created_by="operator")
    application.apply(plan_id=rollback, scope=FundScope.one("1"))
    result = application.verify()
    assert result.in_progress
    assert not_passed(result) == {R1: ERROR, R2: WARN}
    assert named(result, R1) == {
        ("batch of a rollback pending", None, 5, "2"),
        ("batch of a rollback pending", None, 6, "3"),
    }


def test_cancelled_rollback_keeps_its_restored_rows(
    application: Application,
) -> None:
    application.add(COMPANIES, [(1, "Seed"), (2, "Seed"), (3, "Seed")])
    plan = application.run()
    request = RollbackRequest(plan_id=plan.plan_id)
    rollback = record_rollback(application.database, request, created_by="operator")
    application.apply(plan_id=rollback, scope=FundScope.one("1"))
    cancel_plan(application.database, rollback)
    result = application.verify()
    assert not_passed(result) == {R2: WARN}
    assert rows_on_purpose(result) == {("1", "1")}
    assert [plan.plan_id for plan in result.plans] == [1]


def test_a_refused_restoration_is_a_failed_batch(application: Application) -> None:
    application.add(COMPANIES, [(1, "Seed"), (1, "   seed      ")])
    plan = application.run()
    application.sql(f"ALTER TABLE {COMPANIES} ALTER stage TYPE varchar(10)")
    roll_back(application, plan_id=plan.plan_id)
    result = application.verify()
    assert not_passed(result) == {R1: ERROR, R2: WARN}
    (finding,) = result.check(R1).findings
    assert (finding.what, finding.row_id, finding.stage_after) == ("row refused by the database", "2", "   seed      ")


def test_deleted_rollback_batch_fails_until_another_rollback(application: Application) -> None:
    application.add(COMPANIES, [(1, "Seed"), (2, "Seed")])
    plan = application.run()
    request = RollbackRequest(plan_id=plan.plan_id)
    rollback = record_rollback(application.database, request, created_by="operator")
    application.apply(plan_id=rollback, scope=FundScope.one("1"))
    application.sql("DELETE FROM stage_migration_batches WHERE status = 'pending'")
    result = application.verify()
    assert not_passed(result) == {R1: ERROR, R2: WARN}
    assert [(f.what, f.rows, f.detail) for f in result.check(R1).findings] == [
        ("planned rows without a batch", 1, "plan 2")
    ]
    roll_back(application, plan_id=plan.plan_id)
    assert not_passed(application.verify()) == {R2: WARN}


def test_a_new_plan_after_a_rollback_is_the_baseline(migrated: Application) -> None:
    migrated.sql(f"DELETE FROM {COMPANIES} WHERE id = 4")
    roll_back(migrated, plan_id=1)
    assert not_passed(migrated.verify()) == {R2: WARN, R4: WARN}
    migrated.run()
    result = migrated.verify()
    assert not_passed(result) == {}
    assert [(plan.plan_id, plan.is_baseline) for plan in (*result.plans, *result.rolled_back)] == [
        (3, True),
        (1, False),
    ]
    assert [plan.plan_id for plan in result.rollbacks] == [2]
    # Nothing was signed: every audit row is judged, those from before the new baseline too.
    migrated.sql("DELETE FROM stage_normalization_log WHERE batch_id = 1 AND row_id = '1' AND plan_id = 1")
    result = migrated.verify()
    assert not_passed(result) == {R5: ERROR}
    assert (result.check(R5).figures["audit_rows"], result.check(R5).figures["rollback_rows"]) == (13, 7)
    assert [(work.plan_id, work.action, work.rows) for work in result.work] == [
        (1, "normalize", 6), (2, "rollback", 7), (3, "normalize", 7),
    ]  # fmt: skip
    migrated.sql("DELETE FROM stage_normalization_log WHERE plan_id < 3")
    # Asked for by number, the plan that was undone is compared with.
    asked = migrated.verify(plan_id=1)
    assert not_passed(asked) == {R4: WARN, R5: ERROR}
    assert [plan.plan_id for plan in asked.rolled_back if plan.is_baseline] == [1]


def test_new_plan_of_one_fund_changes_no_other_baseline(migrated: Application) -> None:
    migrated.sql(f"DELETE FROM {COMPANIES} WHERE id = 1; DELETE FROM {COMPANIES} WHERE id = 3")
    roll_back(migrated, plan_id=1)
    migrated.run(scope=FundScope.one("1"))
    result = migrated.verify()
    assert not_passed(result) == {R2: WARN, R4: WARN}
    fewer = {f.fund_id for f in result.check(R4).findings if f.what == "fewer rows than before"}
    assert fewer == {"2"}, "fund 1 lost its row before its own new baseline"
    assert rows_on_purpose(result) == {("5", None), ("2", "2"), ("5", "3")}
    assert {plan.plan_id for plan in (*result.plans, *result.rolled_back) if plan.is_baseline} == {1, 3}


def test_a_row_normalized_again_and_rolled_back_again_counts_once(migrated: Application) -> None:
    roll_back(migrated, plan_id=1)
    migrated.run()
    roll_back(migrated, plan_id=3)
    result = migrated.verify()
    assert not_passed(result) == {R2: WARN}
    assert result.undone == UndoneRows(restored=7, left=0)


def test_sample_includes_undone_changes(migrated: Application) -> None:
    roll_back(migrated, scope=FundScope.one("1"))
    result = migrated.verify()
    assert sorted(row.action for row in result.sample) == ["normalize"] * 7 + ["rollback"] * 3
    undone = [row for row in result.sample if row.action == "rollback"]
    assert all(row.stage_now == row.stage_after != row.stage_before for row in undone)


def test_audit_rows_write_only_stages_of_their_plan_or_restored_spellings(migrated: Application) -> None:
    with_d = Vocabulary.with_decisions(
        Decisions(aliases=configured_aliases((*VOCABULARY.canonical, "series-d"), {"series-d": ["series d"]}))
    )
    migrated.sql("INSERT INTO portfoliocompanies (fund_id, stage) VALUES (8, 'Series D'), (9, 'Series D')")
    migrated.run(vocabulary=with_d)
    roll_back(migrated, plan_id=2, scope=FundScope.one("8"))
    # Another vocabulary today does not make the entries of the plan wrong.
    assert not_passed(migrated.verify()) == {R2: ERROR}
    migrated.sql("UPDATE stage_normalization_log SET stage_after = 'series-d' WHERE batch_id = 2")
    migrated.sql("UPDATE stage_normalization_log SET stage_after = 'never seen' WHERE action = 'rollback'")
    result = migrated.verify()
    what = "audit rows with a stage that the plan does not write"
    restored = "audit rows with a spelling that no plan read"
    findings = [finding for finding in result.check(R5).findings if finding.what in (what, restored)]
    assert [(f.what, f.stage_after, f.batch_id, f.fund_id, f.rows) for f in findings] == [
        (what, "series-d", 2, "2", 1),
        (restored, "never seen", 9, "8", 1),
    ]
    check = result.check(R5)
    assert check.figures["audit_rows_with_other_stages"] == 2
    assert "2 audit rows with a stage of no plan" in check.summary
    # Where the stage is canonical today, only the receipts can tell.
    assert migrated.verify(vocabulary=with_d).check(R5).figures["audit_rows_with_other_stages"] == 1
