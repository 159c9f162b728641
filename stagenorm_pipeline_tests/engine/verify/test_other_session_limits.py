"""When changes by other sessions are an error: total loss, and more changes than the bound allows."""

import pytest

from stagenorm_pipeline.config.settings import TargetSetting
from stagenorm_pipeline.config.verify import VerifySettings
from stagenorm_pipeline.engine.rollback.rollback import RollbackRequest, record_rollback
from stagenorm_pipeline.engine.targets.funds import FundScope
from stagenorm_pipeline.engine.verify.recorded_verifications import record_verification
from stagenorm_pipeline.engine.verify.result import Rule, Severity, Verdict
from stagenorm_pipeline.engine.verify.sign_off import SignOffError, sign_off
from stagenorm_pipeline.report.json_document import document_json, verification_document
from stagenorm_pipeline_tests.support.application import COMPANIES, DEALS, Application
from stagenorm_pipeline_tests.support.verification_outcomes import not_passed

_, R2, R3, R4, R5, _, _ = Rule
ERROR, WARN = Severity.ERROR, Severity.WARN
LOST, ALL_LOST = "every changed row is lost", "every row is lost"
UNPLANNED = "fewer rows of canonical stages than the log explains"
OF_DEALS = (TargetSetting(table=DEALS),)


def what(application: Application, rule: Rule) -> set[str]:
    return {finding.what for finding in application.verify().check(rule).findings}


def sign(application: Application, reason: str | None = None) -> None:
    result = application.verify()
    number = record_verification(application.database, result, report=document_json(verification_document(result)))
    sign_off(application.database, number, "reviewer", accepted_warnings=reason)


@pytest.fixture
def large(application: Application) -> Application:
    """2,000 deals of two funds: 1,000 were changed to `seed` or `series-a`, and 1,000 were canonical before."""
    for fund in (1, 2):
        application.add(DEALS, [(fund, "Seed")] * 250 + [(fund, "Series A")] * 250)
        application.add(DEALS, [(fund, "seed")] * 250 + [(fund, "series-b")] * 250)
    application.run()
    return application


@pytest.mark.parametrize(
    ("statement", "expected", "finding"),
    [
        (f"TRUNCATE {DEALS}", {R4: ERROR}, ALL_LOST),
        (f"UPDATE {DEALS} SET stage = NULL", {R3: ERROR}, ALL_LOST),
        (f"DELETE FROM {DEALS} WHERE id IN (1, 2, 5)", {R4: ERROR}, LOST),
        (f"UPDATE {DEALS} SET stage = NULL WHERE id IN (1, 2, 5)", {R3: ERROR}, LOST),
        (f"UPDATE {DEALS} SET stage = 'series-b'", {R5: ERROR}, LOST),
        (f"UPDATE {COMPANIES} SET stage = 'seed'", {R5: ERROR}, LOST),
        (
            f"DELETE FROM {DEALS} WHERE id IN (1, 2); UPDATE {DEALS} SET stage = NULL WHERE id = 5",
            {R3: ERROR, R4: ERROR},
            LOST,
        ),
    ],
)
def test_total_loss_of_a_few_rows_is_an_error(
    migrated: Application, statement: str, expected: dict[Rule, Severity], finding: str
) -> None:
    migrated.sql(statement)
    result = migrated.verify()
    assert not_passed(result) == expected
    assert result.verdict is Verdict.FAILED
    for rule in expected:
        assert finding in what(migrated, rule)
        assert "Find out what happened" in (result.check(rule).recommendation or "")
    number = record_verification(migrated.database, result, report="{}\n")
    with pytest.raises(SignOffError, match="failed and cannot be signed"):
        sign_off(migrated.database, number, "reviewer", accepted_warnings="nobody looked")


def test_a_fund_whose_only_unchanged_row_moved_away_is_a_warning(application: Application) -> None:
    (moved, *_) = application.add(DEALS, [(1, "seed"), (2, "Seed"), (2, "seed")])
    application.run()
    application.sql(f"UPDATE {DEALS} SET fund_id = 2 WHERE id = %s", moved)
    assert not_passed(application.verify(scope=FundScope.one("1"))) == {R4: WARN}


