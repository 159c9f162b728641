"""The damage that each rule exists for, planted: the rules that should see it see it, and no others."""

from dataclasses import dataclass

import pytest

from stagenorm_pipeline.engine.verification.result import Rule, Severity, Verdict
from stagenorm_pipeline_tests.engine.application import Application
from stagenorm_pipeline_tests.engine.verification.outcomes import Named, named, not_passed

R1, R2, R3, R4, R5 = (
    Rule.BATCH_TRACKING,
    Rule.CANONICAL_STAGES,
    Rule.NULL_INTEGRITY,
    Rule.ROW_COUNTS,
    Rule.AUDIT_CONSISTENCY,
)
ERROR, WARN = Severity.ERROR, Severity.WARN

DISAGREE = "batch and audit log disagree"
GONE = "changed by us, row is gone"
NULL_NOW = "changed by us, NULL now"
SET_BACK = "changed by us, holds its old spelling again"
CHANGED = "changed by us, then by somebody else"
MORE_NULLS = "more NULLs than before"
FEWER, MORE = "fewer rows than before", "more rows than before"
NOT_CANONICAL = "stage is not canonical"
MESSY, UNKNOWN = "known spelling, not normalized", "unknown spelling"

ENTRY = "schema_name, table_name, column_name, row_id, fund_id, stage_before, stage_after, action, plan_id, batch_id"
NO_SUMS = (
    "ALTER TABLE stage_migration_batches DROP CONSTRAINT stage_migration_batches_counts_add_up, "
    "DROP CONSTRAINT stage_migration_batches_skips_add_up;"
)


@dataclass(frozen=True, slots=True)
class Damage:
    """Statements, and for each rule that should see them the severity and what its findings name."""

    statements: str
    seen: dict[Rule, tuple[Severity, set[Named]]]


