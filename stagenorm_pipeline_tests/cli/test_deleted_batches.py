"""Batches that somebody deletes while a run is at work: the exit code and the last line tell the truth."""

import pytest

from stagenorm_pipeline_tests.support.command_line import stagenorm_here, started
from stagenorm_pipeline_tests.support.slow_database import SlowDatabase
from stagenorm_pipeline_tests.support.waiting import wait_until

_RUN = ("run", "--yes", "--sleep-ms", "0", "--batch-size")


@pytest.mark.parametrize("size", ["1", "auto"])
def test_a_run_whose_batches_are_deleted_says_how_many_and_fails(slow: SlowDatabase, size: str) -> None:
    slow.take(0.4)
    with started(*_RUN, size, url=slow.url) as running:
        wait_until(lambda: slow.batches("running") >= 1, "a batch at work")
        # Of the batch at work too: what it changed is rolled back.
        slow.user.execute("DELETE FROM stage_migration_batches WHERE status <> 'completed'")
        assert running.end() == 1
    last = running.text.splitlines()[-1]
    deleted = (8 if size == "1" else 2) - slow.batches("completed")
    assert f"[ERROR] {deleted} planned batches were deleted during the run" in last
    assert "Migration completed" not in running.text
    assert "Traceback" not in running.text
    assert slow.unlogged == 0

    slow.take(0)
    assert stagenorm_here(*_RUN, size, url=slow.url).code == 0
    assert slow.value("SELECT count(*) FROM portfoliocompanies WHERE stage = 'seed'") == 8


def test_batches_deleted_before_a_run_are_not_missed_by_it(slow: SlowDatabase) -> None:
    slow.take(0)
    assert stagenorm_here("run", "--yes", "--batch-size", "1", "--sleep-ms", "0", url=slow.url).code == 0
    slow.user.execute("DELETE FROM stage_migration_batches WHERE batch_number > 6")
    assert stagenorm_here("resume", url=slow.url).code == 0