def test_the_only_changed_row_that_a_user_edited_is_total_loss(application: Application) -> None:
    application.add(DEALS, [(1, "Seed"), (1, "seed")])
    application.run()
    application.sql(f"UPDATE {DEALS} SET stage = 'series-a' WHERE id = 1")
    assert not_passed(application.verify()) == {R5: ERROR}


def test_a_rollback_takes_edited_rows_out_of_total_loss(migrated: Application) -> None:
    migrated.sql(f"UPDATE {DEALS} SET stage = 'series-b' WHERE id IN (1, 2, 5)")
    assert not_passed(migrated.verify()) == {R5: ERROR}
    migrated.apply(plan_id=record_rollback(migrated.database, RollbackRequest(plan_id=1), created_by="operator"))
    assert not_passed(migrated.verify()) == {R2: WARN, R5: WARN}


def test_one_edit_to_the_stage_of_all_others_is_no_total_loss(application: Application) -> None:
    application.add(DEALS, [(1, "Seed")] * 9 + [(1, "Series A")])
    application.run()
    application.sql(f"UPDATE {DEALS} SET stage = 'seed' WHERE id = 10")
    assert not_passed(application.verify()) == {R5: WARN}


@pytest.mark.parametrize(
    ("statement", "rule"),
    [
        (f"UPDATE {DEALS} SET stage = 'series-c' WHERE id <= %s", R5),
        (f"UPDATE {DEALS} SET stage = NULL WHERE id <= %s", R3),
        (f"DELETE FROM {DEALS} WHERE id <= %s", R4),
        (f"UPDATE {DEALS} SET fund_id = 2 WHERE id <= %s", R4),
    ],
)
def test_more_changed_rows_than_the_bound_are_an_error(large: Application, statement: str, rule: Rule) -> None:
    large.sql(statement, 50)
    result = large.verify()
    assert not_passed(result) == {rule: WARN}
    found = result.other_sessions
    assert found is not None
    assert (found.audited_rows, found.audited_rows_changed, found.audited_rows_allowed) == (1_000, 50, 50)
    large.sql(statement, 51)
    result = large.verify()
    assert not_passed(result) == {rule: ERROR}
    assert "other sessions changed 51 of the 1,000 rows" in result.check(rule).summary
    assert "`changes_by_other_sessions_percent`" in (result.check(rule).recommendation or "")
    settings = VerifySettings(changes_by_other_sessions_percent=6)
    assert not_passed(large.verify(settings=settings)) == {rule: WARN}
    settings = VerifySettings(changes_by_other_sessions_percent=0, changes_by_other_sessions_rows=51)
    assert not_passed(large.verify(settings=settings)) == {rule: WARN}


def test_changes_of_several_kinds_count_together(large: Application) -> None:
    large.sql(
        f"DELETE FROM {DEALS} WHERE id <= 20; UPDATE {DEALS} SET stage = NULL WHERE id BETWEEN 21 AND 40;"
        f"UPDATE {DEALS} SET stage = 'series-c' WHERE id BETWEEN 41 AND 51"
    )
    assert not_passed(large.verify()) == {R3: ERROR, R4: ERROR, R5: ERROR}


def test_twenty_rows_of_a_small_target_may_change(application: Application) -> None:
    application.add(DEALS, [(1, "Seed")] * 30 + [(1, "Series A")] * 20)
    application.run()
    application.sql(f"UPDATE {DEALS} SET stage = 'series-c' WHERE id <= 20")
    assert not_passed(application.verify()) == {R5: WARN}
    application.sql(f"UPDATE {DEALS} SET stage = 'series-c' WHERE id <= 21")
    assert not_passed(application.verify()) == {R5: ERROR}


def test_canonical_rows_that_nobody_planned_are_information_below_the_bound(large: Application) -> None:
    large.sql(
        f"UPDATE {DEALS} SET stage = 'seed' WHERE stage = 'series-b' AND fund_id = 1 AND id % 5 = 0",
    )
    result = large.verify()
    assert not_passed(result) == {}
    check = result.check(R5)
    assert check.figures["rows_changed_unplanned"] == 50
    (finding,) = check.findings
    assert (finding.what, finding.fund_id, finding.rows) == (UNPLANNED, "1", 50)
    assert finding.detail == "series-b: 50 fewer"
    assert not_passed(large.verify(strict=True)) == {}


