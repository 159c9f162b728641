"""Comparing with a signed report that was kept outside the database."""

import json
from dataclasses import replace

import pytest

from stagenorm_pipeline.engine.verify.recorded_verifications import record_verification
from stagenorm_pipeline.engine.verify.result import AgainstOutcome, Rule, Severity
from stagenorm_pipeline.engine.verify.sign_off import sign_off
from stagenorm_pipeline.engine.verify.signed_report_file import SignedReport, read_signed_report
from stagenorm_pipeline.errors import ConfigurationError
from stagenorm_pipeline.report.json_document import document_json, verification_document
from stagenorm_pipeline_tests.support.application import DEALS, Application
from stagenorm_pipeline_tests.support.verification_outcomes import not_passed

R5, ERROR = Rule.AUDIT_CONSISTENCY, Severity.ERROR
# Somebody who can write every table recomputes the digest of what they changed.
FORGED_DIGEST = (
    "UPDATE stage_migration_plan_digests SET {part}_sha256 = sha256('forged'); UPDATE stage_migration_plan_digests "
    "SET plan_sha256 = sha256(receipts_sha256 || baseline_sha256 || mapping_sha256 || members_sha256)"
)


@pytest.fixture
def signed(migrated: Application) -> SignedReport:
    """The signed report of the first plan."""
    result = migrated.verify()
    report = document_json(verification_document(result))
    number = record_verification(migrated.database, result, report=report)
    sign_off(migrated.database, number, "Ada")
    return read_signed_report(report.encode(), "signed.json")


def differences(application: Application, signed: SignedReport) -> list[str | None]:
    findings = application.verify(against=signed).check(R5).findings
    return [finding.detail for finding in findings if finding.what == "differs from the signed report"]


def test_an_untouched_database_is_the_same_as_its_signed_report(migrated: Application, signed: SignedReport) -> None:
    migrated.add(DEALS, [(1, "Seed")])
    migrated.run()
    result = migrated.verify(against=signed)
    assert not_passed(result) == {}
    found = result.against
    assert found is not None
    assert (found.verification_id, found.signed_off_by, found.report_sha256) == (1, "Ada", signed.sha256)
    assert (found.plans_compared, found.differences, found.outcome) == (1, 0, AgainstOutcome.SAME)
    assert result.check(R5).figures["differences_from_signed_report"] == 0


@pytest.mark.parametrize(
    ("statement", "difference"),
    [
        ("DELETE FROM stage_migration_plan_digests", "plan 1: its recorded digest was deleted"),
        ("DELETE FROM stage_migration_receipts WHERE batch_id = 2", "plan 1: its receipts"),
        ("UPDATE stage_migration_baseline SET rows_counted = rows_counted + 1", "plan 1: its baseline"),
        ("UPDATE stage_migration_plan_spellings SET stage_after = 'series-c'", "plan 1: its mapping"),
        ("UPDATE stage_migration_batch_members SET row_numbers[1] = 77 WHERE batch_id = 2", "plan 1: its members"),
        (FORGED_DIGEST.format(part="receipts"), "plan 1: its recorded digest"),
        ("DELETE FROM stage_normalization_log WHERE batch_id = 2", "plan 1: the audit log of its batch 2"),
        (
            "UPDATE stage_normalization_log SET stage_before = 'SEED' WHERE batch_id = 2",
            "plan 1: the audit log of its batch 2 (altered)",
        ),
        ("DELETE FROM stage_verifications", "this database has no record of the report"),
        (
            "UPDATE stage_verifications SET signed_off_at = NULL, signed_off_by = NULL",
            "verification 1 is not signed in this database",
        ),
    ],
)
def test_a_change_of_what_was_signed_is_named(
    migrated: Application, signed: SignedReport, statement: str, difference: str
) -> None:
    migrated.sql(statement)
    found = differences(migrated, signed)
    assert any(str(one).startswith(difference) for one in found), found
    result = migrated.verify(against=signed)
    assert not_passed(result)[R5] is ERROR
    assert result.against is not None
    assert (result.against.differences, result.against.outcome) == (len(found), AgainstOutcome.DIFFERS)


def test_the_report_of_another_database_is_told(migrated: Application, signed: SignedReport) -> None:
    other = replace(signed, sha256="0" * 64)
    assert differences(migrated, other) == [
        "this database has no record of the report: it was deleted, or the report is of another database"
    ]
    found = migrated.verify(against=other).against
    assert found is not None
    assert found.verification_id is None


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("{", "it is not JSON"),
        ("\x00\xff", "it is not JSON"),
        ("[]", "it is not the report of a verification"),
        ('{"kind": "plan"}', "it is not the report of a verification"),
        ('{"kind": "verification", "report_version": 2}', "its report_version is 2, not 1"),
        ('{"kind": "verification", "report_version": 1}', "it has no plan_digests"),
        ('{"kind": "verification", "report_version": 1, "plan_digests": {}}', "are not a list"),
        ('{"kind": "verification", "report_version": 1, "plan_digests": [3]}', "has no plan_id"),
        (
            '{"kind": "verification", "report_version": 1, "plan_digests": [{"plan_id": 7, "plan_sha256": "x"}]}',
            "the plan_sha256 of plan 7 in its plan_digests is not a SHA-256",
        ),
    ],
)
def test_what_is_wrong_with_the_file_is_named(content: str, problem: str) -> None:
    with pytest.raises(ConfigurationError, match="is not usable for a comparison") as refused:
        read_signed_report(content.encode("latin-1"), "signed.json")
    assert problem in refused.value.message


def test_a_plan_without_a_digest_is_not_compared() -> None:
    entries = [{"plan_id": 1, "plan_sha256": None, "differs": []}, {"plan_id": 2, "plan_sha256": "ab" * 32}]
    document = {"kind": "verification", "report_version": 1, "plan_digests": entries}
    assert read_signed_report(json.dumps(document).encode(), "signed.json").digests == {2: "ab" * 32}
