"""`verify --findings`: every finding in one file, as many as the report counts, and its hash in the report."""

import json
from collections import Counter
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from stagenorm_pipeline.config.configuration import TargetSetting
from stagenorm_pipeline.engine.rollback.rollback import RollbackRequest, record_rollback
from stagenorm_pipeline_tests.support.application import COMPANIES, DEALS, Application
from stagenorm_pipeline_tests.support.command_line import stagenorm_here

# More rows of each kind than a report shows.
MANY = 60


@pytest.fixture
def damaged(application: Application) -> Application:
    """Applied work of 300 rows: 60 are gone, 60 NULL, 60 set back, 60 changed, and 60 rows hold unknown spellings."""
    application.add(COMPANIES, [(1, "Seed")] * (3 * MANY))
    application.add(DEALS, [(2, "Series A")] * (2 * MANY))
    application.run()
    application.sql(f"DELETE FROM {COMPANIES} WHERE id <= %s", MANY)
    application.sql(f"UPDATE {COMPANIES} SET stage = 'Seed' WHERE id BETWEEN %s AND %s", MANY + 1, 2 * MANY)
    application.sql(f"UPDATE {COMPANIES} SET stage = 'series-c' WHERE id > %s", 2 * MANY)
    application.sql(f"UPDATE {DEALS} SET stage = NULL WHERE id <= %s", MANY)
    application.add(DEALS, [(2, f"round {number}\n\u202e") for number in range(MANY)])
    application.add(DEALS, [(2, None)] * MANY)
    return application


def verified(application: Application, path: Path) -> tuple[Any, list[Any]]:
    """The JSON report and the lines of the findings file."""
    report, findings = path / "report.json", path / "findings.jsonl"
    stagenorm_here("verify", "--findings", str(findings), "--output", str(report), url=application.url)
    document = json.loads(report.read_bytes())
    written = findings.read_bytes()
    assert written.isascii()
    assert document["findings_file"]["sha256"] == sha256(written).hexdigest()
    return document, [json.loads(line) for line in written.splitlines()]


def test_file_lists_every_finding_that_the_report_counts(damaged: Application, tmp_path: Path) -> None:
    document, lines = verified(damaged, tmp_path)
    counts = Counter((line["rule"], line["what"]) for line in lines)
    assert counts == {
        ("r2_canonical_stages", "unknown spelling"): MANY,
        ("r2_canonical_stages", "known spelling, not normalized"): 1,
        ("r2_canonical_stages", "stage is not canonical"): 2 * MANY,
        ("r3_null_integrity", "changed by stagenorm, NULL now"): MANY,
        ("r3_null_integrity", "more NULLs than before"): 1,
        ("r3_null_integrity", "NULL, in a fund with more NULLs"): MANY,
        ("r4_row_counts", "changed by stagenorm, row is gone"): MANY,
        ("r4_row_counts", "fewer rows than before"): 1,
        ("r4_row_counts", "more rows than before"): 1,
        ("r5_audit_consistency", "changed by stagenorm, holds its old spelling again"): MANY,
        ("r5_audit_consistency", "changed by stagenorm, then by another session"): MANY,
    }
    assert document["findings_file"]["findings"] == len(lines)
    assert document["findings_file"]["by_rule"] == Counter(line["rule"] for line in lines)
    checks = {check["rule"]: check for check in document["checks"]}
    for rule in ("r2_canonical_stages", "r4_row_counts", "r5_audit_consistency"):
        assert checks[rule]["findings_total"] == document["findings_file"]["by_rule"][rule]
        assert checks[rule]["findings_cut"] == checks[rule]["findings_total"] - len(checks[rule]["findings"]) > 0
    assert len({(line["target"], line["row_id"]) for line in lines if line["row_id"]}) == 5 * MANY + MANY
    assert {line["stage_now"] for line in lines} >= {f"round {number}\n\u202e" for number in range(MANY)}


def test_file_lists_rolled_back_rows_and_refused_rows(application: Application, tmp_path: Path) -> None:
    application.add(COMPANIES, [(1, "Seed")] * MANY)
    plan = application.run()
    rollback = record_rollback(application.database, RollbackRequest(plan_id=plan.plan_id or 0), created_by="operator")
    application.apply(plan_id=rollback)
    application.add(DEALS, [(2, "Series A")] * MANY)
    application.sql(f"ALTER TABLE {DEALS} ADD CHECK (stage <> 'series-a') NOT VALID")
    deals = application.plan(targets=(TargetSetting(table=DEALS),))
    application.apply(plan_id=deals.plan_id)

    _, lines = verified(application, tmp_path)

    counts = Counter(line["what"] for line in lines)
    assert counts["rolled back on purpose"] == counts["row refused by the database"] == MANY


def test_findings_file_must_not_be_the_report(application: Application, tmp_path: Path) -> None:
    file = str(tmp_path / "report.json")
    for arguments in (("--findings", file, "--output", file), ("--findings", "-")):
        ran = stagenorm_here("verify", *arguments, url=application.url)
        assert (ran.code, "--findings" in ran.err) == (2, True)
    assert application.value("SELECT count(*) FROM stage_verifications") == 0


def test_file_is_complete_if_the_sample_could_not_be_read(damaged: Application, tmp_path: Path) -> None:
    damaged.sql("UPDATE stage_normalization_log SET row_id = 'x' || row_id WHERE table_name = %s", COMPANIES)
    document, lines = verified(damaged, tmp_path)
    sample = next(check for check in document["checks"] if check["rule"] == "r6_sample_inspection")
    assert sample["summary"] == "The sample could not be read from the database"
    gone = [line for line in lines if line["what"] == "changed by stagenorm, row is gone"]
    assert len(gone) == 3 * MANY
