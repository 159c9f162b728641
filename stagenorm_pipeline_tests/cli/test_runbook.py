"""Test the runbook's commands and their exit codes."""

import json
from pathlib import Path
from typing import LiteralString

import psycopg
from psycopg.sql import SQL

from stagenorm_pipeline_tests.support.command_line import stagenorm, stagenorm_here


def _value(url: str, query: LiteralString) -> object:
    with psycopg.connect(url) as connection:
        row = connection.execute(SQL(query)).fetchone()
    assert row is not None
    return row[0]


def test_runbook_runs_from_empty_database_to_verification(application_url: str, tmp_path: Path) -> None:
    assert stagenorm("init-db", url=application_url).code == 0

    dry = stagenorm("dry-run", url=application_url)
    assert dry.code == 0
    assert "A run would change 70 of 130 rows, in 8 batches" in dry.out
    assert _value(application_url, "SELECT count(*) FROM stage_migration_plans") == 0

    run = stagenorm("run", "--yes", "--batch-size", "10", "--sleep-ms", "0", url=application_url)
    assert run.code == 0, run.all
    assert "[INFO] Created 12 batch plans" in run.out
    assert '"rowsUpdated":70,"rowsSkipped":0,"rowsFailed":0' in run.out
    assert _value(application_url, "SELECT count(*) FROM stage_normalization_log") == 70

    report = tmp_path / "report.json"
    verify = stagenorm("verify", "--output", str(report), url=application_url)
    assert verify.code == 1, "unknown spellings are left"
    assert "✗ Canonical Stage Validation: 20 rows with 1 unknown spelling" in verify.out
    assert "Passed: 6" in verify.out
    checks = {check["rule"]: check for check in json.loads(report.read_text())["checks"]}
    assert checks["r5_audit_consistency"]["figures"]["audit_rows"] == 70

    again = stagenorm("run", "--yes", url=application_url)
    assert again.code == 0
    assert "Nothing to do" in again.out
    assert _value(application_url, "SELECT count(*) FROM stage_normalization_log") == 70


def test_decision_makes_verification_pass(ready_url: str, tmp_path: Path) -> None:
    wrote = stagenorm_here("decisions", url=ready_url, directory=tmp_path)
    assert wrote.code == 0, wrote.all
    file = tmp_path / "stage_decisions.yaml"
    text = file.read_text()
    assert '"Seed Round"' in text
    file.write_text('- spelling: "Seed Round"\n  stage: seed\n  decided_by: "Ana"\n')

    run = stagenorm_here("run", "--yes", "--sleep-ms", "0", url=ready_url, directory=tmp_path)
    assert '"rowsUpdated":90' in run.out, run.all
    assert stagenorm_here("verify", url=ready_url, directory=tmp_path).code == 0


def test_one_fund_is_run_and_rolled_back(ready_url: str) -> None:
    before = _value(ready_url, "SELECT md5(string_agg(stage, '|' ORDER BY id)) FROM portfoliocompanies")
    run = stagenorm_here("run", "--yes", "--fund-id", "2", "--table", "portfoliocompanies", url=ready_url)
    assert run.code == 0, run.all
    changed = _value(ready_url, "SELECT count(*) FROM stage_normalization_log")
    assert changed == _value(ready_url, "SELECT count(*) FROM stage_normalization_log WHERE fund_id = '2'") == 15

    shown = stagenorm_here("rollback", "--plan", "1", url=ready_url)
    assert shown.code == 0
    assert "15 still hold what stagenorm wrote" in shown.out
    assert _value(ready_url, "SELECT count(*) FROM stage_normalization_log") == 15, "only shown"

    assert stagenorm_here("rollback", "--plan", "1", "--yes", url=ready_url).code == 0
    after = _value(ready_url, "SELECT md5(string_agg(stage, '|' ORDER BY id)) FROM portfoliocompanies")
    assert after == before
    assert _value(ready_url, "SELECT status FROM stage_migration_plans WHERE plan_id = 1") == "rolled_back"


def test_run_without_terminal_and_yes_records_nothing(ready_url: str) -> None:
    run = stagenorm_here("run", url=ready_url)
    assert run.code == 2
    assert "--yes" in run.err
    assert _value(ready_url, "SELECT count(*) FROM stage_migration_plans") == 0


def test_refused_row_makes_run_exit_1_until_resumed(ready_url: str) -> None:
    with psycopg.connect(ready_url) as connection:
        connection.execute("ALTER TABLE portfoliocompanies ADD CONSTRAINT odd CHECK (id <> 5 OR stage <> 'seed')")
    run = stagenorm_here("run", "--yes", "--sleep-ms", "0", url=ready_url)
    assert run.code == 1
    status = stagenorm_here("status", url=ready_url)
    assert "row 5" in status.out
    assert "stagenorm resume" in status.out
    assert stagenorm_here("verify", url=ready_url).code == 1
    with psycopg.connect(ready_url) as connection:
        connection.execute("ALTER TABLE portfoliocompanies DROP CONSTRAINT odd")
    assert stagenorm_here("resume", url=ready_url).code == 0
    assert json.loads(stagenorm_here("status", "--json", url=ready_url).out)["progress"]["failed_batches"] == 0


def test_status_json_equals_the_progress_view(ready_url: str) -> None:
    stagenorm_here("run", "--yes", "--sleep-ms", "0", url=ready_url)
    progress = json.loads(stagenorm_here("status", "--json", url=ready_url).out)["progress"]
    assert progress["rows_updated"] == 70
    assert progress["rows_updated"] == _value(ready_url, "SELECT rows_updated FROM stage_migration_progress")
