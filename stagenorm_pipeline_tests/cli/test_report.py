"""Test `stagenorm report`: it prints a recorded verification again."""

import json
import re
from hashlib import sha256
from pathlib import Path

import psycopg
import pytest

from stagenorm_pipeline_tests.support.command_line import Ran, stagenorm, stagenorm_here

_OF_THE_MOMENT = ("Database:", "Decisions:", "Recorded", "SHA-256", "[ERROR]")


def _change(url: str, statement: bytes) -> None:
    with psycopg.connect(url) as connection:
        connection.execute(statement)


def _is_refused(ran: Ran, code: int, words: str) -> None:
    assert (ran.code, ran.out) == (code, "")
    assert words in ran.err
    assert len(ran.err.strip().splitlines()) >= 2, "what is wrong, and what to do"


def test_report_repeats_every_form_byte_for_byte(migrated_url: str, tmp_path: Path) -> None:
    forms = ("json", "html", "md", "txt")
    first = [tmp_path / f"first.{form}" for form in forms]
    outputs = [argument for file in first for argument in ("--output", str(file))]
    stagenorm_here("verify", *outputs, url=migrated_url)
    _change(migrated_url, b"UPDATE portfoliocompanies SET stage = 'growth'")

    for form, file in zip(forms, first, strict=True):
        again = tmp_path / f"again.{form}"
        assert stagenorm_here("report", "1", "--output", str(again), url=migrated_url).code == 0
        assert again.read_bytes() == file.read_bytes()
        shown = stagenorm("report", "1", "--format", form, url=migrated_url)
        assert shown.out == file.read_text(encoding="utf-8")
    assert "THE CHECKS IN FIGURES" in stagenorm_here("report", "1", "--full", url=migrated_url).out
    (recorded,) = _one(migrated_url, b"SELECT report_sha256 FROM stage_verifications")
    assert sha256((tmp_path / "again.json").read_bytes()).hexdigest() == recorded


def _one(url: str, query: bytes) -> tuple[object, ...]:
    with psycopg.connect(url) as connection:
        row = connection.execute(query).fetchone()
    assert row is not None
    return row


def test_report_refuses_a_stored_text_that_was_altered(migrated_url: str) -> None:
    stagenorm_here("verify", url=migrated_url)
    _change(migrated_url, b"UPDATE stage_verifications SET report = replace(report, '\"failed\"', '\"passed\"')")
    for form in ("json", "txt"):
        ran = stagenorm_here("report", "1", "--format", form, url=migrated_url)
        _is_refused(ran, 1, "The stored report of verification 1 was altered: its SHA-256 is ")


def test_report_of_a_verification_before_the_column_says_so(migrated_url: str) -> None:
    stagenorm_here("verify", url=migrated_url)
    _change(migrated_url, b"UPDATE stage_verifications SET report = NULL, last_log_id = NULL")
    _is_refused(stagenorm_here("report", "1", url=migrated_url), 1, "Verification 1 has no stored report")
    assert "no stored report" in stagenorm_here("report", "--list", url=migrated_url).out


def test_report_refuses_what_it_cannot_print(migrated_url: str, subtests: pytest.Subtests) -> None:
    for arguments, code, words in (
        (("7",), 1, "There is no verification 7."),
        ((), 2, "Give the number of a verification, or --list"),
        (("1", "--list"), 2, "Give the number"),
        (("--full",), 2, "Give the number"),
        (("--list", "--format", "json"), 2, "Give the number"),
        (("1", "--output", "report.pdf"), 2, "is not a report format"),
        (("1", "--output", "report.json", "--format", "html"), 2, "--format html contradicts"),
    ):
        with subtests.test(arguments=arguments):
            _is_refused(stagenorm_here("report", *arguments, url=migrated_url), code, words)


def test_report_lists_the_recorded_verifications_newest_first(migrated_url: str) -> None:
    assert "No verification is recorded" in stagenorm_here("report", "--list", url=migrated_url).out
    printed = stagenorm_here("verify", "--strict", url=migrated_url).out.splitlines()
    shown = stagenorm_here("report", "1", url=migrated_url).out.splitlines()
    assert shown == [line for line in printed if not line.startswith(_OF_THE_MOMENT)]
    _change(migrated_url, b"UPDATE portfoliocompanies SET stage = 'seed' WHERE stage = 'Seed Round'")
    stagenorm_here("verify", "--fund-id", "1", url=migrated_url)
    stagenorm_here("sign-off", "2", "--by", "Ada Reviewer", url=migrated_url)

    _change(
        migrated_url,
        b"UPDATE stage_verifications SET verdict = 'passed_with_warnings', accepted_warnings = 'two imports' "
        b"WHERE verification_id = 2",
    )
    listed = stagenorm_here("report", "--list", url=migrated_url, columns=80).out
    assert re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d", "2026-01-19 12:00", listed).splitlines() == [
        "  No.  Made at (UTC)     Verdict               Funds   Tables  Signed by",
        "    2  2026-01-19 12:00  passed with warnings  fund-1       2  Ada Reviewer",
        "    1  2026-01-19 12:00  failed (strict)       all          2  not signed",
        "  No. 2: warnings accepted: two imports",
    ]

    document = json.loads(stagenorm_here("report", "--list", "--json", url=migrated_url).out)
    assert (document["kind"], [one["verification_id"] for one in document["verifications"]]) == (
        "verifications",
        [2, 1],
    )
    assert document["verifications"][0]["scope"] == {"all_funds": False, "fund_id": "1"}
    assert document["verifications"][1]["has_report"] is True


def test_pruning_spares_signed_and_recent_reports(migrated_url: str) -> None:
    for _ in range(3):
        stagenorm_here("verify", url=migrated_url)
    _change(
        migrated_url,
        b"UPDATE stage_verifications SET signed_off_at = now(), signed_off_by = 'ana' WHERE verification_id = 1",
    )
    _change(
        migrated_url,
        b"UPDATE stage_verifications SET created_at = now() - interval '91 days' WHERE verification_id < 3",
    )
    _is_refused(stagenorm_here("report", "--prune", url=migrated_url), 2, "go together")
    _is_refused(stagenorm_here("report", "--prune", "--keep", "90", url=migrated_url), 2, "as in 90d")

    pruned = stagenorm_here("report", "--prune", "--keep", "90d", url=migrated_url)

    assert "Removed 1 stored report of" in pruned.out
    for number, code in (("1", 0), ("2", 1), ("3", 0)):
        assert stagenorm_here("report", number, url=migrated_url).code == code
    assert "and pruned since" in stagenorm_here("report", "2", url=migrated_url).err
    assert "no stored report" in stagenorm_here("report", "--list", url=migrated_url).out
