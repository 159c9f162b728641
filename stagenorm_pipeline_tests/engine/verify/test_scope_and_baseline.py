"""Which rows a verification is about, and which plan's counts it compares them with."""

from typing import Any

import pytest

from stagenorm_pipeline.config.settings import TargetSetting
from stagenorm_pipeline.engine.inventory.inventory import RowCounts
from stagenorm_pipeline.engine.targets.funds import FundScope
from stagenorm_pipeline.engine.verify.recorded_verifications import record_verification
from stagenorm_pipeline.engine.verify.result import Rule, Severity, VerificationResult
from stagenorm_pipeline.errors import TargetError
from stagenorm_pipeline.report.json_document import document_json, verification_document
from stagenorm_pipeline_tests.support.application import COMPANIES, DEALS, Application
from stagenorm_pipeline_tests.support.verification_outcomes import not_passed

ONE, TWO, NONE = FundScope.one("1"), FundScope.one("2"), FundScope.one(None)
OF_COMPANIES, OF_DEALS = (TargetSetting(table=COMPANIES),), (TargetSetting(table=DEALS),)


def baselines(result: VerificationResult) -> list[int]:
    return [plan.plan_id for plan in result.plans if plan.is_baseline]


def sign_off(application: Application, result: VerificationResult) -> None:
    report = document_json(verification_document(result))
    record_verification(application.database, result, report=report)
    application.sql("UPDATE stage_verifications SET signed_off_at = now(), signed_off_by = 'the reviewer'")


@pytest.mark.parametrize(
    ("statement", "seen_in"),
    [
        ("UPDATE portfoliocompanies SET stage = 'growth' WHERE id = 1", {"fund 1", "companies"}),
        ("UPDATE deal_opportunities SET stage = NULL WHERE id = 2", {"fund 2", "deals"}),
        ("DELETE FROM portfoliocompanies WHERE id = 5", {"no fund", "companies"}),
        ("DELETE FROM stage_normalization_log WHERE batch_id = 4", {"fund 1", "deals"}),
        ("UPDATE stage_migration_batches SET status = 'failed' WHERE batch_id = 5", {"fund 2", "deals"}),
        # The digest of a plan is of all its batches.
        (
            "DELETE FROM stage_migration_batches WHERE batch_id = 4",
            {"fund 1", "fund 2", "no fund", "companies", "deals"},
        ),
    ],
)
def test_a_damage_is_seen_in_its_own_fund_and_its_own_table_alone(
    migrated: Application, statement: str, seen_in: set[str]
) -> None:
    migrated.sql(statement)
    results = {
        "fund 1": migrated.verify(scope=ONE),
        "fund 2": migrated.verify(scope=TWO),
        "no fund": migrated.verify(scope=NONE),
        "companies": migrated.verify(targets=OF_COMPANIES),
        "deals": migrated.verify(targets=OF_DEALS),
    }
    assert {name for name, result in results.items() if not_passed(result)} == seen_in
    assert not_passed(migrated.verify())


def test_a_scope_counts_its_own_rows_and_its_own_changes(migrated: Application) -> None:
    result = migrated.verify(scope=TWO)
    assert result.counts == RowCounts(rows_seen=4, rows_canonical=3, rows_null=1)
    assert {fund.fund_id for fund in result.funds} == {"2"}
    assert {row.fund_id for row in result.sample} == {"2"}
    assert result.check(Rule.BATCH_TRACKING).figures["total_batches"] == 2
    assert result.check(Rule.AUDIT_CONSISTENCY).figures["audit_rows"] == 2
    assert result.check(Rule.ROW_COUNTS).figures["rows_before"] == 4


def test_the_earliest_applied_plan_is_the_baseline(migrated: Application) -> None:
    migrated.sql(f"DELETE FROM {COMPANIES} WHERE id = 4")
    migrated.run()
    result = migrated.verify()
    assert baselines(result) == [1]
    assert not_passed(result) == {Rule.ROW_COUNTS: Severity.WARN}


def test_a_plan_that_is_asked_for_is_the_baseline_instead(migrated: Application) -> None:
    migrated.sql(f"DELETE FROM {COMPANIES} WHERE id = 4")
    second = migrated.run()
    result = migrated.verify(plan_id=second.plan_id)
    assert (baselines(result), [plan.plan_id for plan in result.plans]) == ([2], [2])
    assert not_passed(result) == {}


