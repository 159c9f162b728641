"""Pause, unpause and cancel, with real runners at work."""

from stagenorm_pipeline_tests.support.command_line import stagenorm_here, started
from stagenorm_pipeline_tests.support.slow_database import SlowDatabase

_RUN = ("run", "--yes", "--batch-size", "1", "--sleep-ms", "0")


def test_a_pause_is_honoured_by_every_runner_before_its_next_batch_until_the_work_is_unpaused(
    slow: SlowDatabase,
) -> None:
    slow.take(0.4)
    with started(*_RUN, "--fund-id", "1", url=slow.url) as one, started(*_RUN, "--fund-id", "2", url=slow.url) as two:
        one.wait_for("Processing batch 1/4")
        two.wait_for("Processing batch 1/4")
        assert stagenorm_here("pause", "--reason", "release", url=slow.url).code == 0
        one.wait_for("Paused by .*: release. Waiting for `stagenorm unpause`")
        two.wait_for("Paused by .*: release. Waiting for `stagenorm unpause`")
        assert (slow.batches("running"), slow.batches("failed")) == (0, 0)
        left = slow.batches("pending")
        assert left > 0
        status = stagenorm_here("status", url=slow.url).out
        assert "PAUSED since" in status
        assert "Next: stagenorm unpause" in status
        assert slow.batches("pending") == left

        slow.take(0)
        assert stagenorm_here("unpause", url=slow.url).code == 0
        assert (one.end(), two.end()) == (0, 0)
    assert slow.batches("completed") == 8


def test_a_rehearsal_waits_while_the_work_is_paused(slow: SlowDatabase) -> None:
    stagenorm_here("pause", url=slow.url)
    with started("run", "--rehearse", url=slow.url) as running:
        running.wait_for("Paused by")
        stagenorm_here("unpause", url=slow.url)
        assert running.end() == 0
    assert "Rehearsal ended" in running.text


def test_a_cancelled_plan_is_left_after_the_batch_at_work_and_its_runner_says_so(slow: SlowDatabase) -> None:
    slow.take(0.4)
    with started(*_RUN, url=slow.url) as running:
        running.wait_for("Processing batch 2/8")
        listed = stagenorm_here("cancel", url=slow.url)
        assert "stagenorm cancel --plan 1" in listed.out
        cancelled = stagenorm_here("cancel", "--plan", "1", url=slow.url)
        assert cancelled.code == 0, cancelled.all
        running.end()
    done = slow.batches("completed")
    assert (slow.batches("cancelled"), slow.batches("running"), slow.batches("pending")) == (8 - done, 0, 0)
    assert f"{8 - done} batches were cancelled during the run" in running.text
    assert slow.value("SELECT status FROM stage_migration_plans") == "completed"
    assert slow.unlogged == 0
    assert "there is nothing to cancel" in stagenorm_here("cancel", url=slow.url).out


def test_what_cannot_be_cancelled_is_named_with_what_to_look_at(slow: SlowDatabase) -> None:
    slow.take(0)
    stagenorm_here(*_RUN, url=slow.url)
    ran = stagenorm_here("cancel", "--plan", "1", url=slow.url)
    assert ran.code == 1
    assert "Plan 1 is completed" in ran.err
    assert "stagenorm status" in ran.err
