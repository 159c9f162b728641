"""The log lines of a run."""

import logging
import re
from collections.abc import Iterator

import pytest

from stagenorm_pipeline.defs.run_log import BatchLog
from stagenorm_pipeline.engine.apply.events import (
    BatchCompleted,
    BatchFailed,
    BatchStarted,
    GroupSplit,
    Paused,
    Retrying,
    Sleeping,
    Unwatched,
    WorkFound,
)
from stagenorm_pipeline.engine.plan.batch_types import Batch, BatchResult, Refusal
from stagenorm_pipeline.engine.targets.target_id import TargetId

_BATCH = Batch(
    plan_id=1,
    batch_id=50,
    number=5,
    total_batches=15,
    target=TargetId(schema="public", table="companies", column="stage"),
    fund_id="7",
    rows_planned=1_000,
)


class _Log:
    """A `BatchLog` whose clock advances one second per reading."""

    def __init__(self, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.DEBUG)
        self._records = caplog
        seconds = iter(range(1_000))
        self.listener = BatchLog(logging.getLogger("fund"), "fund-7", clock=lambda: float(next(seconds)))

    @property
    def lines(self) -> Iterator[str]:
        return (f"{record.levelname} {record.getMessage()}" for record in self._records.records)


def test_completed_batch_is_one_log_line(caplog: pytest.LogCaptureFixture) -> None:
    log = _Log(caplog)

    log.listener(BatchStarted(batch=_BATCH))
    log.listener(
        BatchCompleted(
            batch=_BATCH,
            result=BatchResult(
                rows_updated=990, rows_skipped_changed=6, rows_skipped_deleted=4, refusals=(), duration_ms=1_245
            ),
        )
    )
    log.listener(Sleeping(milliseconds=100))

    fields = '{"rowsUpdated":990,"rowsSkipped":10,"rowsFailed":0,"durationMs":1245}'
    assert list(log.lines) == [f"INFO fund-7, public.companies: Batch 5 completed {fields}"]


def test_missing_replica_is_info_and_missing_privilege_warning(caplog: pytest.LogCaptureFixture) -> None:
    log = _Log(caplog)

    log.listener(Unwatched(throttler="replica_lag", reason="no replica", remedy="nothing", is_wrong=False))
    log.listener(Unwatched(throttler="replica_lag", reason="no privilege", remedy="grant it"))

    assert [line.split()[0] for line in log.lines] == ["INFO", "WARNING"]


def test_progress_is_logged_every_ten_seconds(caplog: pytest.LogCaptureFixture) -> None:
    log = _Log(caplog)

    log.listener(WorkFound(batches=100, rows=100_000))
    for _ in range(12):
        log.listener(BatchStarted(batch=_BATCH))
        log.listener(BatchCompleted(batch=_BATCH, result=BatchResult(rows_updated=1_000)))

    progress = [line for line in log.lines if "rows/s" in line]
    assert len(progress) == 2
    assert re.match(r"INFO fund-7: 5,000 of 100,000 rows \(5%\), [1-9]\d+ rows/s, about ", progress[0])


def test_error_lines_are_escaped_and_first_error_kept(
    caplog: pytest.LogCaptureFixture,
) -> None:
    log = _Log(caplog)

    log.listener(
        BatchCompleted(
            batch=_BATCH,
            result=BatchResult(
                rows_updated=999, refusals=(Refusal(place=3, message="\x1b[31mred\nline", sqlstate=None),)
            ),
        )
    )
    log.listener(BatchFailed(batch=_BATCH, error="disk full"))
    log.listener(Retrying(batch=None, error="gone\x07", attempt=1, wait_s=0.5))
    log.listener(Paused(reason="re\x1bason", changed_by="ana"))
    log.listener(GroupSplit(batches=4, reason="row 7\x1b[2J refused"))
    log.listener(Unwatched(throttler="replicas", reason="no\x1b[2J privilege", remedy="grant it"))

    assert log.listener.first_error == "\x1b[31mred\nline"
    text = "\n".join(log.lines)
    assert "disk full" in text
    assert "A transaction of 4 batches was rolled back" in text
    assert "Not watched (replicas)" in text
    assert not any(character in text for character in "\x1b\x07")