def test_each_fund_is_compared_with_the_first_plan_that_covered_it(application: Application) -> None:
    application.add(DEALS, [(1, "Seed"), (1, "seed"), (2, "Seed"), (2, "seed")])
    application.run(scope=ONE)
    application.sql(f"DELETE FROM {DEALS} WHERE id IN (2, 4)")
    application.run()
    result = application.verify()
    assert baselines(result) == [1, 2]
    # The row of fund 1 vanished after its baseline, that of fund 2 before.
    assert [(f.fund_id, f.rows) for f in result.check(Rule.ROW_COUNTS).findings] == [("1", -1)]
    assert not_passed(result) == {Rule.ROW_COUNTS: Severity.WARN}
    assert not_passed(application.verify(scope=TWO)) == {}


def test_each_table_is_compared_with_the_first_plan_that_covered_it(application: Application) -> None:
    application.add(COMPANIES, [(1, "Seed"), (1, "seed")])
    application.add(DEALS, [(1, "Seed"), (1, "seed")])
    application.run(targets=OF_DEALS)
    for table in (COMPANIES, DEALS):
        application.sql(f"DELETE FROM {table} WHERE id = 2")
    application.run()
    result = application.verify()
    assert baselines(result) == [1, 2]
    assert [f.target for f in result.check(Rule.ROW_COUNTS).findings] == ["public.deal_opportunities.stage"]


def test_a_fund_that_no_plan_covered_is_compared_with_nothing(application: Application) -> None:
    application.add(DEALS, [(1, "Seed"), (2, None), (2, "seed"), (None, None)])
    application.run(scope=ONE)
    result = application.verify()
    assert not_passed(result) == {}
    assert result.check(Rule.NULL_INTEGRITY).figures["new_null"] == 0
    assert result.check(Rule.ROW_COUNTS).figures["rows_more"] == 0
    before = {fund.fund_id: fund.before for fund in result.funds if fund.target.endswith(f"{DEALS}.stage")}
    assert before == {"1": RowCounts(rows_seen=1, rows_to_change=1), "2": None, None: None}
    # What has no "before" is counted apart, not held against the others'.
    figures = {**result.check(Rule.NULL_INTEGRITY).figures, **result.check(Rule.ROW_COUNTS).figures}
    assert (figures["null_before"], figures["null_now"], figures["null_not_compared"]) == (0, 0, 2)
    assert (figures["rows_before"], figures["rows_now"], figures["rows_not_compared"]) == (1, 1, 3)
    assert {(part.before, part.after) for part in result.stages if part.target.endswith(f"{DEALS}.stage")} == {
        (None, 0), (None, 2),
    }  # fmt: skip


def test_which_funds_the_baseline_covers_is_said(application: Application) -> None:
    application.add(DEALS, [(10, "Seed"), (9, "Seed"), (None, "Seed"), (3, "Seed")])
    application.add(COMPANIES, [(1, "Seed")])
    assert [part.plans for part in application.verify().coverage] == [(), ()]
    for fund_id in ("10", None, "9"):
        application.run(scope=FundScope.one(fund_id), targets=OF_DEALS)
    companies, deals = application.verify().coverage
    assert (companies.plans, companies.all_funds, companies.funds) == ((), False, ())
    assert (deals.plans, deals.all_funds, deals.funds) == ((1, 2, 3), False, ("9", "10", None))
    # One fund alone has all of its "before".
    (deals,) = application.verify(scope=FundScope.one("9"), targets=OF_DEALS).coverage
    assert (deals.plans, deals.all_funds, deals.funds) == ((3,), True, ())
    application.run()
    companies, deals = application.verify().coverage
    assert (companies.plans, companies.all_funds, companies.funds) == ((4,), True, ())
    assert (deals.plans, deals.all_funds) == ((1, 2, 3, 4), True)


def test_a_fund_that_came_after_a_plan_of_one_fund_has_nothing_before(application: Application) -> None:
    application.add(DEALS, [(1, "Seed")])
    application.run(scope=ONE)
    application.add(DEALS, [(5, None), (1, None)])
    result = application.verify()
    assert not_passed(result) == {Rule.NULL_INTEGRITY: Severity.WARN}
    assert {finding.fund_id for finding in result.check(Rule.NULL_INTEGRITY).findings} == {"1"}


