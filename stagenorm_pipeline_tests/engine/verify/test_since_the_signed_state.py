"""What is judged: every audit row since the signed state, whatever became of its plan, its batch and their statuses."""

import pytest

from stagenorm_pipeline.engine.plan.life_cycle import open_plan
from stagenorm_pipeline.engine.rollback.rollback import RollbackRequest, record_rollback
from stagenorm_pipeline.engine.targets.funds import FundScope
from stagenorm_pipeline.engine.verify.recorded_verifications import record_verification
from stagenorm_pipeline.engine.verify.result import Rule, Severity, Verdict, VerificationResult
from stagenorm_pipeline.engine.verify.sign_off import sign_off
from stagenorm_pipeline.report.json_document import document_json, verification_document
from stagenorm_pipeline.report.notes import notes
from stagenorm_pipeline_tests.support.application import COMPANIES, DEALS, Application
from stagenorm_pipeline_tests.support.verification_outcomes import named, not_passed

R1, R3, R4, R5 = Rule.BATCH_TRACKING, Rule.NULL_INTEGRITY, Rule.ROW_COUNTS, Rule.AUDIT_CONSISTENCY
ERROR, WARN = Severity.ERROR, Severity.WARN

RUNBOOK_DELETE = "DELETE FROM stage_migration_batches WHERE status IN ('failed', 'pending')"


def signed(application: Application, result: VerificationResult | None = None) -> int:
    result = result or application.verify()
    report = document_json(verification_document(result))
    number = record_verification(application.database, result, report=report)
    sign_off(application.database, number, "reviewer", accepted_warnings="seen")
    return number


@pytest.fixture
def refusing(application: Application) -> Application:
    """Two batches of 20 rows in which the database refused one row each; the other 38 rows are canonical."""
    application.add(COMPANIES, [(1, "Series A"), *([(1, "Seed")] * 19), (2, "Series A"), *([(2, "Seed")] * 19)])
    application.sql(f"ALTER TABLE {COMPANIES} ADD CONSTRAINT no_a CHECK (stage <> 'series-a')")
    application.run()
    application.sql(f"ALTER TABLE {COMPANIES} DROP CONSTRAINT no_a")
    return application


def test_rows_of_deleted_batches_are_judged(refusing: Application) -> None:
    refusing.sql(RUNBOOK_DELETE)
    refusing.sql(f"UPDATE {COMPANIES} SET stage = 'series-c' WHERE stage = 'seed' AND fund_id = 1")
    refusing.run()
    result = refusing.verify(strict=True)
    assert not_passed(result) == {R5: ERROR}
    figures = result.check(R5).figures
    assert (figures["rows_changed_since"], figures["audit_rows"]) == (19, 40)


@pytest.mark.parametrize("by_command", [True, False])
def test_runbook_rerun_after_failures_passes_all_rules(refusing: Application, *, by_command: bool) -> None:
    if by_command:
        rollback = record_rollback(refusing.database, RollbackRequest(plan_id=1), created_by="operator")
        refusing.apply(plan_id=rollback)
    else:
        refusing.sql(
            f"UPDATE {COMPANIES} p SET stage = l.stage_before FROM stage_normalization_log l "
            "WHERE l.table_name = 'portfoliocompanies' AND l.row_id = p.id::text"
        )
    assert set(refusing.stages(COMPANIES).values()) == {"Seed", "Series A"}
    refusing.sql(RUNBOOK_DELETE)
    refusing.preview()
    refusing.run()
    result = refusing.verify(strict=True)
    assert (not_passed(result), result.verdict) == ({}, Verdict.PASSED)


@pytest.mark.parametrize(
    "edit",
    [
        "UPDATE stage_migration_plans SET status = 'cancelled' WHERE plan_id = 1",
        "UPDATE stage_migration_plans SET status = 'draft', opened_at = NULL WHERE plan_id = 1",
        "UPDATE stage_migration_plans SET opened_at = NULL WHERE plan_id = 1",
        "UPDATE stage_migration_plans SET status = 'rolled_back' WHERE plan_id = 1",
    ],
)
@pytest.mark.parametrize("has_receipts", [True, False])
def test_a_status_edited_by_hand_removes_no_plan(migrated: Application, edit: str, *, has_receipts: bool) -> None:
    if not has_receipts:
        migrated.sql("DELETE FROM stage_migration_receipts; DELETE FROM stage_migration_plan_digests")
        migrated.sql(
            "UPDATE stage_migration_versions SET applied_at = now() + interval '1 hour', last_log_id = "
            "(SELECT max(id) FROM stage_normalization_log) WHERE file_name = '20261126_stage_receipts.sql'"
        )
    migrated.sql(f"{edit}; DELETE FROM {COMPANIES} WHERE id = 4")
    migrated.run()
    result = migrated.verify()
    # The digest covers the time of opening.
    digest = {R5: ERROR} if has_receipts and "opened_at" in edit else {}
    assert not_passed(result) == {R4: WARN, **digest}
    assert [(plan.plan_id, plan.is_baseline) for plan in result.plans] == [(1, True), (2, False)]
    assert result.check(R5).figures["audit_rows"] == 7


def test_entries_without_receipts_of_a_deleted_plan_fail(migrated: Application) -> None:
    migrated.sql("DELETE FROM stage_migration_receipts; DELETE FROM stage_migration_plans")
    assert not_passed(migrated.verify()) == {R1: ERROR, R5: ERROR}


