"""Test Ctrl-C: the first stops after the current batch, the second at once, and both are safe."""

import json
import re
import signal

from stagenorm_pipeline_tests.support.command_line import on_terminal, stagenorm_here, started
from stagenorm_pipeline_tests.support.slow_database import SlowDatabase
from stagenorm_pipeline_tests.support.waiting import wait_until

_CTRL_C = "\x03"
_RUN = ("run", "--yes", "--batch-size", "1", "--sleep-ms", "0")


def test_first_ctrl_c_stops_after_current_batch(slow: SlowDatabase) -> None:
    slow.take(0.3)
    with on_terminal(*_RUN, url=slow.url) as running:
        wait_until(lambda: slow.batches("completed") >= 1, "the first batch")
        running.press(_CTRL_C)
        assert running.end() == 1
    assert "Stopping after the current batch; press Ctrl-C again to stop at once." in running.text
    assert "Migration stopped before its end.\r\n" in running.text
    assert "Next: stagenorm resume" in running.text
    assert running.text.count("stagenorm resume") == 1
    assert re.search(r"\d batch(es)? in .*: \d+ rows? changed", running.text)
    assert not re.search(r"(\d) of \1 batch", running.text)
    assert "Traceback" not in running.text
    assert slow.batches("running") == 0
    assert 1 <= slow.batches("completed") < 8
    assert slow.unlogged == 0

    slow.take(0)
    assert stagenorm_here("resume", "--sleep-ms", "0", url=slow.url).code == 0
    assert slow.batches("completed") == 8


def test_second_ctrl_c_rolls_back_current_batch_only(slow: SlowDatabase) -> None:
    slow.take(0.2)
    with on_terminal(*_RUN, url=slow.url) as running:
        wait_until(lambda: slow.batches("completed") >= 1, "the first batch")
        # A batch that would outlast the test's patience.
        slow.take(600)
        wait_until(lambda: slow.batches("running") == 1, "a batch at work")
        done = slow.batches("completed")
        running.press(_CTRL_C)
        running.wait_for("Stopping after the current batch")
        running.press(_CTRL_C)
        assert running.end() == 1
    assert "Error: Interrupted." in running.text
    assert "Traceback" not in running.text
    assert slow.batches("completed") == done
    assert slow.unlogged == 0
    wait_until(lambda: slow.value("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'") == 0, "its lock")


def test_term_signal_stops_and_logs_as_json(slow: SlowDatabase) -> None:
    slow.take(0.3)
    with started(*_RUN, url=slow.url, environment={"LOG_FORMAT": "json"}) as running:
        running.wait_for("Batch 1 completed")
        running.process.send_signal(signal.SIGTERM)
        assert running.end() == 1
    messages = [json.loads(line)["message"] for line in running.text.splitlines()]
    assert "Stopping after the current batch; press Ctrl-C again to stop at once." in messages
    assert messages[-1] == "Migration stopped before its end. To continue: stagenorm resume"
    assert slow.unlogged == 0


def test_ctrl_c_while_planning_leaves_no_plan(slow: SlowDatabase) -> None:
    slow.user.execute("BEGIN")
    slow.user.execute("LOCK TABLE portfoliocompanies")
    with on_terminal("dry-run", url=slow.url) as running:
        running.wait_for("Reading portfoliocompanies.stage, deal_opportunities.stage")
        running.press(_CTRL_C)
        assert running.end() == 1
    slow.user.execute("ROLLBACK")
    assert "Error: Interrupted." in running.text
    assert slow.value("SELECT count(*) FROM stage_migration_plans") == 0
