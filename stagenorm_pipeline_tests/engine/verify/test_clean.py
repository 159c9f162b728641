"""Verifications of what nobody damaged: before, during and after a migration, and after users worked beside it."""

from hashlib import sha256
from typing import Any

import pytest

from stagenorm_pipeline import __version__
from stagenorm_pipeline.config.settings import TargetSetting
from stagenorm_pipeline.engine.apply.events import BatchCompleted, Event
from stagenorm_pipeline.engine.inventory.inventory import RowCounts
from stagenorm_pipeline.engine.targets.funds import FundScope
from stagenorm_pipeline.engine.verify.recorded_verifications import record_verification
from stagenorm_pipeline.engine.verify.result import Outcome, Rule, Severity, Verdict
from stagenorm_pipeline.errors import PlanError, TargetError
from stagenorm_pipeline.report.json_document import document_json, verification_document
from stagenorm_pipeline.vocabulary import Decision, Decisions, Vocabulary
from stagenorm_pipeline_tests.support.application import COMPANIES, DEALS, VOCABULARY, Application
from stagenorm_pipeline_tests.support.verification_outcomes import not_passed


def test_a_clean_run_passes_all_seven_rules(migrated: Application) -> None:
    result = migrated.verify(strict=True)
    assert [check.rule for check in result.checks] == list(Rule)
    assert (result.verdict, result.count(Outcome.PASSED)) == (Verdict.PASSED, 7)
    assert [check.recommendation for check in result.checks] == [None] * 7
    assert [check.findings for check in result.checks] == [()] * 7


def test_each_figure_is_that_of_plain_sql(migrated: Application) -> None:
    result = migrated.verify()
    figures = {check.rule: dict(check.figures) for check in result.checks}
    batches = migrated.sql("SELECT count(*), sum(rows_planned), sum(rows_updated) FROM stage_migration_batches")[0]
    assert (
        figures[Rule.BATCH_TRACKING]["total_batches"],
        figures[Rule.BATCH_TRACKING]["rows_planned"],
        figures[Rule.BATCH_TRACKING]["rows_updated"],
    ) == batches
    both = f"(SELECT fund_id, stage FROM {COMPANIES} UNION ALL SELECT fund_id, stage FROM {DEALS}) AS both_tables"
    rows, nulls = migrated.sql(f"SELECT count(*), count(*) FILTER (WHERE stage IS NULL) FROM {both}")[0]
    assert figures[Rule.CANONICAL_STAGES]["rows_checked"] == rows - nulls
    assert figures[Rule.CANONICAL_STAGES]["rows_canonical"] == rows - nulls
    assert figures[Rule.NULL_INTEGRITY]["null_now"] == figures[Rule.NULL_INTEGRITY]["null_before"] == nulls
    assert figures[Rule.ROW_COUNTS]["rows_now"] == figures[Rule.ROW_COUNTS]["rows_before"] == rows
    logged = migrated.value("SELECT count(*) FROM stage_normalization_log")
    assert figures[Rule.AUDIT_CONSISTENCY]["audit_rows"] == figures[Rule.SAMPLE_INSPECTION]["rows_sampled"] == logged
    assert figures[Rule.FUND_BREAKDOWN]["funds"] == migrated.value(f"SELECT count(DISTINCT fund_id) FROM {both}")


