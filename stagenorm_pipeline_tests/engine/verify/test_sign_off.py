"""Signing a verification: what moves on by it, and what is refused."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
import sqlalchemy as sa

from stagenorm_pipeline.engine.postgres.connection import Database
from stagenorm_pipeline.engine.rollback.rollback import RollbackRequest, record_rollback
from stagenorm_pipeline.engine.targets.funds import FundScope
from stagenorm_pipeline.engine.verify.recorded_verifications import record_verification
from stagenorm_pipeline.engine.verify.result import Rule, Severity, Verdict, VerificationResult
from stagenorm_pipeline.engine.verify.sign_off import SignOffError, sign_off
from stagenorm_pipeline.errors import ConfigurationError, RefusedError
from stagenorm_pipeline.report.json_document import document_json, document_sha256, verification_document
from stagenorm_pipeline_tests.support.application import COMPANIES, DEALS, Application
from stagenorm_pipeline_tests.support.verification_outcomes import not_passed


def recorded(application: Application, result: VerificationResult | None = None) -> int:
    result = result or application.verify()
    return record_verification(application.database, result, report=document_json(verification_document(result)))


def signatures(application: Application) -> list[str | None]:
    return application.column("SELECT signed_off_by FROM stage_verifications ORDER BY verification_id")


def test_a_signature_says_who_signed_what_and_when(migrated: Application) -> None:
    result = migrated.verify(scope=FundScope.one("2"))
    sha256 = document_sha256(verification_document(result))
    signed = sign_off(migrated.database, recorded(migrated, result), " Ada Reviewer ", report_sha256=sha256)
    assert (signed.verification_id, signed.signed_off_by, signed.verdict) == (1, "Ada Reviewer", Verdict.PASSED)
    assert (signed.made_at, signed.targets, signed.scope) == (result.created_at, result.targets, FundScope.one("2"))
    columns = "signed_off_by, signed_off_at, created_at"
    assert migrated.sql(f"SELECT {columns} FROM stage_verifications") == [
        ("Ada Reviewer", signed.signed_off_at, result.created_at)
    ]


def test_the_next_verification_compares_with_what_follows(migrated: Application) -> None:
    migrated.sql(f"DELETE FROM {COMPANIES} WHERE id = 4")
    result = migrated.verify()
    assert not_passed(result) == {Rule.ROW_COUNTS: Severity.WARN}
    sign_off(migrated.database, recorded(migrated, result), "reviewer", accepted_warnings="a user deleted row 4")
    assert migrated.verify().plans == ()
    migrated.add(DEALS, [(1, "Seed")])
    migrated.run()
    later = migrated.verify()
    assert ([(plan.plan_id, plan.is_baseline) for plan in later.plans], not_passed(later)) == ([(2, False)], {})
    assert {covered.verification_id for covered in later.coverage} == {1}


def test_after_a_rollback_was_signed_the_next_plan_starts_anew(migrated: Application) -> None:
    rollback = record_rollback(migrated.database, RollbackRequest(plan_id=1), created_by="operator")
    migrated.apply(plan_id=rollback)
    sign_off(migrated.database, recorded(migrated), "reviewer", accepted_warnings="rolled back on purpose")
    result = migrated.verify()
    assert (result.plans, result.rolled_back, result.rollbacks) == ((), (), ())
    assert not_passed(result) == {Rule.CANONICAL_STAGES: Severity.ERROR}, "that it was on purpose is settled and past"
    migrated.run()
    assert not_passed(migrated.verify()) == {}


def test_a_rollback_of_what_was_signed_is_judged_by_the_plan_that_it_undid(migrated: Application) -> None:
    sign_off(migrated.database, recorded(migrated), "reviewer")
    rollback = record_rollback(migrated.database, RollbackRequest(plan_id=1), created_by="operator")
    migrated.apply(plan_id=rollback)
    result = migrated.verify()
    assert ([plan.plan_id for plan in result.rolled_back], [plan.plan_id for plan in result.rollbacks]) == ([1], [2])
    assert not_passed(result) == {Rule.CANONICAL_STAGES: Severity.WARN}, "messy again, on purpose"


def test_a_failed_verification_is_not_signed(migrated: Application) -> None:
    migrated.add(DEALS, [(1, "growth")])
    with pytest.raises(SignOffError, match=r"Verification 1 failed"):
        sign_off(migrated.database, recorded(migrated), "reviewer")
    assert signatures(migrated) == [None]


def test_a_verification_that_is_not_there_is_not_signed(migrated: Application) -> None:
    with pytest.raises(SignOffError, match="There is no verification 7"):
        sign_off(migrated.database, 7, "reviewer")


def test_a_signature_is_never_replaced(migrated: Application) -> None:
    number = recorded(migrated)
    sign_off(migrated.database, number, "Ada")
    with pytest.raises(SignOffError, match="signed already, by Ada on "):
        sign_off(migrated.database, number, "Bob")
    assert signatures(migrated) == ["Ada"]


def test_of_two_who_sign_at_once_the_first_one_signs(migrated: Application) -> None:
    number = recorded(migrated)
    waits = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    with ThreadPoolExecutor(1) as pool, psycopg.connect(migrated.url) as first:
        first.execute("UPDATE stage_verifications SET signed_off_by = 'Ada', signed_off_at = now()")
        second = pool.submit(sign_off, migrated.database, number, "Bob")
        while not migrated.value(waits):
            migrated.sql("SELECT pg_sleep(0.01)")
        first.commit()
        with pytest.raises(SignOffError, match="signed already, by Ada"):
            second.result()
    assert signatures(migrated) == ["Ada"]


def test_another_report_is_refused(migrated: Application) -> None:
    with pytest.raises(SignOffError, match="This is not the report of verification 1"):
        sign_off(migrated.database, recorded(migrated), "reviewer", report_sha256="0" * 64)
    assert signatures(migrated) == [None]


def test_warnings_are_signed_only_with_a_reason_that_is_kept(migrated: Application) -> None:
    migrated.sql(f"DELETE FROM {COMPANIES} WHERE id = 4")
    number = recorded(migrated)
    with pytest.raises(SignOffError, match="Verification 1 passed with 1 warning") as refused:
        sign_off(migrated.database, number, "reviewer")
    assert refused.value.remedy == 'stagenorm sign-off 1 --accept-warnings "REASON"'
    with pytest.raises(ConfigurationError, match="needs a reason"):
        sign_off(migrated.database, number, "reviewer", accepted_warnings=" ")
    assert signatures(migrated) == [None]
    signed = sign_off(migrated.database, number, "reviewer", accepted_warnings=" deleted by request ")
    assert signed.accepted_warnings == "deleted by request"
    assert migrated.column("SELECT accepted_warnings FROM stage_verifications") == ["deleted by request"]


def test_a_report_without_warnings_keeps_no_reason(migrated: Application) -> None:
    signed = sign_off(migrated.database, recorded(migrated), "reviewer", accepted_warnings="to be sure")
    assert signed.accepted_warnings is None
    assert migrated.column("SELECT accepted_warnings FROM stage_verifications") == [None]


@pytest.mark.parametrize("name", ["", "  "])
def test_a_signature_needs_a_name(migrated: Application, name: str) -> None:
    with pytest.raises(ConfigurationError, match="needs a name"):
        sign_off(migrated.database, recorded(migrated), name)


def test_what_a_plan_changed_since_is_not_signed_with_it(migrated: Application) -> None:
    whole, fund_1, fund_2 = (
        recorded(migrated, migrated.verify(scope=scope))
        for scope in (FundScope(), FundScope.one("1"), FundScope.one("2"))
    )
    migrated.add(DEALS, [(1, "Seed"), (1, "Seed")])
    migrated.run()
    for number in (whole, fund_1):
        with pytest.raises(SignOffError, match="Plan 2 changed 2 rows after verification"):
            sign_off(migrated.database, number, "reviewer")
    sign_off(migrated.database, fund_2, "reviewer")
    assert signatures(migrated) == [None, None, "reviewer"]


def test_what_was_rolled_back_since_is_not_signed_as_done(migrated: Application) -> None:
    number = recorded(migrated)
    migrated.apply(
        plan_id=record_rollback(migrated.database, RollbackRequest(plan_id=1), created_by="operator"),
    )
    with pytest.raises(SignOffError, match="Plan 2 changed"):
        sign_off(migrated.database, number, "reviewer")


def test_a_later_verification_that_failed_stands_in_the_way(migrated: Application) -> None:
    number = recorded(migrated)
    migrated.add(DEALS, [(1, "growth")])
    failed = recorded(migrated)
    with pytest.raises(
        SignOffError, match=f"Verification {failed} of the same scope was made after verification {number}"
    ):
        sign_off(migrated.database, number, "reviewer")


def test_a_failure_before_or_of_a_part_or_for_a_warning_does_not(migrated: Application) -> None:
    (unknown,) = migrated.add(DEALS, [(1, "growth")])
    assert migrated.verify().verdict is Verdict.FAILED
    recorded(migrated)
    migrated.sql(f"DELETE FROM {DEALS} WHERE id = %s", unknown)
    number = recorded(migrated)
    migrated.add(DEALS, [(1, None)])
    assert (migrated.verify().verdict, migrated.verify(strict=True).verdict) == (
        Verdict.PASSED_WITH_WARNINGS,
        Verdict.FAILED,
    )
    recorded(migrated, migrated.verify(strict=True))
    migrated.add(DEALS, [(1, "growth")])
    recorded(migrated, migrated.verify(scope=FundScope.one("1")))
    sign_off(migrated.database, number, "reviewer")


@pytest.fixture
def stranger(migrated: Application) -> Iterator[Database]:
    """A role that may read everything of ours, as the one that runs the migration may."""
    name = f"stagenorm_test_stranger_{migrated.value('SELECT pg_backend_pid()')}"
    migrated.sql(f"CREATE ROLE {name} LOGIN; GRANT SELECT ON ALL TABLES IN SCHEMA public TO {name}")
    opened = Database.at(sa.make_url(migrated.url).set(username=name).render_as_string(hide_password=False))
    yield opened
    opened.close()
    migrated.sql(f"DROP OWNED BY {name}; DROP ROLE {name}")


def test_who_may_sign_is_for_the_database_to_say(migrated: Application, stranger: Database) -> None:
    number = recorded(migrated)
    with pytest.raises(RefusedError, match="may not sign") as refused:
        sign_off(stranger, number, "reviewer")
    grants = (refused.value.remedy or "").partition("with: ")[2].rstrip(";").split("; ")
    for grant in grants:
        migrated.sql(grant.replace("reviewer", str(stranger.engine.url.username)))
    sign_off(stranger, number, "reviewer")
    with (
        pytest.raises(psycopg.errors.InsufficientPrivilege),
        psycopg.connect(
            stranger.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
        ) as connection,
    ):
        connection.execute("UPDATE stage_verifications SET verdict = 'passed'")