def test_canonical_rows_that_nobody_planned_are_an_error_above_the_bound(large: Application) -> None:
    large.sql(
        f"UPDATE {DEALS} SET stage = 'seed' WHERE stage = 'series-b' AND fund_id = 2 AND id % 5 > 1",
    )
    result = large.verify()
    assert not_passed(result) == {R5: ERROR}
    assert "at least 150 of the 2,000 rows from before, more than the 100 allowed" in result.check(R5).summary


def test_inserted_rows_never_count(large: Application) -> None:
    large.add(DEALS, [(1, "seed")] * 400 + [(2, "series-c")] * 400 + [(3, None)] * 400 + [(None, None)] * 400)
    result = large.verify()
    assert not_passed(result) == {R3: WARN}
    assert result.check(R5).figures["rows_changed_unplanned"] == 0
    assert result.other_sessions is not None
    assert result.other_sessions.rows_changed == 0


def test_audited_rows_that_users_changed_are_not_counted_as_unplanned_too(large: Application) -> None:
    large.sql(
        f"DELETE FROM {DEALS} WHERE id <= 5; UPDATE {DEALS} SET stage = NULL WHERE id BETWEEN 6 AND 10;"
        f"UPDATE {DEALS} SET stage = 'series-b' WHERE id BETWEEN 11 AND 15;"
        f"UPDATE {DEALS} SET fund_id = 2 WHERE id BETWEEN 16 AND 20;"
        # These were canonical before.
        f"DELETE FROM {DEALS} WHERE id BETWEEN 501 AND 503;"
        f"UPDATE {DEALS} SET stage = NULL WHERE id BETWEEN 504 AND 506;"
        f"UPDATE {DEALS} SET stage = 'series-c' WHERE id BETWEEN 507 AND 509"
    )
    result = large.verify()
    assert not_passed(result) == {R3: WARN, R4: WARN, R5: WARN}
    assert result.check(R5).figures["rows_changed_unplanned"] == 3
    found = result.other_sessions
    assert found is not None
    assert (found.audited_rows_changed, found.rows_changed) == (20, 13 + 8 + 3)


def test_rows_written_several_times_are_known_by_the_log(application: Application) -> None:
    application.add(DEALS, [(1, "Seed"), (1, "Series A"), (2, "seed"), (2, "Series B")])
    first = application.run()
    rollback = RollbackRequest(plan_id=first.plan_id, scope=FundScope.one("1"))
    application.apply(plan_id=record_rollback(application.database, rollback, created_by="operator"))
    application.run(scope=FundScope.one("1"))
    application.add(DEALS, [(2, "Seed")])
    application.run(scope=FundScope.one("2"), targets=OF_DEALS)
    result = application.verify()
    assert not_passed(result) == {}
    assert result.check(R5).figures["rows_changed_unplanned"] == 0
    assert result.other_sessions is not None
    assert result.other_sessions.audited_rows == 4
    application.sql(f"UPDATE {DEALS} SET stage = 'series-c' WHERE id = 3")
    assert application.verify().check(R5).figures["rows_changed_unplanned"] == 1


def test_canonical_rows_are_compared_with_the_signed_state(large: Application) -> None:
    sign(large)
    large.sql(f"UPDATE {DEALS} SET stage = 'series-c' WHERE id <= 7")
    result = large.verify()
    assert not_passed(result) == {}
    assert result.check(R5).figures["rows_changed_unplanned"] == 7
    large.sql(f"UPDATE {DEALS} SET stage = 'series-c' WHERE id <= 101")
    assert not_passed(large.verify()) == {R5: ERROR}


def test_loss_of_every_row_after_a_sign_off_is_an_error(migrated: Application) -> None:
    sign(migrated)
    migrated.sql(f"TRUNCATE {DEALS}")
    assert not_passed(migrated.verify()) == {R4: ERROR}


def test_the_next_report_shows_why_warnings_were_accepted(migrated: Application) -> None:
    migrated.sql(f"UPDATE {DEALS} SET stage = 'series-b' WHERE id = 1")
    sign(migrated, "a user corrected deal 1")
    signed = migrated.verify().signed
    assert signed is not None
    assert signed.accepted_warnings == "a user corrected deal 1"
