"""Applying recorded batches and saying how it ended: what `run`, `resume` and `rollback` share."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import wraps
from typing import TYPE_CHECKING, Any

import click

from stagenorm_pipeline.cli import exit_codes

if TYPE_CHECKING:
    from stagenorm_pipeline.cli.plan_output import BatchSize
    from stagenorm_pipeline.cli.scope_options import Work
    from stagenorm_pipeline.engine.apply.runner import ApplyResult
    from stagenorm_pipeline.engine.postgres.connection import Database
    from stagenorm_pipeline.engine.throttle.settings import ThrottleSettings
    from stagenorm_pipeline.vocabulary import Vocabulary


@dataclass(frozen=True, kw_only=True)
class Pace:
    """What the options say about how fast to go; what they leave out is in stagenorm.toml."""

    sleep_ms: int
    max_lag_seconds: float | None
    no_lag_check: bool

    def throttle(self, settings: ThrottleSettings) -> ThrottleSettings:
        """The configured bounds, with those of the options in their place."""
        from stagenorm_pipeline.engine.throttle.settings import LAG_THROTTLERS

        if self.max_lag_seconds is not None:
            settings = replace(settings, max_lag_seconds=self.max_lag_seconds, resume_lag_seconds=None)
        return replace(settings, ignore=settings.ignore | LAG_THROTTLERS) if self.no_lag_check else settings


def pace_options(command: Callable[..., None]) -> Callable[..., None]:
    """`--sleep-ms`, `--max-lag-seconds` and `--no-lag-check`, as the argument `pace`."""

    @click.option("--no-lag-check", is_flag=True, help="Do not wait for replicas.")
    @click.option(
        "--max-lag-seconds",
        type=click.FloatRange(0, min_open=True),
        help="Wait while a replica is further behind.  [default: 10]",
    )
    @click.option(
        "--sleep-ms", type=click.IntRange(0, 600_000), default=100, show_default=True, help="Pause after a batch."
    )
    @wraps(command)
    def with_pace(
        *arguments: Any, sleep_ms: int, max_lag_seconds: float | None, no_lag_check: bool, **options: Any
    ) -> None:
        command(
            *arguments,
            pace=Pace(sleep_ms=sleep_ms, max_lag_seconds=max_lag_seconds, no_lag_check=no_lag_check),
            **options,
        )

    return with_pace


def apply_and_report(
    database: Database,
    work: Work,
    plan_id: int | None,
    pace: Pace,
    vocabulary: Vocabulary | None = None,
    *,
    batch_size: BatchSize = None,
    name: str = "Migration",
) -> None:
    """Apply what waits, of this plan or of every open one. Ends the command with 1 where not all of it went through.

    `name` is what the log calls it.

    A plan that was made with another vocabulary is refused; None: not compared, for what restores rows.
    """
    from stagenorm_pipeline.cli.dagster_history import tell_applied
    from stagenorm_pipeline.cli.interrupt import stop_on_interrupt
    from stagenorm_pipeline.cli.live_display import showing_batches
    from stagenorm_pipeline.engine.apply.fund_totals import FundTotals
    from stagenorm_pipeline.engine.apply.runner import ApplyRequest, apply_batches
    from stagenorm_pipeline.engine.monitor.status import count_cancelled
    from stagenorm_pipeline.engine.postgres.identity import user_name, worker_name

    tally = FundTotals()
    with stop_on_interrupt() as should_stop, showing_batches() as watch:
        result = apply_batches(
            database,
            ApplyRequest(
                worker=worker_name("cli"),
                run_by=user_name(),
                plan_id=plan_id,
                scope=work.scope,
                targets=work.targets,
                sleep_ms=pace.sleep_ms,
                watch=tally.before(watch),
                should_stop=should_stop,
                vocabulary=vocabulary,
                throttle=pace.throttle(work.configuration.throttle),
                pacing=work.configuration.pacing if batch_size == "auto" else None,
            ),
        )
    cancelled = count_cancelled(database, plan_id) if plan_id is not None else 0
    _say_how_it_ended(name, result, cancelled)
    tell_applied(database, tally, plan_id)
    if not result.ok:
        sys.exit(exit_codes.FAILED)


def _say_how_it_ended(name: str, result: ApplyResult, cancelled: int) -> None:
    from stagenorm_pipeline.cli.log_lines import say

    fields: dict[str, Any] = {
        "totalBatches": result.batches,
        "completedBatches": result.completed,
        "failedBatches": result.failed,
        "heldBatches": result.taken,
        "rowsUpdated": result.rows.rows_updated,
        "rowsSkipped": result.rows.rows_skipped,
        "rowsFailed": result.rows.rows_failed,
    }
    if result.vanished:
        say(
            f"{result.vanished:,} planned batches were deleted during the run, so their rows were not changed. The "
            "other batches are complete or untouched. Run the command again to plan those rows anew.",
            "ERROR",
            **fields,
        )
    elif result.stopped:
        say(f"{name} stopped before its end; `stagenorm resume` goes on.", "WARN", **fields)
    elif result.failed:
        say(f"{name} ended with failures; `stagenorm status` names them.", "ERROR", **fields)
    elif result.taken:
        say(f"{name} completed but for batches that others hold.", "WARN", **fields)
    elif cancelled:
        say(f"{cancelled:,} batches were cancelled meanwhile; the others are done.", "WARN", **fields)
    elif not result.batches:
        say("Nothing to do: no open plan has a batch that waits.")
    else:
        say(f"{name} completed", **fields)
        say("Next: stagenorm verify")