def test_every_fund_of_every_table_stands_before_and_now(migrated: Application) -> None:
    migrated.add(DEALS, [(8, "seed")])
    migrated.sql(f"DELETE FROM {DEALS} WHERE fund_id = 3")
    funds = {(f.target.split(".")[1], f.fund_id): (f.before, f.after) for f in migrated.verify().funds}
    assert funds == {
        (COMPANIES, "1"): (RowCounts(rows_seen=2, rows_to_change=2), RowCounts(rows_seen=2, rows_canonical=2)),
        (COMPANIES, "2"): (
            RowCounts(rows_seen=2, rows_canonical=1, rows_to_change=1),
            RowCounts(rows_seen=2, rows_canonical=2),
        ),
        (COMPANIES, None): (RowCounts(rows_seen=1, rows_to_change=1), RowCounts(rows_seen=1, rows_canonical=1)),
        (DEALS, "1"): (RowCounts(rows_seen=1, rows_to_change=1), RowCounts(rows_seen=1, rows_canonical=1)),
        (DEALS, "2"): (
            RowCounts(rows_seen=2, rows_null=1, rows_to_change=1),
            RowCounts(rows_seen=2, rows_canonical=1, rows_null=1),
        ),
        (DEALS, "3"): (RowCounts(rows_seen=1, rows_to_change=1), None),
        (DEALS, "8"): (None, RowCounts(rows_seen=1, rows_canonical=1)),
        (DEALS, None): (RowCounts(rows_seen=1, rows_canonical=1), RowCounts(rows_seen=1, rows_canonical=1)),
    }


def test_the_stages_stand_before_and_now(migrated: Application) -> None:
    stages = {(s.target.split(".")[1], s.stage): (s.before, s.after) for s in migrated.verify().stages}
    assert stages[COMPANIES, "seed"] == (1, 3)
    assert stages[COMPANIES, "other"] == (4, 0)
    assert stages[DEALS, "series-a"] == (1, 1)
    assert stages[DEALS, "NULL"] == (1, 1)
    assert len(stages) == 16


def test_the_result_says_what_was_verified_by_whom_and_under_which_vocabulary(migrated: Application) -> None:
    result = migrated.verify(sample_size=3, sample_seed=9)
    assert (result.created_by, result.vocabulary_version, result.code_version) == (
        "reviewer",
        VOCABULARY.version,
        __version__,
    )
    assert result.targets == ("public.portfoliocompanies.stage", "public.deal_opportunities.stage")
    assert (result.sample_size, result.sample_seed, result.scope) == (3, 9, FundScope())
    assert [(p.plan_id, p.status, p.created_by, p.is_baseline) for p in result.plans] == [
        (1, "completed", "planner", True)
    ]
    assert not result.in_progress


def test_what_was_read_for_several_rules_is_named_and_timed_beside_them(migrated: Application) -> None:
    result = migrated.verify()
    named = {(read.name, read.target and read.target.split(".")[1]) for read in result.reads}
    of_each = {
        "every row by spelling and fund",
        "the baseline",
        "each audited row beside the audit log",
        "changes by other sessions",
    }
    of_all = {
        "the audit log by batch",
        "planned rows and their batches",
        "what is gone from the tracking tables",
        "the audit log with its receipts",
    }
    assert named == {(name, None) for name in of_all} | {(name, t) for name in of_each for t in (COMPANIES, DEALS)}
    assert {rule for read in result.reads for rule in read.rules} == set(Rule)
    parts = [*(read.duration_ms for read in result.reads), *(check.duration_ms for check in result.checks)]
    # Each part is rounded by itself.
    assert sum(parts) <= result.duration_ms + len(parts)


def test_before_any_plan_only_the_canonical_rule_can_judge(application: Application) -> None:
    application.add(DEALS, [(1, "Seed"), (1, None)])
    result = application.verify()
    assert not_passed(result) == {Rule.CANONICAL_STAGES: Severity.ERROR}
    assert result.plans == ()
    assert "no plan has been applied" in result.check(Rule.NULL_INTEGRITY).summary


def test_empty_tables_pass(application: Application) -> None:
    assert application.verify().verdict is Verdict.PASSED
    application.run()
    assert application.verify().verdict is Verdict.PASSED


def test_in_the_middle_of_a_migration_it_says_so(application: Application) -> None:
    application.add(COMPANIES, [(1, "Seed"), (2, "Seed")])
    application.plan()
    application.apply(scope=FundScope.one("1"))
    result = application.verify()
    assert result.in_progress
    assert not_passed(result) == {Rule.BATCH_TRACKING: Severity.ERROR, Rule.CANONICAL_STAGES: Severity.ERROR}
    figures = result.check(Rule.BATCH_TRACKING).figures
    assert (figures["completed_batches"], figures["pending_batches"]) == (1, 1)
    for rule in (Rule.BATCH_TRACKING, Rule.CANONICAL_STAGES):
        assert "stagenorm resume" in (result.check(rule).recommendation or "")
        assert "stagenorm run" not in (result.check(rule).recommendation or "")


