"""What a report tells beside the verdicts, from real verifications: decisions, undoing, by whom, and by whom else."""

import pytest

from stagenorm_pipeline.config.configuration import TargetSetting
from stagenorm_pipeline.engine.rollback.rollback import RollbackRequest, record_rollback
from stagenorm_pipeline.engine.targets.funds import FundScope
from stagenorm_pipeline.engine.verify.result import VerificationResult
from stagenorm_pipeline.report.json_document import verification_document
from stagenorm_pipeline.report.notes import notes
from stagenorm_pipeline.report.other_session_changes import other_session_changes_table
from stagenorm_pipeline.vocabulary import Decision, Decisions, Vocabulary
from stagenorm_pipeline_tests.report.test_json_document import closed, published_schema, validate
from stagenorm_pipeline_tests.support.application import COMPANIES, DEALS, Application

_DEBT = Decision(spelling="Debt", is_kept=True, reason="no round of equity", decided_by="M. Ruiz")
_DECIDED = Vocabulary.with_decisions(Decisions(entries=(_DEBT,)))


@pytest.fixture
def migrated(application: Application) -> Application:
    """Companies 1 to 8 and deals 1 to 3, all with known spellings, normalized by plan 1."""
    application.add(COMPANIES, [(1, "Seed"), (1, "Series A"), (2, "seriesb"), (2, "SEED"), *[(3, "Seed")] * 4])
    application.add(DEALS, [(1, "Series C"), (2, None), (None, "Seed")])
    application.run()
    return application


def happened(result: VerificationResult) -> dict[str, object]:
    """What the table of what others changed counts, without what did not happen."""
    return {str(what): rows for what, rows, _ in other_session_changes_table(result).rows if rows}


def test_every_change_by_other_sessions_is_counted(migrated: Application) -> None:
    assert happened(migrated.verify()) == {}
    migrated.sql(f"UPDATE {COMPANIES} SET stage = 'Seed' WHERE id = 1")
    migrated.sql(f"UPDATE {COMPANIES} SET stage = 'series-c' WHERE id IN (2, 3)")
    migrated.sql(f"UPDATE {COMPANIES} SET fund_id = 9 WHERE id = 4")
    migrated.sql(f"DELETE FROM {COMPANIES} WHERE id IN (5, 6, 7)")
    migrated.sql(f"UPDATE {DEALS} SET stage = NULL WHERE id = 1")
    migrated.add(DEALS, [(9, "seed")] * 5)

    result = migrated.verify()

    assert happened(result) == {
        "More rows than before in their fund: inserted, or moved there": 6,
        "Fewer rows than before in their fund: deleted, or moved away": 4,
        "Rows that stagenorm changed and that are in another fund now": 1,
        "Rows that stagenorm changed and that are gone": 3,
        "Rows that stagenorm changed and that are NULL now": 1,
        "More NULLs than before in their fund": 1,
        "Rows that stagenorm changed and that hold their old spelling again": 1,
        "Rows that stagenorm changed and that hold something else since": 2,
    }


def test_rows_that_users_changed_before_their_batch_ran_are_counted(application: Application) -> None:
    application.add(COMPANIES, [(1, "Seed"), (1, "Series A"), (1, "seriesb")])
    plan = application.plan()
    application.sql(f"UPDATE {COMPANIES} SET stage = 'series-c' WHERE id = 2")
    application.apply(plan_id=plan.plan_id)
    assert happened(application.verify()) == {"Rows skipped: changed or deleted between plan and run": 1}


def test_kept_spelling_is_shown_with_its_reason(application: Application) -> None:
    application.add(COMPANIES, [(1, "Debt"), (2, "Debt"), (2, "Seed Round")])
    application.add(DEALS, [(1, "Debt")])
    result = application.verify(vocabulary=_DECIDED)
    left = [(entry.target.split(".")[1], entry.spelling, entry.rows, entry.funds) for entry in result.left_as_is]
    assert left == [(COMPANIES, "Debt", 2, 2), (DEALS, "Debt", 1, 1)]
    assert {entry.reason for entry in result.left_as_is} == {"no round of equity"}
    assert result.left_as_is_spellings == 1


def test_work_table_matches_the_audit_log(migrated: Application) -> None:
    logged = migrated.sql("SELECT plan_id, action, run_by, count(*), min(run_at), max(run_at) FROM"
                          " stage_normalization_log GROUP BY 1, 2, 3")  # fmt: skip
    result = migrated.verify()
    assert [(w.plan_id, w.action, w.run_by, w.rows, w.first_at, w.last_at) for w in result.work] == logged
    assert result.work_total == len(logged) == 1
    one = migrated.verify(scope=FundScope.one("3"), targets=(TargetSetting(table=COMPANIES),))
    assert [work.rows for work in one.work] == [4]


def test_plans_are_shown_with_person_times_and_rows(migrated: Application) -> None:
    (plan,) = migrated.verify().plans
    recorded = migrated.sql(
        "SELECT created_by, code_version, opened_at, completed_at, rows_to_change FROM stage_migration_plans"
    )
    assert [(plan.created_by, plan.code_version, plan.opened_at, plan.completed_at, plan.rows_to_change)] == recorded


def test_report_after_a_rollback_says_so(migrated: Application) -> None:
    rollback = record_rollback(migrated.database, RollbackRequest(plan_id=1), created_by="operator")
    migrated.apply(plan_id=rollback)
    result = migrated.verify()
    assert [plan.plan_id for plan in result.rolled_back] == [1]
    assert [(work.plan_id, work.action, work.rows) for work in result.work] == [
        (1, "normalize", 10),
        (rollback, "rollback", 10),
    ]
    assert any(note.startswith("Plan 1 was rolled back") for note in notes(result))
    assert not any("No plan was applied" in note for note in notes(result))


def test_a_real_report_is_as_the_published_schema_says(migrated: Application) -> None:
    migrated.sql(f"DELETE FROM {COMPANIES} WHERE id = 5")
    migrated.add(DEALS, [(1, "Seed Round")])
    validate(verification_document(migrated.verify()), closed(published_schema()))
