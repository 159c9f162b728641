"""Test `stagenorm sign-off`, with the archived report."""

from pathlib import Path

import psycopg
import pytest

from stagenorm_pipeline_tests.support.command_line import stagenorm_here


@pytest.fixture
def verified(ready_url: str, tmp_path: Path) -> Path:
    """The archived report of a verification, number 1, that passed."""
    with psycopg.connect(ready_url) as connection:
        connection.execute("DELETE FROM portfoliocompanies WHERE stage = 'Seed Round'")
    stagenorm_here("run", "--yes", "--sleep-ms", "0", url=ready_url)
    report = tmp_path / "report.json"
    assert stagenorm_here("verify", "--output", str(report), url=ready_url).code == 0
    return report


def test_verification_is_signed_once(ready_url: str, verified: Path) -> None:
    signed = stagenorm_here("sign-off", "1", "--report", str(verified), "--by", "Ada\x1b[31m", url=ready_url)
    assert signed.code == 0, signed.all
    assert signed.out.startswith("Verification 1 (passed, all funds) signed off by ")
    assert "\x1b" not in signed.out
    assert "Next: nothing is left. Verification 1 is signed." in stagenorm_here("status", url=ready_url).out
    again = stagenorm_here("sign-off", "1", url=ready_url)
    assert (again.code, "signed already" in again.err, "\x1b" in again.err) == (1, True, False)


def test_sign_off_refuses_altered_report(ready_url: str, verified: Path) -> None:
    verified.write_text(verified.read_text().replace('"passed": 7', '"passed": 8'))
    refused = stagenorm_here("sign-off", "1", "--report", str(verified), url=ready_url)
    assert refused.code == 1
    assert "This is not the report of verification 1" in refused.err


def test_accepted_warnings_show_their_reason(ready_url: str, verified: Path) -> None:
    with psycopg.connect(ready_url) as connection:
        connection.execute("DELETE FROM portfoliocompanies WHERE id = (SELECT min(id) FROM portfoliocompanies)")
    assert stagenorm_here("verify", "--output", str(verified), url=ready_url).code == 0
    refused = stagenorm_here("sign-off", "2", "--report", str(verified), url=ready_url)
    assert (refused.code, '--accept-warnings "REASON"' in refused.err) == (1, True), refused.err
    signed = stagenorm_here("sign-off", "2", "--accept-warnings", "one\x1b[31m left", url=ready_url)
    assert (signed.code, "Its warnings were accepted: " in signed.out, "\x1b" in signed.out) == (0, True, False)


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("7",), 1, "There is no verification 7"),
        (("1", "--report", "nowhere.json"), 2, "nowhere.json"),
        (("0",), 2, "0 is not in the range"),
        (("1", "--by", " "), 2, "needs a name"),
    ],
)
def test_sign_off_errors_say_what_is_wrong(ready_url: str, arguments: tuple[str, ...], code: int, message: str) -> None:
    ran = stagenorm_here("sign-off", *arguments, url=ready_url)
    assert (ran.code, message in ran.err) == (code, True), ran.err


def test_verify_compares_with_a_signed_report_and_refuses_other_files(ready_url: str, verified: Path) -> None:
    assert stagenorm_here("sign-off", "1", "--report", str(verified), url=ready_url).code == 0
    same = stagenorm_here("verify", "--against", str(verified), url=ready_url)
    assert (same.code, "verification 1, signed by " in same.out, "1 plan compared" in same.out) == (0, True, True)
    with psycopg.connect(ready_url) as connection:
        connection.execute("DELETE FROM stage_migration_plan_digests")
    differing = stagenorm_here("verify", "--against", str(verified), url=ready_url)
    assert (differing.code, "plan 1: its recorded digest was deleted" in differing.out) == (1, True)
    verified.write_text("[]")
    refused = stagenorm_here("verify", "--against", str(verified), url=ready_url)
    assert (refused.code, "it is not the report of a verification" in refused.err) == (2, True)