def test_after_every_single_batch_log_and_data_agree_and_nothing_is_missing(application: Application) -> None:
    application.add(COMPANIES, [(1, "Seed"), (1, "Series A"), (2, "Seed"), (None, "SERIES B")])
    application.add(DEALS, [(1, "Seed"), (2, None)])
    application.plan(batch_size=1)
    seen: list[tuple[bool, set[Rule]]] = []

    def watch(event: Event) -> None:
        if isinstance(event, BatchCompleted):
            result = application.verify()
            seen.append((result.in_progress, set(not_passed(result))))

    application.apply(watch=watch)
    assert seen == [(True, {Rule.BATCH_TRACKING, Rule.CANONICAL_STAGES})] * 4 + [(False, set())]


def test_a_draft_that_nobody_opened_is_no_part_of_it(migrated: Application) -> None:
    migrated.plan(as_draft=True)
    assert [plan.plan_id for plan in migrated.verify().plans] == [1]


def test_refused_rows_are_named_with_what_the_database_said(application: Application) -> None:
    application.sql(f"ALTER TABLE {COMPANIES} ADD CONSTRAINT no_seed CHECK (stage <> 'seed')")
    application.add(COMPANIES, [(1, "Seed"), (1, "Series A")])
    application.run()
    result = application.verify()
    assert not_passed(result) == {Rule.BATCH_TRACKING: Severity.ERROR, Rule.CANONICAL_STAGES: Severity.ERROR}
    (finding,) = result.check(Rule.BATCH_TRACKING).findings
    assert (finding.row_id, finding.stage_before, finding.stage_after) == ("1", "Seed", "seed")
    assert "no_seed" in (finding.detail or "")


def test_rows_skipped_because_users_worked_beside_the_run_are_no_fault(application: Application) -> None:
    application.add(COMPANIES, [(1, "Seed")] * 4)
    application.plan()
    application.sql(f"UPDATE {COMPANIES} SET stage = 'series-b' WHERE id = 1")
    application.apply()
    result = application.verify()
    assert not_passed(result) == {}
    assert result.check(Rule.BATCH_TRACKING).figures["rows_skipped"] == 1


def test_a_row_that_a_user_messed_up_again_and_a_later_plan_mended_is_no_fault(migrated: Application) -> None:
    migrated.sql(f"UPDATE {COMPANIES} SET stage = 'SERIES B' WHERE id = 1")
    migrated.run()
    assert not_passed(migrated.verify()) == {}
    migrated.sql(f"UPDATE {COMPANIES} SET stage = 'SERIES B' WHERE id = 1")
    result = migrated.verify()
    assert not_passed(result) == {Rule.CANONICAL_STAGES: Severity.ERROR, Rule.AUDIT_CONSISTENCY: Severity.ERROR}
    # Its latest change is what counts: named once.
    assert [f.row_id for f in result.check(Rule.AUDIT_CONSISTENCY).findings] == ["1"]


def test_a_spelling_that_a_reviewer_left_as_it_is_warns_and_fails_in_strict_mode_alone(migrated: Application) -> None:
    migrated.add(COMPANIES, [(1, "growth"), (2, "growth")])
    decided = Vocabulary.with_decisions(
        Decisions(entries=(Decision(spelling="growth", is_kept=True, reason="no round"),))
    )
    result = migrated.verify(vocabulary=decided)
    assert not_passed(result) == {Rule.CANONICAL_STAGES: Severity.WARN}
    assert result.check(Rule.CANONICAL_STAGES).figures["rows_left_as_is"] == 2
    assert result.verdict is Verdict.PASSED_WITH_WARNINGS
    assert migrated.verify(vocabulary=decided, strict=True).verdict is Verdict.FAILED


