"""Test the progress display on a terminal, and that logs and JSON hold none of it."""

import json
import re

from stagenorm_pipeline_tests.support.command_line import on_terminal, stagenorm_here, started
from stagenorm_pipeline_tests.support.slow_database import SlowDatabase

_RUN = ("run", "--yes", "--batch-size", "1", "--sleep-ms", "0")
_HOSTILE = "\x1b[2J\x1b]0;owned\x07"


def test_run_on_terminal_shows_bar_and_errors_only(slow: SlowDatabase) -> None:
    slow.take(0.4)
    slow.user.execute("ALTER TABLE portfoliocompanies ADD CONSTRAINT closed CHECK (id <> 2 OR stage <> 'seed')")
    with on_terminal(*_RUN, url=slow.url) as running:
        assert running.end() == 1
    assert re.search(r"\d of 8 rows \(\d+%\).*rows/s, about \d+ s left", running.text)
    assert "━" in running.text
    assert "[ERROR] Batch 2: 1 row refused" in running.text
    assert "Processing batch" not in running.text
    assert "Batch 1 completed" not in running.text
    # The bar is gone at the end: what stays is the summary.
    ending = running.text.rpartition("Migration ended with failures")[2]
    assert "7 of 8 batches in" in ending
    assert "row 2 " in ending
    assert ending.rstrip().endswith("Next: fix the cause of the failures, then stagenorm resume")


def test_pause_reason_beside_bar_is_escaped(slow: SlowDatabase) -> None:
    slow.take(0.3)
    with on_terminal(*_RUN, url=slow.url) as running:
        running.wait_for("of 8 rows")
        stagenorm_here("pause", "--reason", f"release {_HOSTILE}", url=slow.url)
        running.wait_for(r"(?s)of 8 rows .*Paused by .*release \\x1b\[2J")
        slow.take(0)
        stagenorm_here("unpause", url=slow.url)
        assert running.end() == 0
    assert "\x1b[2J" not in running.text
    assert "\x1b]0;" not in running.text


def test_log_holds_runbook_lines_and_no_drawing(slow: SlowDatabase) -> None:
    with started("run", "--yes", "--batch-size", "4", "--sleep-ms", "10", "--no-lag-check", url=slow.url) as running:
        assert running.end() == 0
    lines = [
        re.sub(r"\d+ms|\"durationMs\":\d+|\(.* does not exist\)", "N", line)
        for line in running.text.splitlines()
        if line[:6] == "[INFO]"
    ]
    counts = '{"rowsUpdated":4,"rowsSkipped":0,"rowsFailed":0,N}'
    planned = '{"table":"public.portfoliocompanies","fund":"fund-%s","rowsPlanned":4}'
    assert lines == [
        "[INFO] Starting migration script...",
        "[INFO] Creating batch plans...",
        "[INFO] Created 2 batch plans",
        '[INFO] Recording batch plans in stage_migration_batches... {"planId":1}',
        "[INFO] Decisions: no decisions file N",
        f"[INFO] Processing batch 1/2... {planned % 1}",
        f"[INFO] Batch 1 completed {counts}",
        "[INFO] Sleeping N before next batch...",
        f"[INFO] Processing batch 2/2... {planned % 2}",
        f"[INFO] Batch 2 completed {counts}",
        '[INFO] Migration completed {"totalBatches":2,"completedBatches":2,"failedBatches":0,"heldBatches":0,'
        '"rowsUpdated":8,"rowsSkipped":0,"rowsFailed":0}',
        "[INFO] Next: stagenorm verify",
    ]
    assert "\x1b" not in running.text


def test_json_log_has_one_object_per_line_and_no_bar(
    slow: SlowDatabase,
) -> None:
    slow.take(0.2)
    with on_terminal(*_RUN, url=slow.url, environment={"LOG_FORMAT": "json"}) as running:
        assert running.end() == 0
    said = [json.loads(line) for line in running.text.splitlines()]
    completed = [entry for entry in said if re.fullmatch(r"Batch \d completed", entry["message"])]
    assert len(completed) == 8
    assert completed[0]["rowsUpdated"] == 1
    assert {"time", "level", "rowsSkipped", "rowsFailed", "durationMs"} <= completed[0].keys()
    assert next(entry for entry in said if entry["message"] == "Plan recorded")["rowsToUpdate"] == 8


def test_rehearsal_shows_progress_without_color(slow: SlowDatabase) -> None:
    slow.take(0.3)
    rehearse = ("run", "--rehearse", "--batch-size", "1")
    with on_terminal(*rehearse, url=slow.url, environment={"NO_COLOR": "1"}) as running:
        running.wait_for(r"[1-8] of 8 rows")
        slow.take(0)
        assert running.end() == 0
    assert "Batch 1 completed" not in running.text
    assert not re.search(r"\x1b\[[\d;]+m", running.raw)


def test_rollback_shows_progress(slow: SlowDatabase) -> None:
    stagenorm_here(*_RUN, url=slow.url)
    slow.take(0.4)
    with on_terminal("rollback", "--plan", "1", "--batch-size", "1", "--yes", url=slow.url) as running:
        running.wait_for(r"[1-8] of 8 rows")
        slow.take(0)
        assert running.end() == 0
    assert slow.value("SELECT count(*) FROM portfoliocompanies WHERE stage = 'Seed'") == 8


def test_ascii_log_gets_escapes(slow: SlowDatabase) -> None:
    slow.user.execute("ALTER TABLE portfoliocompanies ADD CONSTRAINT \"é\" CHECK (id <> 2 OR stage <> 'seed')")
    with started(*_RUN, url=slow.url, environment={"PYTHONIOENCODING": "ascii"}) as running:
        assert running.end() == 1
    assert r'violates check constraint "\xe9"' in running.text
    assert "Migration ended with failures" in running.text


def test_reading_shows_target_and_elapsed_time(slow: SlowDatabase) -> None:
    slow.user.execute("BEGIN")
    slow.user.execute("LOCK TABLE deal_opportunities")
    with on_terminal("verify", url=slow.url) as running:
        running.wait_for(r"Verifying portfoliocompanies.stage, deal_opportunities.stage and the audit log … [12] s")
        assert "%" not in running.text
        slow.user.execute("ROLLBACK")
        running.end()
    assert "VERIFICATION REPORT" in running.text
