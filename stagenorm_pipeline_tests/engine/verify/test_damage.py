"""The damage that each rule exists for, planted: the rules that should see it see it, and no others."""

from collections import Counter
from dataclasses import dataclass

import pytest

from stagenorm_pipeline.config.configuration import TargetSetting
from stagenorm_pipeline.engine.targets.funds import FundScope
from stagenorm_pipeline.engine.verify.result import Rule, Severity, Verdict
from stagenorm_pipeline_tests.support.application import COMPANIES, Application
from stagenorm_pipeline_tests.support.verification_outcomes import Named, named, not_passed

R1, R2, R3, R4, R5, R6, _ = Rule
ERROR, WARN = Severity.ERROR, Severity.WARN

DISAGREE = "batch and audit log disagree"
OTHER_ROWS = "batch and audit log name other rows"
NO_BATCH = "audit rows without a batch"
UNAUDITED = "changed by stagenorm, without an audit row"
TWICE = "several audit rows of one change"
FOREIGN = "audit row of a row that was not in its batch"
LOST = "planned rows without a batch"
UNPLANNED = "rows in batches that were never planned"
DELETED = "complete batch that was deleted"
PLAN_GONE, BASELINE_GONE = "plan that was deleted", "plan whose baseline was deleted"
BY_HAND = "batch marked rolled_back by hand"
NO_RECEIPT = "audit rows without a receipt"
RECEIPT_DIFFERS = "audit rows differ from the batch's receipt"
ALTERED = "audit row that was altered"
OTHER_STAGE = "audit rows with a stage that the plan does not write"
DIGEST_DIFFERS, NO_DIGEST = "plan that differs from its digest", "plan whose digest was deleted"
GONE = "changed by stagenorm, row is gone"
NULL_NOW = "changed by stagenorm, NULL now"
SET_BACK = "changed by stagenorm, holds its old spelling again"
CHANGED = "changed by stagenorm, then by another session"
MOVED = "changed by stagenorm, in another fund now"
MORE_NULLS = "more NULLs than before"
A_NULL = "NULL, in a fund with more NULLs"
FEWER, MORE = "fewer rows than before", "more rows than before"
NOT_CANONICAL = "stage is not canonical"
MESSY, UNKNOWN = "known spelling, not normalized", "unknown spelling"

ENTRY = "schema_name, table_name, column_name, row_id, fund_id, stage_before, stage_after, action, plan_id, batch_id"
FUND_OF_BATCH = {1: "1", 2: "2", 3: None, 4: "1", 5: "2", 6: "3"}
CHANGED_ROWS = (("1", 1), ("2", 1), ("3", 2), ("5", 3), ("1", 4), ("2", 5), ("5", 6))
NO_SUMS = (
    "ALTER TABLE stage_migration_batches DROP CONSTRAINT stage_migration_batches_counts_add_up, "
    "DROP CONSTRAINT stage_migration_batches_skips_add_up;"
)