def test_unknown_spellings_are_listed_with_most_rows_first(migrated: Application) -> None:
    migrated.add(COMPANIES, [(1, "growth"), (2, "late"), (2, "late")])
    migrated.add(DEALS, [(1, "growth"), (1, "growth"), (1, "growth")])
    result = migrated.verify()
    assert [(s.target.split(".")[1], s.spelling, s.rows) for s in result.unknown] == [
        (DEALS, "growth", 3),
        (COMPANIES, "late", 2),
        (COMPANIES, "growth", 1),
    ]
    assert result.check(Rule.CANONICAL_STAGES).figures["rows_unknown"] == 6


@pytest.mark.parametrize(("type_", "key"), [("uuid", "gen_random_uuid()"), ("text", r"'%s {} \ ' || i"), ("int", "-i")])
def test_every_kind_of_key_finds_its_row(application: Application, type_: str, key: str) -> None:
    targets = (TargetSetting(table="deals"),)
    application.sql(f"CREATE TABLE deals (id {type_} PRIMARY KEY, stage text)")
    application.user.execute(f"INSERT INTO deals SELECT {key}, 'Seed ' FROM generate_series(1, 20) i".encode())
    application.run(targets=targets)
    for size in (5, 20):
        result = application.verify(targets=targets, sample_size=size)
        assert not_passed(result) == {}
        assert [(row.exists, row.stage_now) for row in result.sample] == [(True, "seed")] * size
    changed = application.value(
        "UPDATE deals SET stage = 'series-a' WHERE id = (SELECT id FROM deals LIMIT 1) RETURNING id"
    )
    (finding,) = application.verify(targets=targets).check(Rule.AUDIT_CONSISTENCY).findings
    assert (finding.row_id, finding.stage_now) == (str(changed), "series-a")


def test_a_missing_table_is_an_error_that_names_it(migrated: Application) -> None:
    with pytest.raises(TargetError, match="nowhere"):
        migrated.verify(targets=(TargetSetting(table="nowhere"),))


@pytest.mark.parametrize("plan_id", [7, 2])
def test_a_plan_that_was_never_applied_cannot_be_compared_with(migrated: Application, plan_id: int) -> None:
    migrated.plan(as_draft=True)
    with pytest.raises(PlanError, match=f"Plan {plan_id} was never applied"):
        migrated.verify(plan_id=plan_id)


def test_the_record_of_a_verification_holds_its_verdict_and_counts(migrated: Application) -> None:
    migrated.sql(f"DELETE FROM {COMPANIES} WHERE id = 4")
    result = migrated.verify(strict=False, scope=FundScope.one("2"))
    number = record_verification(migrated.database, result, report="{}\n")
    columns = "verification_id, created_by, plan_id, strict, verdict, checks_passed, checks_failed"
    row: tuple[Any, ...] = (number, "reviewer", 1, False, "passed_with_warnings", 6, 0)
    assert migrated.sql(f"SELECT {columns} FROM stage_verifications") == [row]
    assert migrated.value("SELECT scope FROM stage_verifications") == {
        "targets": ["public.portfoliocompanies.stage", "public.deal_opportunities.stage"],
        "all_funds": False,
        "fund_id": "2",
    }


def test_a_record_throttles_the_report_and_the_newest_log_entry_it_saw(migrated: Application) -> None:
    newest = migrated.value("SELECT max(id) FROM stage_normalization_log")
    result = migrated.verify()
    migrated.user.execute(b"UPDATE portfoliocompanies SET stage = 'Seed ' WHERE id = 1")
    migrated.run()
    report = document_json(verification_document(result))
    record_verification(migrated.database, result, report=report)
    row: tuple[Any, ...] = (report, sha256(report.encode()).hexdigest(), newest)
    assert migrated.sql("SELECT report, report_sha256, last_log_id FROM stage_verifications") == [row]
    assert migrated.value("SELECT max(id) FROM stage_normalization_log") > newest
