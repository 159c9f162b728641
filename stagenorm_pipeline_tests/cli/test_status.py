"""Test `stagenorm status`, once and with --watch."""

import json

from stagenorm_pipeline_tests.support.command_line import on_terminal, stagenorm_here, started
from stagenorm_pipeline_tests.support.slow_database import SlowDatabase

_RUN = ("run", "--yes", "--batch-size", "1", "--sleep-ms", "0")


def test_status_without_plan_says_what_to_do_first(slow: SlowDatabase) -> None:
    status = stagenorm_here("status", url=slow.url)
    assert status.code == 0
    assert "No plan has been recorded yet." in status.out
    assert "Next: stagenorm dry-run" in status.out


def test_status_shows_runner_until_it_ends(slow: SlowDatabase) -> None:
    slow.take(0.5)
    with started(*_RUN, url=slow.url) as running:
        running.wait_for("Processing batch 2/8")
        status = stagenorm_here("status", url=slow.url).out
        assert f":{running.process.pid} cli, since" in status
        assert "of portfoliocompanies, fund-1" in status
        assert "Next: wait, or stagenorm pause" in status
        slow.take(0)
        assert running.end() == 0
    assert "Running:" not in stagenorm_here("status", url=slow.url).out


def test_status_shows_how_to_retry_a_failure(slow: SlowDatabase) -> None:
    slow.take(0)
    slow.user.execute("ALTER TABLE portfoliocompanies ADD CONSTRAINT closed CHECK (id <> 6 OR stage <> 'seed')")
    stagenorm_here(*_RUN, url=slow.url)
    status = stagenorm_here("status", url=slow.url).out
    assert 'row 6 ("Seed" -> seed): new row for relation' in status
    command = "stagenorm resume --table portfoliocompanies --fund-id 2"
    assert f"fix the cause, then: {command}" in status
    slow.user.execute("ALTER TABLE portfoliocompanies DROP CONSTRAINT closed")
    assert stagenorm_here(*command.split()[1:], url=slow.url).code == 0
    assert "Next: stagenorm verify" in stagenorm_here("status", url=slow.url).out


def test_watch_without_terminal_writes_lines_until_done(slow: SlowDatabase) -> None:
    slow.take(0.3)
    with started(*_RUN, url=slow.url) as running:
        running.wait_for("Processing batch 1/8")
        watched = stagenorm_here("status", "--watch", "--interval", "0.2", "--json", url=slow.url)
        assert running.end() == 0
    looks = [json.loads(line)["progress"] for line in watched.out.splitlines()]
    assert watched.code == 0
    assert looks[0]["pending_batches"] > 0
    assert [look["completed_batches"] for look in looks] == sorted(look["completed_batches"] for look in looks)
    assert looks[-1]["completed_batches"] == 8
    assert stagenorm_here("status", "--watch", url=slow.url).out.startswith("[INFO] 100.0% of 8 rows {")


def test_watch_with_failed_batches_exits_1(slow: SlowDatabase) -> None:
    slow.take(0)
    slow.user.execute("ALTER TABLE portfoliocompanies ADD CONSTRAINT closed CHECK (id > 5 OR stage <> 'seed')")
    ran = stagenorm_here(*_RUN, url=slow.url)
    assert (ran.code, slow.batches("failed")) == (1, 5), ran.all
    watched = stagenorm_here("status", "--watch", url=slow.url)
    assert watched.code == 1
    assert "5 batches failed" in watched.out


def test_watch_on_terminal_redraws_until_ctrl_c(slow: SlowDatabase) -> None:
    stagenorm_here("run", "--rehearse", url=slow.url)
    slow.user.execute("UPDATE stage_migration_plans SET status = 'open', opened_at = now()")
    with on_terminal("status", "--watch", "--interval", "0.2", url=slow.url) as running:
        running.wait_for("(?s)Next: stagenorm resume.*Next: stagenorm resume")
        running.press("\x03")
        assert running.end() == 0
    assert "Traceback" not in running.text
    assert "Progress: 0.0% of 8 rows" in running.text