def test_a_fund_that_came_after_a_plan_of_all_funds_was_empty_before(migrated: Application) -> None:
    migrated.add(DEALS, [(9, None)])
    result = migrated.verify()
    assert not_passed(result) == {Rule.NULL_INTEGRITY: Severity.WARN}
    assert result.check(Rule.ROW_COUNTS).figures["rows_more"] == 1


def test_a_table_that_no_plan_covered_is_compared_with_nothing(application: Application) -> None:
    application.add(COMPANIES, [(1, "Seed")])
    application.add(DEALS, [(1, "seed"), (1, None)])
    application.run(targets=OF_COMPANIES)
    result = application.verify()
    assert not_passed(result) == {}
    figures = result.check(Rule.ROW_COUNTS).figures
    assert (figures["rows_more"], figures["targets_without_baseline"]) == (0, 1)
    assert result.check(Rule.NULL_INTEGRITY).figures["targets_without_baseline"] == 1


def test_a_cancelled_plan_is_no_baseline(application: Application) -> None:
    application.add(DEALS, [(1, "Seed"), (1, "seed")])
    application.plan()
    application.sql(f"DELETE FROM {DEALS} WHERE id = 2")
    application.run()
    result = application.verify()
    assert baselines(result) == [2]
    assert not_passed(result) == {}


def test_what_was_signed_off_is_the_past(migrated: Application) -> None:
    migrated.sql(f"DELETE FROM {COMPANIES} WHERE id = 4")
    result = migrated.verify()
    assert not_passed(result) == {Rule.ROW_COUNTS: Severity.WARN}
    sign_off(migrated, result)
    migrated.run()
    later = migrated.verify()
    assert ([plan.plan_id for plan in later.plans], not_passed(later)) == ([2], {})
    # Asked for by number, the first plan is compared with all the same.
    assert not_passed(migrated.verify(plan_id=1)) == {Rule.ROW_COUNTS: Severity.WARN}


def test_a_failed_verification_signed_off_by_mistake_moves_no_baseline(migrated: Application) -> None:
    migrated.sql(f"UPDATE {COMPANIES} SET stage = 'growth' WHERE id = 4")
    sign_off(migrated, migrated.verify())
    assert baselines(migrated.verify()) == [1]


@pytest.mark.parametrize("asked", [{"scope": ONE}, {"targets": OF_DEALS}])
def test_signing_off_a_part_moves_the_baseline_of_that_part_alone(migrated: Application, asked: dict[str, Any]) -> None:
    sign_off(migrated, migrated.verify(**asked))
    assert migrated.verify(**asked).plans == ()
    assert baselines(migrated.verify()) == [1]
    assert baselines(migrated.verify(scope=TWO, targets=OF_COMPANIES)) == [1]


def test_signing_off_the_whole_moves_the_baseline_of_every_part(migrated: Application) -> None:
    sign_off(migrated, migrated.verify())
    for result in (migrated.verify(), migrated.verify(scope=ONE), migrated.verify(targets=OF_DEALS)):
        assert result.plans == ()


def test_a_judged_plan_whose_key_was_moved_is_refused(migrated: Application) -> None:
    migrated.sql(
        f"ALTER TABLE {COMPANIES} ADD number integer GENERATED ALWAYS AS (100 - id) STORED NOT NULL, "
        f"DROP CONSTRAINT {COMPANIES}_pkey, ADD PRIMARY KEY (number)"
    )
    with pytest.raises(TargetError, match=r"Plan 1 named the rows of .* by their key 'id'; .* 'number' now") as refused:
        migrated.verify()
    assert "Make the old column the primary key again" in (refused.value.remedy or "")
    assert not_passed(migrated.verify(targets=OF_DEALS)) == {}


def test_a_key_moved_after_a_sign_off_is_no_obstacle_to_later_plans(migrated: Application) -> None:
    sign_off(migrated, migrated.verify())
    migrated.sql(
        f"ALTER TABLE {COMPANIES} ADD number integer GENERATED ALWAYS AS (100 - id) STORED NOT NULL, "
        f"DROP CONSTRAINT {COMPANIES}_pkey, ADD PRIMARY KEY (number)"
    )
    migrated.add(COMPANIES, [(1, "Seed")])
    migrated.run()
    result = migrated.verify()
    assert ([plan.plan_id for plan in result.plans], not_passed(result)) == ([2], {})