def test_without_a_newer_plan_the_signed_state_is_compared(migrated: Application) -> None:
    number = signed(migrated)
    result = migrated.verify()
    assert (not_passed(result), result.plans) == ({}, ())
    assert result.check(R1).summary == f"No plan was applied since verification {number} was signed"
    assert {covered.verification_id for covered in result.coverage} == {number}
    assert not any("No plan" in note or "no baseline" in note for note in notes(result))
    assert all(fund.before == fund.after for fund in result.funds)
    assert all(stage.before == stage.after for stage in result.stages)
    migrated.sql(f"DELETE FROM {COMPANIES} WHERE id = 1; UPDATE {DEALS} SET stage = NULL WHERE id = 1")
    assert not_passed(migrated.verify()) == {R3: WARN, R4: WARN}
    assert not_passed(migrated.verify(scope=FundScope.one("1"))) == {R3: WARN, R4: WARN}
    assert not_passed(migrated.verify(scope=FundScope.one("2"))) == {}


def test_damage_between_the_signature_and_an_empty_plan_is_seen(migrated: Application) -> None:
    signed(migrated)
    migrated.sql(f"DELETE FROM {COMPANIES} WHERE id = 1; UPDATE {DEALS} SET stage = NULL WHERE id = 1")
    migrated.run()
    assert not_passed(migrated.verify()) == {R3: WARN, R4: WARN}


def test_only_entries_after_the_signature_are_judged(migrated: Application) -> None:
    signed(migrated)
    (added,) = migrated.add(COMPANIES, [(1, "Seed")])
    migrated.run()
    migrated.sql(f"UPDATE {COMPANIES} SET stage = 'series-c' WHERE id IN (1, %s)", added)
    result = migrated.verify()
    assert named(result, R5) == {
        ("every changed row is lost", None, None, None),
        ("changed by stagenorm, then by another session", str(added), 7, "1"),
        ("fewer rows of canonical stages than the log explains", None, None, "1"),
    }
    assert result.check(R5).figures["audit_rows"] == 1


def test_a_draft_opened_after_a_later_plan_was_signed_is_judged(application: Application) -> None:
    application.add(COMPANIES, [(1, "Seed"), (2, "Series A")])
    draft = application.plan(as_draft=True, scope=FundScope.one("1"))
    application.run(scope=FundScope.one("2"))
    number = signed(application, signed_as_whole(application))
    assert draft.plan_id is not None
    open_plan(application.database, draft.plan_id)
    application.sql(f"UPDATE {COMPANIES} SET stage = 'Seed' WHERE fund_id = 1")
    application.apply(plan_id=draft.plan_id)
    result = application.verify()
    assert result.signed is not None
    assert result.signed.verification_id == number
    assert [plan.plan_id for plan in result.plans] == [draft.plan_id]
    assert result.check(R5).figures["audit_rows"] == 1


def signed_as_whole(application: Application) -> VerificationResult:
    """A verification of everything that passes: the draft's row holds its stage already, by hand."""
    application.sql(f"UPDATE {COMPANIES} SET stage = 'seed' WHERE fund_id = 1")
    result = application.verify()
    assert not_passed(result) == {}
    return result


@pytest.mark.parametrize(
    "tampering",
    [
        "UPDATE stage_verifications SET report = replace(report, '\"rows_seen\": 2', '\"rows_seen\": 1')",
        "UPDATE stage_verifications SET report = NULL",
        "UPDATE stage_verifications SET last_log_id = last_log_id + 100",
        "UPDATE stage_verifications SET report = '{}', report_sha256 = encode(sha256(convert_to('{}', 'UTF8')), 'hex')",
    ],
)
def test_altered_signed_report_fails_and_is_not_compared(migrated: Application, tampering: str) -> None:
    signed(migrated)
    migrated.sql(tampering)
    result = migrated.verify()
    assert not_passed(result) == {R5: ERROR}
    assert {what for what, *_ in named(result, R5)} == {"signed report that was altered"}
    assert [plan.plan_id for plan in result.plans] == [1]
    assert result.signed is not None
    assert not result.signed.is_compared


def made_by_an_older_version(application: Application) -> None:
    application.sql("UPDATE stage_verifications SET report = NULL, last_log_id = NULL")
    application.sql(
        "UPDATE stage_migration_versions SET applied_at = now() + interval '1 hour' "
        "WHERE file_name = '20261126_stage_verification_reports.sql'"
    )


def test_signature_without_a_report_uses_earlier_plans(migrated: Application) -> None:
    number = signed(migrated)
    made_by_an_older_version(migrated)
    result = migrated.verify()
    assert (not_passed(result), [plan.plan_id for plan in result.plans]) == ({}, [1])
    assert any(
        f"Verification {number} was signed with a version that stored no reports" in note for note in notes(result)
    )
    migrated.sql(f"DELETE FROM {COMPANIES} WHERE id = 1")
    assert not_passed(migrated.verify()) == {R4: WARN}


def test_signature_without_a_report_starts_at_the_next_plan(migrated: Application) -> None:
    migrated.sql(f"DELETE FROM {COMPANIES} WHERE id = 1")
    signed(migrated)
    made_by_an_older_version(migrated)
    migrated.add(DEALS, [(1, "Seed")])
    migrated.run()
    result = migrated.verify()
    assert (not_passed(result), [(plan.plan_id, plan.is_baseline) for plan in result.plans]) == ({}, [(2, True)])
    assert result.check(R5).figures["audit_rows"] == 1


def test_a_report_carries_the_digests_of_the_judged_plans(migrated: Application) -> None:
    recorded = migrated.value("SELECT encode(plan_sha256, 'hex') FROM stage_migration_plan_digests")
    assert [(one.plan_id, one.plan_sha256, one.differs) for one in migrated.verify().plan_digests] == [
        (1, recorded, ())
    ]
    migrated.sql("DELETE FROM stage_migration_receipts WHERE batch_id = 1")
    (digest,) = migrated.verify().plan_digests
    assert (digest.plan_sha256, digest.differs) == (recorded, ("receipts",))