def extra_entry(**changed: str) -> str:
    """A copy of the audit row of batch 2, with other values in some of its columns."""
    values = ", ".join(changed.get(column, column) for column in ENTRY.split(", "))
    return (
        f"INSERT INTO stage_normalization_log ({ENTRY}) SELECT {values} FROM stage_normalization_log WHERE batch_id = 2"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Damage:
    """Statements, and for each rule that should see them the severity and what its findings name."""

    statements: str
    seen: dict[Rule, tuple[Severity, set[Named]]]


DAMAGES = {
    "a lost audit row": Damage(
        statements="DELETE FROM stage_normalization_log WHERE table_name = 'portfoliocompanies' AND row_id = '1'",
        seen={R5: (ERROR, {(DISAGREE, None, 1, "1"), (UNAUDITED, "1", 1, "1")})},
    ),
    "the whole audit log lost": Damage(
        statements="TRUNCATE stage_normalization_log",
        seen={
            R5: (
                ERROR,
                {
                    *((DISAGREE, None, batch, fund) for batch, fund in FUND_OF_BATCH.items()),
                    *((UNAUDITED, row, batch, FUND_OF_BATCH[batch]) for row, batch in CHANGED_ROWS),
                },
            )
        },
    ),
    "an audit row that is there twice": Damage(
        statements=extra_entry(),
        seen={R5: (ERROR, {(DISAGREE, None, 2, "2"), (TWICE, "3", 2, "2")})},
    ),
    "an extra audit row, of a row that nobody planned": Damage(
        statements=extra_entry(row_id="'4'"),
        seen={R5: (ERROR, {(DISAGREE, None, 2, "2"), (FOREIGN, "4", 2, "2")})},
    ),
    "an extra audit row, of a batch that never was": Damage(
        statements=extra_entry(batch_id="99"),
        seen={R5: (ERROR, {(NO_BATCH, None, 99, None)})},
    ),
    "an extra audit row, of a plan that never was": Damage(
        statements=extra_entry(plan_id="9"),
        seen={R1: (ERROR, {(PLAN_GONE, None, None, None)}), R5: (ERROR, {(NO_BATCH, None, 2, None)})},
    ),
    "an audit row that names another row of the fund": Damage(
        statements="UPDATE stage_normalization_log SET row_id = '4' WHERE batch_id = 2",
        seen={R5: (ERROR, {(OTHER_ROWS, None, 2, "2"), (UNAUDITED, "3", 2, "2"), (FOREIGN, "4", 2, "2")})},
    ),
    "an audit row whose row id was damaged": Damage(
        statements="UPDATE stage_normalization_log SET row_id = 'three' WHERE batch_id = 2",
        seen={
            R4: (WARN, {(GONE, "three", 2, "2")}),
            R5: (ERROR, {(OTHER_ROWS, None, 2, "2"), (UNAUDITED, "3", 2, "2"), (FOREIGN, "three", 2, "2")}),
            R6: (ERROR, {("message of the database", None, None, None)}),
        },
    ),
    "an audit row that says something else": Damage(
        statements="UPDATE stage_normalization_log SET stage_after = 'series-c' WHERE batch_id = 2",
        seen={R5: (ERROR, {(CHANGED, "3", 2, "2"), (RECEIPT_DIFFERS, None, 2, "2"), (ALTERED, "3", 2, "2")})},
    ),
    "an audit row with a stage that is not canonical": Damage(
        statements="UPDATE stage_normalization_log SET stage_after = 'growth' WHERE batch_id = 2",
        seen={
            R5: (
                ERROR,
                {
                    (CHANGED, "3", 2, "2"),
                    (RECEIPT_DIFFERS, None, 2, "2"),
                    (ALTERED, "3", 2, "2"),
                    (OTHER_STAGE, None, 2, "2"),
                },
            )
        },
    ),
    "an audit row whose old spelling was altered": Damage(
        statements="UPDATE stage_normalization_log SET stage_before = 'SEED' WHERE batch_id = 2",
        seen={R5: (ERROR, {(RECEIPT_DIFFERS, None, 2, "2"), (ALTERED, "3", 2, "2")})},
    ),
    "an audit row whose old spelling was trimmed": Damage(
        statements="UPDATE stage_normalization_log SET stage_before = left(stage_before, 3) WHERE batch_id = 2",
        seen={R5: (ERROR, {(RECEIPT_DIFFERS, None, 2, "2"), (ALTERED, "3", 2, "2")})},
    ),
    "an audit row whose old spelling is NULL": Damage(
        statements="UPDATE stage_normalization_log SET stage_before = NULL WHERE batch_id = 2",
        seen={R5: (ERROR, {(RECEIPT_DIFFERS, None, 2, "2"), (ALTERED, "3", 2, "2")})},
    ),
    "a row altered together with its audit row": Damage(
        statements="UPDATE portfoliocompanies SET stage = 'series-c' WHERE id = 3;"
        "UPDATE stage_normalization_log SET stage_after = 'series-c' WHERE batch_id = 2",
        seen={R5: (ERROR, {(RECEIPT_DIFFERS, None, 2, "2"), (ALTERED, "3", 2, "2")})},
    ),
    "a deleted receipt": Damage(
        statements="DELETE FROM stage_migration_receipts WHERE batch_id = 2",
        seen={R5: (ERROR, {(NO_RECEIPT, None, 2, "2"), (DIGEST_DIFFERS, None, None, None)})},
    ),
    "a deleted digest": Damage(
        statements="DELETE FROM stage_migration_plan_digests",
        seen={R5: (ERROR, {(NO_DIGEST, None, None, None)})},
    ),
    "a deleted plan": Damage(
        statements="DELETE FROM stage_migration_plans",
        seen={
            R1: (
                ERROR,
                {
                    (PLAN_GONE, None, None, None),
                    *((DELETED, None, batch, fund) for batch, fund in FUND_OF_BATCH.items()),
                },
            ),
        },
    ),
    "deleted rows of a baseline": Damage(
        statements="DELETE FROM stage_migration_baseline WHERE fund_id = '2' AND kind <> 'messy'",
        seen={
            R1: (ERROR, {(BASELINE_GONE, None, None, None)}),
            R3: (WARN, {(MORE_NULLS, None, None, "2"), (A_NULL, "3", None, "2")}),
            R5: (ERROR, {(DIGEST_DIFFERS, None, None, None)}),
        },
    ),
    "a batch marked rolled back by hand": Damage(
        statements="UPDATE stage_migration_batches SET status = 'rolled_back' WHERE batch_id = 5",
        seen={R1: (ERROR, {(BY_HAND, None, 5, "2")})},
    ),
    "a batch marked rolled back by hand, and its row set back": Damage(
        statements="UPDATE stage_migration_batches SET status = 'rolled_back' WHERE batch_id = 1;"
        "UPDATE portfoliocompanies SET stage = 'Series A' WHERE id = 2",
        seen={
            R1: (ERROR, {(BY_HAND, None, 1, "1")}),
            R2: (ERROR, {(MESSY, None, None, None), (NOT_CANONICAL, "2", None, "1")}),
            R5: (ERROR, {(SET_BACK, "2", 1, "1")}),
        },
    ),
    "a nulled stage of a row that was changed": Damage(
        statements="UPDATE deal_opportunities SET stage = NULL WHERE id = 1",
        seen={R3: (WARN, {(NULL_NOW, "1", 4, "1"), (MORE_NULLS, None, None, "1")})},
    ),
    "a nulled stage of a row that was changed, beside one that was NULL before": Damage(
        statements="UPDATE deal_opportunities SET stage = NULL WHERE id = 2",
        seen={R3: (WARN, {(NULL_NOW, "2", 5, "2"), (MORE_NULLS, None, None, "2")})},
    ),
    "a nulled stage of a row that was canonical all along": Damage(
        statements="UPDATE deal_opportunities SET stage = NULL WHERE id = 4",
        seen={R3: (WARN, {(MORE_NULLS, None, None, None), (A_NULL, "4", None, None)})},
    ),
    "a nulled stage beside one that was NULL before": Damage(
        statements="INSERT INTO deal_opportunities (fund_id, stage) VALUES (2, NULL)",
        # Which of the two is the new one, nobody can tell.
        seen={R3: (WARN, {(MORE_NULLS, None, None, "2"), (A_NULL, "3", None, "2"), (A_NULL, "6", None, "2")})},
    ),
    "a deleted row that was changed": Damage(
        statements="DELETE FROM portfoliocompanies WHERE id = 2",
        seen={R4: (WARN, {(GONE, "2", 1, "1"), (FEWER, None, None, "1")})},
    ),
    "a deleted row that was canonical all along": Damage(
        statements="DELETE FROM portfoliocompanies WHERE id = 4",
        seen={R4: (WARN, {(FEWER, None, None, "2")})},
    ),
    "a deleted row with another in its place": Damage(
        statements="DELETE FROM portfoliocompanies WHERE id = 2;"
        "INSERT INTO portfoliocompanies (fund_id, stage) VALUES (1, 'series-a')",
        seen={R4: (WARN, {(GONE, "2", 1, "1")})},
    ),
    "all rows of a fund deleted": Damage(
        statements="DELETE FROM deal_opportunities WHERE fund_id = 3",
        seen={R4: (WARN, {(GONE, "5", 6, "3"), (FEWER, None, None, "3")})},
    ),
    "a stage changed to another canonical one": Damage(
        statements="UPDATE portfoliocompanies SET stage = 'series-b' WHERE id = 1",
        seen={R5: (WARN, {(CHANGED, "1", 1, "1")})},
    ),
    "a stage changed to a messy one": Damage(
        statements="UPDATE portfoliocompanies SET stage = 'SEED' WHERE id = 1",
        seen={
            R2: (ERROR, {(MESSY, None, None, None), (NOT_CANONICAL, "1", None, "1")}),
            R5: (WARN, {(CHANGED, "1", 1, "1")}),
        },
    ),
    "a stage changed to an unknown one": Damage(
        statements="UPDATE portfoliocompanies SET stage = 'growth' WHERE id = 5",
        seen={
            R2: (ERROR, {(UNKNOWN, None, None, None), (NOT_CANONICAL, "5", None, None)}),
            R5: (WARN, {(CHANGED, "5", 3, None)}),
        },
    ),
    "an audited row set back": Damage(
        statements="UPDATE portfoliocompanies SET stage = 'Series A' WHERE id = 2",
        seen={
            R2: (ERROR, {(MESSY, None, None, None), (NOT_CANONICAL, "2", None, "1")}),
            R5: (ERROR, {(SET_BACK, "2", 1, "1")}),
        },
    ),
    "a canonical stage made messy": Damage(
        statements="UPDATE portfoliocompanies SET stage = ' seed' WHERE id = 4",
        seen={R2: (ERROR, {(MESSY, None, None, None), (NOT_CANONICAL, "4", None, "2")})},
    ),
    "a doctored count": Damage(
        statements=f"{NO_SUMS} UPDATE stage_migration_batches SET rows_updated = rows_updated + 1 WHERE batch_id = 5",
        seen={R1: (ERROR, {("batch completed", None, 5, "2")}), R5: (ERROR, {(DISAGREE, None, 5, "2")})},
    ),
    "a doctored count that still adds up": Damage(
        statements="UPDATE stage_migration_batches "
        "SET rows_updated = rows_updated - 1, rows_skipped = 1, rows_skipped_changed = 1 WHERE batch_id = 5",
        seen={R5: (ERROR, {(DISAGREE, None, 5, "2")})},
    ),
    "a doctored count of skipped rows": Damage(
        statements=f"{NO_SUMS} UPDATE stage_migration_batches SET rows_skipped = 7 WHERE batch_id = 5",
        seen={R1: (ERROR, {("batch completed", None, 5, "2")})},
    ),
    "a result that vanished": Damage(
        statements="UPDATE stage_migration_batches "
        "SET rows_updated = NULL, rows_skipped = NULL, rows_failed = NULL WHERE batch_id = 5",
        seen={R1: (ERROR, {("batch completed", None, 5, "2")}), R5: (ERROR, {(DISAGREE, None, 5, "2")})},
    ),
    "a batch that failed": Damage(
        statements="UPDATE stage_migration_batches SET status = 'failed' WHERE batch_id = 5",
        seen={R1: (ERROR, {("batch failed", None, 5, "2")})},
    ),
    "a batch that was set back": Damage(
        statements="UPDATE stage_migration_batches SET status = 'pending' WHERE batch_id = 5",
        seen={R1: (ERROR, {("batch pending", None, 5, "2")})},
    ),
    "a batch that was deleted": Damage(
        statements="DELETE FROM stage_migration_batches WHERE batch_id = 5",
        seen={
            R1: (ERROR, {(LOST, None, None, "2"), (DELETED, None, 5, "2")}),
            R5: (ERROR, {(DIGEST_DIFFERS, None, None, None)}),
        },
    ),
    "all batches deleted": Damage(
        statements="DELETE FROM stage_migration_batches",
        # One line for each target and fund, and for each batch.
        seen={
            R1: (
                ERROR,
                {
                    *((LOST, None, None, fund) for fund in ("1", "2", "3", None)),
                    *((DELETED, None, batch, fund) for batch, fund in FUND_OF_BATCH.items()),
                },
            ),
            R5: (ERROR, {(DIGEST_DIFFERS, None, None, None)}),
        },
    ),
    "a batch that was enlarged": Damage(
        statements="UPDATE stage_migration_batches "
        "SET rows_planned = rows_planned + 1, rows_skipped = 1, rows_skipped_changed = 1 WHERE batch_id = 5",
        seen={R1: (ERROR, {(UNPLANNED, None, None, "2")}), R5: (ERROR, {(DIGEST_DIFFERS, None, None, None)})},
    ),
    "an inserted row without a stage": Damage(
        statements="INSERT INTO deal_opportunities (fund_id, stage) VALUES (1, NULL)",
        seen={R3: (WARN, {(MORE_NULLS, None, None, "1"), (A_NULL, "6", None, "1")})},
    ),
    "an inserted row with a messy stage": Damage(
        statements="INSERT INTO deal_opportunities (fund_id, stage) VALUES (1, 'Seed')",
        seen={R2: (ERROR, {(MESSY, None, None, None), (NOT_CANONICAL, "6", None, "1")})},
    ),
    "a row moved to another fund": Damage(
        statements="UPDATE portfoliocompanies SET fund_id = 2 WHERE id = 1",
        seen={R4: (WARN, {(MOVED, "1", 1, "1"), (FEWER, None, None, "1"), (MORE, None, None, "2")})},
    ),
    "two rows that changed places between funds": Damage(
        statements="UPDATE portfoliocompanies SET fund_id = 3 - fund_id WHERE id IN (1, 3)",
        seen={R4: (WARN, {(MOVED, "1", 1, "1"), (MOVED, "3", 2, "2")})},
    ),
    "a row that lost its fund": Damage(
        statements="UPDATE portfoliocompanies SET fund_id = NULL WHERE id = 1",
        seen={R4: (WARN, {(MOVED, "1", 1, "1"), (FEWER, None, None, "1"), (MORE, None, None, None)})},
    ),
    "a row changed and moved to another fund": Damage(
        statements="UPDATE portfoliocompanies SET fund_id = 2, stage = 'series-c' WHERE id = 1",
        seen={
            R4: (WARN, {(FEWER, None, None, "1"), (MORE, None, None, "2")}),
            R5: (WARN, {(CHANGED, "1", 1, "1")}),
        },
    ),
    "a row without a stage moved to another fund": Damage(
        statements="UPDATE deal_opportunities SET fund_id = 1 WHERE id = 3",
        seen={
            R3: (WARN, {(MORE_NULLS, None, None, "1"), (A_NULL, "3", None, "1")}),
            R4: (WARN, {(FEWER, None, None, "2"), (MORE, None, None, "1")}),
        },
    ),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
def test_damage_is_reported_by_exactly_its_rules(migrated: Application, damage: Damage) -> None:
    migrated.sql(damage.statements)
    result = migrated.verify()
    assert not_passed(result) == {rule: severity for rule, (severity, _) in damage.seen.items()}
    for rule, (_, findings) in damage.seen.items():
        check = result.check(rule)
        assert named(result, rule) == findings
        assert check.findings_total >= len(check.findings)
        assert check.recommendation
    figures = result.check(R4).figures
    assert figures["rows_now"] - figures["rows_before"] == figures["rows_more"] - figures["rows_fewer"]
    any_error = ERROR in not_passed(result).values()
    assert result.verdict is (Verdict.FAILED if any_error else Verdict.PASSED_WITH_WARNINGS)
    strict = migrated.verify(strict=True)
    assert not_passed(strict) == dict.fromkeys(damage.seen, ERROR)
    assert strict.verdict is Verdict.FAILED


def test_deleted_batch_of_an_open_plan_fails(migrated: Application) -> None:
    migrated.sql("INSERT INTO deal_opportunities (fund_id, stage) VALUES (1, 'Seed'), (2, 'Series A'), (2, 'Seed')")
    migrated.plan()
    migrated.sql("DELETE FROM stage_migration_batches WHERE status = 'pending' AND fund_id = '2'")
    result = migrated.verify()
    assert not_passed(result) == {R1: ERROR, R2: ERROR}
    assert result.check(R1).figures["rows_without_a_batch"] == 2
    migrated.apply()
    migrated.sql("UPDATE deal_opportunities SET stage = lower(replace(stage, ' ', '-')) WHERE fund_id = 2")
    result = migrated.verify()
    assert not_passed(result) == {R1: ERROR}
    assert result.check(R1).figures["rows_without_a_batch"] == 2


def test_a_new_plan_does_not_settle_a_deleted_complete_batch(migrated: Application) -> None:
    migrated.sql("DELETE FROM stage_migration_batches WHERE batch_id = 5")
    migrated.run()
    result = migrated.verify()
    assert not_passed(result) == {R1: ERROR, R5: ERROR}
    assert named(result, R1) == {(DELETED, None, 5, "2")}


def test_a_new_plan_settles_a_deleted_failed_batch(application: Application) -> None:
    application.add(COMPANIES, [(1, "Seed"), (1, "Series A"), (2, "Seed")])
    application.sql(f"ALTER TABLE {COMPANIES} ADD CONSTRAINT no_a CHECK (stage <> 'series-a')")
    application.run()
    application.sql("DELETE FROM stage_migration_batches WHERE status IN ('failed', 'pending')")
    assert not_passed(application.verify()) == {R1: ERROR, R2: ERROR}
    application.sql(f"ALTER TABLE {COMPANIES} DROP CONSTRAINT no_a")
    application.run()
    result = application.verify()
    assert not_passed(result) == {}
    figures = result.check(R1).figures
    assert (figures["other_batches_deleted"], figures["rows_updated_by_those"]) == (1, 1)


def test_inserted_rows_are_listed_and_no_fault(migrated: Application) -> None:
    migrated.sql(
        "INSERT INTO deal_opportunities (fund_id, stage) VALUES (1, 'seed'), (9, 'series-a'), (NULL, 'series-b')"
    )
    result = migrated.verify()
    assert not_passed(result) == {}
    assert named(result, R4) == {(MORE, None, None, "1"), (MORE, None, None, "9"), (MORE, None, None, None)}
    figures = result.check(R4).figures
    assert (figures["rows_before"], figures["rows_now"], figures["rows_more"], figures["rows_fewer"]) == (10, 13, 3, 0)


def test_receipt_reveals_a_deleted_audit_row(migrated: Application) -> None:
    migrated.sql(
        "DELETE FROM stage_normalization_log WHERE batch_id = 5; UPDATE stage_migration_batches "
        "SET rows_updated = rows_updated - 1, rows_skipped = 1, rows_skipped_changed = 1 WHERE batch_id = 5"
    )
    result = migrated.verify()
    assert not_passed(result) == {R5: ERROR}
    assert ("receipt without audit rows", None, 5, "2") in named(result, R5)


def test_rerun_of_one_fund_settles_only_its_deleted_batches(migrated: Application) -> None:
    migrated.sql("INSERT INTO deal_opportunities (fund_id, stage) VALUES (1, 'Seed'), (2, 'Seed'), (3, 'Seed')")
    migrated.plan()
    migrated.apply(scope=FundScope.one("3"))
    # The runbook's own clean-up before a rerun.
    migrated.sql("DELETE FROM stage_migration_batches WHERE status IN ('failed', 'pending')")
    migrated.run(scope=FundScope.one("2"))
    assert not_passed(migrated.verify(scope=FundScope.one("2"))) == {}
    result = migrated.verify()
    assert not_passed(result) == {R1: ERROR, R2: ERROR}
    assert named(result, R1) == {(LOST, None, None, "1")}
    migrated.run(scope=FundScope.one("1"))
    assert not_passed(migrated.verify()) == {}


def test_rerun_of_one_table_settles_no_other_table(migrated: Application) -> None:
    migrated.sql("DELETE FROM stage_migration_batches WHERE fund_id = '1'")
    migrated.run(targets=(TargetSetting(table="deal_opportunities"),))
    result = migrated.verify()
    lost = [finding.target for finding in result.check(R1).findings if finding.what == LOST]
    assert lost == ["public.portfoliocompanies.stage"]


def test_extra_audit_rows_of_a_deleted_batch_disagree(migrated: Application) -> None:
    migrated.sql("DELETE FROM stage_migration_batches WHERE batch_id = 2")
    result = migrated.verify()
    assert named(result, R5) == {(DIGEST_DIFFERS, None, None, None)}
    assert result.check(R5).figures["batches_that_disagree"] == 0
    migrated.sql(extra_entry())
    result = migrated.verify()
    assert not_passed(result) == {R1: ERROR, R5: ERROR}
    assert named(result, R5) == {(DIGEST_DIFFERS, None, None, None), (NO_BATCH, None, 2, None)}


def test_the_history_of_other_tools_is_not_judged(migrated: Application) -> None:
    migrated.sql(
        f"INSERT INTO stage_normalization_log ({ENTRY}) VALUES "
        "('public', 'portfoliocompanies', 'stage', '4', '2', 'growth', 'series-c', 'normalize', NULL, NULL), "
        "('public', 'portfoliocompanies', 'stage', '4', '2', 'growth', 'x', 'force_through', 1, 2), "
        "('public', 'portfoliocompanies', 'stage', '77', '2', NULL, NULL, 'validate', 1, 2)"
    )
    assert not_passed(migrated.verify()) == {}


def test_skipped_row_needs_no_audit_row(migrated: Application) -> None:
    skipped, changed = migrated.add("deal_opportunities", [(9, "Seed"), (9, "Seed")])
    migrated.plan()
    migrated.sql("UPDATE deal_opportunities SET stage = 'series-c' WHERE id = %s", skipped)
    migrated.apply()
    migrated.sql("DELETE FROM stage_normalization_log WHERE row_id = %s", str(changed))
    assert named(migrated.verify(), R5) == {(DISAGREE, None, 7, "9"), (UNAUDITED, str(changed), 7, "9")}


def test_an_entry_of_another_tool_hides_no_damage(migrated: Application) -> None:
    migrated.sql("UPDATE portfoliocompanies SET stage = 'Seed' WHERE id = 1")
    migrated.sql(
        f"INSERT INTO stage_normalization_log ({ENTRY}) VALUES "
        "('public', 'portfoliocompanies', 'stage', '1', '1', 'seed', 'Seed', 'force_through', 1, 1)"
    )
    assert named(migrated.verify(), R5) == {(SET_BACK, "1", 1, "1")}


def test_finding_tells_null_from_not_applicable(migrated: Application) -> None:
    migrated.sql(
        "UPDATE deal_opportunities SET stage = NULL WHERE id = 1; DELETE FROM portfoliocompanies WHERE id = 2;"
        "UPDATE portfoliocompanies SET stage = 'series-c' WHERE id = 1"
    )
    result = migrated.verify()
    found = {
        finding.what: (finding.has_stage_now, finding.stage_now)
        for rule in (R3, R4, R5)
        for finding in result.check(rule).findings
    }
    assert found == {
        NULL_NOW: (True, None),
        MORE_NULLS: (False, None),
        GONE: (False, None),
        FEWER: (False, None),
        CHANGED: (True, "series-c"),
    }


def test_new_nulls_are_split_by_who_changed_the_row(migrated: Application) -> None:
    migrated.sql(
        "UPDATE deal_opportunities SET stage = NULL WHERE id = 1;"
        "INSERT INTO deal_opportunities (fund_id, stage) VALUES (1, NULL), (3, NULL)"
    )
    check = migrated.verify().check(R3)
    assert (check.figures["new_null"], check.figures["audited_rows_now_null"]) == (3, 1)
    assert "at least 2 NULLs in rows that stagenorm never changed" in check.summary
    assert {finding.row_id for finding in check.findings if finding.what == A_NULL} == {"6", "7"}


def test_newest_null_rows_are_listed(migrated: Application) -> None:
    ids = migrated.add("deal_opportunities", [(1, None)] * 60)
    findings = migrated.verify().check(R3).findings
    named_rows = [int(finding.row_id or 0) for finding in findings if finding.what == A_NULL]
    assert named_rows == ids[::-1][: len(named_rows)]
    assert len(named_rows) >= 40


def test_moved_row_is_listed_with_its_new_fund(migrated: Application) -> None:
    migrated.sql("UPDATE portfoliocompanies SET fund_id = 2 WHERE id = 1")
    migrated.sql("UPDATE portfoliocompanies SET fund_id = NULL, stage = 'series-c' WHERE id = 2")
    result = migrated.verify()
    details = {f.row_id: f.detail for rule in (R4, R5) for f in result.check(rule).findings if f.row_id}
    assert details == {"1": "in fund 2 now", "2": "without a fund now"}
    assert result.check(R4).figures["audited_rows_moved"] == 1


def test_change_between_canonical_stages_is_a_warning(migrated: Application) -> None:
    migrated.sql("UPDATE portfoliocompanies SET stage = 'series-b' WHERE id = 4")
    assert not_passed(migrated.verify()) == {}


def test_several_kinds_of_damage_have_exact_counts(migrated: Application) -> None:
    migrated.sql(
        "DELETE FROM portfoliocompanies WHERE id IN (1, 2); UPDATE portfoliocompanies SET stage = 'Seed' WHERE id = 3;"
        "UPDATE portfoliocompanies SET stage = 'series-c' WHERE id = 5;"
        "UPDATE deal_opportunities SET stage = NULL WHERE id < 3"
    )
    result = migrated.verify()
    assert not_passed(result) == {R2: ERROR, R3: WARN, R4: WARN, R5: ERROR}
    assert result.check(R3).figures["audited_rows_now_null"] == result.check(R3).figures["new_null"] == 2
    assert result.check(R4).figures["audited_rows_gone"] == result.check(R4).figures["rows_fewer"] == 2
    assert (result.check(R5).figures["rows_set_back"], result.check(R5).figures["rows_changed_since"]) == (1, 1)


@pytest.mark.parametrize(
    ("statement", "rule", "figure"),
    [
        ("UPDATE portfoliocompanies SET stage = 'series-c' WHERE fund_id = 7", R5, "rows_changed_since"),
        ("DELETE FROM portfoliocompanies WHERE fund_id = 7", R4, "audited_rows_gone"),
        ("UPDATE portfoliocompanies SET stage = 'growth' WHERE fund_id = 7", R2, "rows_unknown"),
    ],
)
def test_the_examples_are_capped_and_the_counts_are_exact(
    migrated: Application, statement: str, rule: Rule, figure: str
) -> None:
    migrated.sql("INSERT INTO portfoliocompanies (fund_id, stage) SELECT 7, 'Seed' FROM generate_series(1, 120)")
    migrated.run()
    migrated.sql(statement)
    check = migrated.verify().check(rule)
    assert check.figures[figure] == 120
    assert len(check.findings) <= 50
    assert len([finding for finding in check.findings if finding.row_id]) >= 20
    assert check.findings_total >= 120


def test_examples_include_every_kind_of_finding(migrated: Application) -> None:
    migrated.sql("INSERT INTO portfoliocompanies (fund_id, stage) SELECT 7, 'Seed' FROM generate_series(1, 70)")
    migrated.run(batch_size=1)
    migrated.sql(
        "DELETE FROM stage_normalization_log WHERE plan_id = 2;"
        "UPDATE portfoliocompanies SET stage = 'series-c' WHERE id = 1"
    )
    check = migrated.verify().check(R5)
    shown = Counter(finding.what for finding in check.findings)
    assert shown.total() == 50
    assert shown[CHANGED] == 1
    assert min(shown[DISAGREE], shown[UNAUDITED]) >= 20
