"""The progress meter: rows done, pace and remaining time, computed from the events of an apply."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from stagenorm_pipeline.engine.apply.events import (
    BatchCompleted,
    BatchFailed,
    BatchStarted,
    BatchTaken,
    Event,
    Paused,
    Retrying,
    Sleeping,
    WorkFound,
)
from stagenorm_pipeline.engine.apply.progress import Progress, ProgressMeter, percent, time_span
from stagenorm_pipeline.engine.plan.batch_types import Batch, BatchResult
from stagenorm_pipeline.engine.targets.target_id import TargetId


def batch(number: int, rows: int) -> Batch:
    return Batch(
        plan_id=1,
        batch_id=number,
        number=number,
        total_batches=99,
        target=TargetId(schema="public", table="portfoliocompanies", column="stage"),
        fund_id="1",
        rows_planned=rows,
    )


@dataclass(kw_only=True)
class Apply:
    """An apply with its own clock: each batch takes `work_s`, or `row_s` per row, and a sleep follows."""

    sizes: Sequence[int]
    sleep_ms: int = 0
    work_s: float = 0.0
    row_s: float = 0.0
    now: float = 1_000.0
    meter: ProgressMeter = field(default_factory=ProgressMeter)

    def say(self, event: Event) -> Progress:
        self.meter.hear(event, self.now)
        return self.meter.progress

    def found(self) -> Progress:
        return self.say(WorkFound(batches=len(self.sizes), rows=sum(self.sizes)))

    def do(self, number: int, *, throttled_s: float = 0.0) -> Progress:
        """Run a batch up to its sleep, after throttling for `throttled_s`."""
        rows = self.sizes[number - 1]
        self.now += throttled_s
        self.say(BatchStarted(batch=batch(number, rows)))
        seconds = self.work_s + rows * self.row_s
        self.now += seconds
        done = self.say(
            BatchCompleted(
                batch=batch(number, rows), result=BatchResult(rows_updated=rows, duration_ms=round(seconds * 1000))
            )
        )
        if self.sleep_ms and number < len(self.sizes):
            done = self.say(Sleeping(milliseconds=self.sleep_ms))
            self.now += self.sleep_ms / 1000
        return done

    def run(self) -> Iterator[tuple[float, Progress]]:
        """Yield the clock and the progress after each batch, before its sleep."""
        self.found()
        for number in range(1, len(self.sizes) + 1):
            done = self.do(number)
            yield self.now - (self.sleep_ms / 1000 if number < len(self.sizes) else 0), done


def test_progress_is_unknown_before_the_batches_are_counted() -> None:
    assert ProgressMeter().progress.sentence == "counting the waiting batches"


def test_rate_and_estimate_are_unknown_before_the_first_batch_ended() -> None:
    apply = Apply(sizes=[100] * 10)
    apply.found()
    so_far = apply.say(BatchStarted(batch=batch(1, 100)))
    assert (so_far.rows_per_second, so_far.eta_s) == (None, None)
    assert so_far.sentence == "0 of 1,000 rows (0%)"


def test_first_batch_of_very_many_gives_no_estimate() -> None:
    apply = Apply(sizes=[100] * 50, work_s=1.0, sleep_ms=500)
    apply.found()
    assert apply.do(1).eta_s is None
    assert apply.do(2).eta_s is not None


@example(12, 1, 1.0, 0, 0)
@given(st.integers(10, 120), st.integers(1, 5_000), st.floats(0.001, 2.0), st.integers(0, 5_000), st.integers(0, 4))
def test_estimate_at_a_steady_pace_is_right_within_a_fifth(
    batches: int, rows: int, work_s: float, sleep_ms: int, throttle_every: int
) -> None:
    """This holds once a tenth of the rows is done."""
    apply = Apply(sizes=[rows] * batches, sleep_ms=sleep_ms, work_s=work_s)
    apply.found()
    told = []
    for number in range(1, batches + 1):
        # Throttling longer than the batch itself, every few batches, is part of the pace, like the sleeps.
        is_throttled = throttle_every > 1 and number % throttle_every == 0 and batches > 40
        done = apply.do(number, throttled_s=work_s * 2 if is_throttled else 0)
        sleeping_s = sleep_ms / 1000 if number < batches else 0
        told.append((number, apply.now - sleeping_s, done.eta_s))
    # Without the last batches: when three are left, one throttled batch more or less is a third.
    for number, at, eta_s in told[: batches - 10]:
        if number * 10 >= batches:
            assert eta_s == pytest.approx(apply.now - at, rel=0.2), f"after {number} of {batches}"


def test_estimate_is_right_when_the_last_funds_are_small() -> None:
    # 10 large batches, then 200 funds of ten rows: nearly all of the rows are in a twentieth of the batches.
    apply = Apply(sizes=[5_000] * 10 + [10] * 200, sleep_ms=100, row_s=0.00002)
    told = list(apply.run())
    end = told[-1][0]
    for at, so_far in told[2:190]:
        assert so_far.eta_s == pytest.approx(end - at, rel=0.2)


def test_batches_of_a_group_share_one_sleep_in_the_estimate() -> None:
    apply = Apply(sizes=[100] * 20, sleep_ms=3_000)
    apply.found()
    for first in (1, 6):
        group = [batch(number, 100) for number in range(first, first + 5)]
        for one in group:
            apply.say(BatchStarted(batch=one))
        apply.now += 2.0
        for one in group:
            apply.say(BatchCompleted(batch=one, result=BatchResult(rows_updated=100, duration_ms=400)))
        so_far = apply.say(Sleeping(milliseconds=3_000))
        apply.now += 3.0
    # Two more groups of 2 s of work and 3 s of sleep, after the sleep that begins.
    assert so_far.eta_s == pytest.approx(3 + 2 * 5)
    assert so_far.rows_per_second == pytest.approx(100)
    assert (so_far.rows_done, so_far.batches_done) == (1_000, 10)


def test_pace_follows_the_last_hundred_batches() -> None:
    apply = Apply(sizes=[100] * 500, work_s=0.1)
    apply.found()
    for number in range(1, 201):
        apply.do(number)
    apply.work_s = 1.0
    for number in range(201, 302):
        so_far = apply.do(number)
    assert so_far.rows_per_second == pytest.approx(100)


def test_paused_progress_has_a_reason_and_no_estimate() -> None:
    apply = Apply(sizes=[100] * 10, work_s=1.0)
    apply.found()
    for number in (1, 2, 3):
        apply.do(number)
    paused = apply.say(Paused(reason="a release", changed_by="ana@host"))
    assert paused.eta_s is None
    assert paused.sentence.endswith("paused by ana@host: a release")


def test_pause_does_not_change_the_estimate() -> None:
    apply = Apply(sizes=[100] * 10, work_s=1.0)
    apply.found()
    for number in (1, 2, 3):
        apply.do(number)
    apply.say(Paused(reason="lunch", changed_by="ana@host"))
    apply.now += 3_600
    after = apply.do(4)
    assert after.eta_s == pytest.approx(6.0)
    assert after.waiting_for is None


def test_retry_shows_its_reason_until_the_next_batch() -> None:
    apply = Apply(sizes=[100] * 3, work_s=1.0)
    apply.found()
    apply.do(1)
    assert (
        apply.say(Retrying(batch=None, error="connection refused", attempt=1, wait_s=0.4)).waiting_for
        == "retrying in 0.4 s: connection refused"
    )
    assert apply.do(2).waiting_for is None


def test_failed_batch_counts_as_done_and_as_failed() -> None:
    apply = Apply(sizes=[100] * 4)
    apply.found()
    apply.say(BatchStarted(batch=batch(1, 100)))
    failed = apply.say(BatchFailed(batch=batch(1, 100), error="disk full"))
    assert (failed.rows_done, failed.batches_done, failed.batches_failed) == (100, 1, 1)


def test_taken_batch_is_not_left_for_this_runner() -> None:
    apply = Apply(sizes=[100] * 4)
    apply.found()
    assert apply.say(BatchTaken(batch=batch(1, 100), worker="worker-2")).rows_done == 100


def test_retried_batch_never_exceeds_the_total() -> None:
    apply = Apply(sizes=[5_000])
    # Three refused rows of a batch of 5,000.
    apply.say(WorkFound(batches=1, rows=3))
    done = apply.do(1)
    assert (done.rows_done, done.rows_total) == (3, 3)


def test_100_percent_means_all_rows() -> None:
    assert (percent(999, 1_000), percent(1_000, 1_000), percent(0, 0)) == (99, 100, 100)


def test_duration_has_at_most_two_units() -> None:
    assert [time_span(s) for s in (0.4, 59.4, 200, 7_530)] == ["0 s", "59 s", "3 min 20 s", "2 h 05 min"]