DAMAGES = {
    "a lost audit row": Damage(
        "DELETE FROM stage_normalization_log WHERE table_name = 'portfoliocompanies' AND row_id = '1'",
        {R5: (ERROR, {(DISAGREE, None, 1, "1")})},
    ),
    "an audit row that is there twice": Damage(
        f"INSERT INTO stage_normalization_log ({ENTRY}) SELECT {ENTRY} FROM stage_normalization_log WHERE batch_id = 2",
        {R5: (ERROR, {(DISAGREE, None, 2, "2")})},
    ),
    "an audit row that says something else": Damage(
        "UPDATE stage_normalization_log SET stage_after = 'series-c' WHERE batch_id = 2",
        {R5: (WARN, {(CHANGED, "3", 2, "2")})},
    ),
    "a nulled stage of a row that was changed": Damage(
        "UPDATE deal_opportunities SET stage = NULL WHERE id = 1",
        {R3: (WARN, {(NULL_NOW, "1", 4, "1"), (MORE_NULLS, None, None, "1")})},
    ),
    "a nulled stage of a row that was canonical all along": Damage(
        "UPDATE deal_opportunities SET stage = NULL WHERE id = 4",
        {R3: (WARN, {(MORE_NULLS, None, None, None)})},
    ),
    "a deleted row that was changed": Damage(
        "DELETE FROM portfoliocompanies WHERE id = 2",
        {R4: (WARN, {(GONE, "2", 1, "1"), (FEWER, None, None, "1")})},
    ),
    "a deleted row that was canonical all along": Damage(
        "DELETE FROM portfoliocompanies WHERE id = 4",
        {R4: (WARN, {(FEWER, None, None, "2")})},
    ),
    "a deleted row with another in its place": Damage(
        "DELETE FROM portfoliocompanies WHERE id = 2;"
        "INSERT INTO portfoliocompanies (fund_id, stage) VALUES (1, 'series-a')",
        {R4: (WARN, {(GONE, "2", 1, "1")})},
    ),
    "all rows of a fund deleted": Damage(
        "DELETE FROM deal_opportunities WHERE fund_id = 3",
        {R4: (WARN, {(GONE, "5", 6, "3"), (FEWER, None, None, "3")})},
    ),
    "a stage changed to another canonical one": Damage(
        "UPDATE portfoliocompanies SET stage = 'series-b' WHERE id = 1",
        {R5: (WARN, {(CHANGED, "1", 1, "1")})},
    ),
    "a stage changed to a messy one": Damage(
        "UPDATE portfoliocompanies SET stage = 'SEED' WHERE id = 1",
        {
            R2: (ERROR, {(MESSY, None, None, None), (NOT_CANONICAL, "1", None, "1")}),
            R5: (WARN, {(CHANGED, "1", 1, "1")}),
        },
    ),
    "a stage changed to an unknown one": Damage(
        "UPDATE portfoliocompanies SET stage = 'growth' WHERE id = 5",
        {
            R2: (ERROR, {(UNKNOWN, None, None, None), (NOT_CANONICAL, "5", None, None)}),
            R5: (WARN, {(CHANGED, "5", 3, None)}),
        },
    ),
    "an audited row set back": Damage(
        "UPDATE portfoliocompanies SET stage = 'Series A' WHERE id = 2",
        {
            R2: (ERROR, {(MESSY, None, None, None), (NOT_CANONICAL, "2", None, "1")}),
            R5: (ERROR, {(SET_BACK, "2", 1, "1")}),
        },
    ),
    "a canonical stage made messy": Damage(
        "UPDATE portfoliocompanies SET stage = ' seed' WHERE id = 4",
        {R2: (ERROR, {(MESSY, None, None, None), (NOT_CANONICAL, "4", None, "2")})},
    ),
    "a doctored count": Damage(
        f"{NO_SUMS} UPDATE stage_migration_batches SET rows_updated = rows_updated + 1 WHERE batch_id = 5",
        {R1: (ERROR, {("batch completed", None, 5, "2")}), R5: (ERROR, {(DISAGREE, None, 5, "2")})},
    ),
    "a doctored count that still adds up": Damage(
        "UPDATE stage_migration_batches "
        "SET rows_updated = rows_updated - 1, rows_skipped = 1, rows_skipped_changed = 1 WHERE batch_id = 5",
        {R5: (ERROR, {(DISAGREE, None, 5, "2")})},
    ),
    "a doctored count of skipped rows": Damage(
        f"{NO_SUMS} UPDATE stage_migration_batches SET rows_skipped = 7 WHERE batch_id = 5",
        {R1: (ERROR, {("batch completed", None, 5, "2")})},
    ),
    "a result that vanished": Damage(
        "UPDATE stage_migration_batches "
        "SET rows_updated = NULL, rows_skipped = NULL, rows_failed = NULL WHERE batch_id = 5",
        {R1: (ERROR, {("batch completed", None, 5, "2")}), R5: (ERROR, {(DISAGREE, None, 5, "2")})},
    ),
    "a batch that failed": Damage(
        "UPDATE stage_migration_batches SET status = 'failed' WHERE batch_id = 5",
        {R1: (ERROR, {("batch failed", None, 5, "2")})},
    ),
    "a batch that was deleted": Damage(
        "DELETE FROM stage_migration_batches WHERE batch_id = 5",
        {R1: (ERROR, set())},
    ),
    "an inserted row without a stage": Damage(
        "INSERT INTO deal_opportunities (fund_id, stage) VALUES (1, NULL)",
        {R3: (WARN, {(MORE_NULLS, None, None, "1")})},
    ),
    "an inserted row with a messy stage": Damage(
        "INSERT INTO deal_opportunities (fund_id, stage) VALUES (1, 'Seed')",
        {R2: (ERROR, {(MESSY, None, None, None), (NOT_CANONICAL, "6", None, "1")})},
    ),
    "a row moved to another fund": Damage(
        "UPDATE portfoliocompanies SET fund_id = 2 WHERE id = 1",
        {R4: (WARN, {(FEWER, None, None, "1"), (MORE, None, None, "2")})},
    ),
    "a row without a stage moved to another fund": Damage(
        "UPDATE deal_opportunities SET fund_id = 1 WHERE id = 3",
        {
            R3: (WARN, {(MORE_NULLS, None, None, "1")}),
            R4: (WARN, {(FEWER, None, None, "2"), (MORE, None, None, "1")}),
        },
    ),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
def test_the_rules_that_a_damage_concerns_see_it_and_name_it_and_no_others_do(
    migrated: Application, damage: Damage
) -> None:
    migrated.sql(damage.statements)
    result = migrated.verify()
    assert not_passed(result) == {rule: severity for rule, (severity, _) in damage.seen.items()}
    for rule, (_, findings) in damage.seen.items():
        assert named(result, rule) == findings
        assert result.check(rule).recommendation
    any_error = ERROR in not_passed(result).values()
    assert result.verdict is (Verdict.FAILED if any_error else Verdict.PASSED_WITH_WARNINGS)
    strict = migrated.verify(strict=True)
    assert not_passed(strict) == dict.fromkeys(damage.seen, ERROR)
    assert strict.verdict is Verdict.FAILED


def test_a_deleted_batch_of_an_open_plan_is_missed_even_when_its_rows_are_clean(migrated: Application) -> None:
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


def test_a_new_plan_settles_a_deleted_batch(migrated: Application) -> None:
    migrated.sql("DELETE FROM stage_migration_batches WHERE batch_id = 5")
    migrated.run()
    assert not_passed(migrated.verify()) == {}


def test_rows_that_users_inserted_are_named_and_are_no_fault(migrated: Application) -> None:
    migrated.sql(
        "INSERT INTO deal_opportunities (fund_id, stage) VALUES (1, 'seed'), (9, 'series-a'), (NULL, 'series-b')"
    )
    result = migrated.verify()
    assert not_passed(result) == {}
    assert named(result, R4) == {(MORE, None, None, "1"), (MORE, None, None, "9"), (MORE, None, None, None)}
    figures = result.check(R4).figures
    assert (figures["rows_before"], figures["rows_now"], figures["rows_more"], figures["rows_fewer"]) == (10, 13, 3, 0)


def test_a_canonical_stage_changed_to_another_cannot_be_told_from_a_users_work(migrated: Application) -> None:
    migrated.sql("UPDATE portfoliocompanies SET stage = 'series-b' WHERE id = 4")
    assert not_passed(migrated.verify()) == {}


def test_damage_of_several_kinds_is_told_apart_with_exact_counts(migrated: Application) -> None:
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
