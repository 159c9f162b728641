"""Read the figures for `stagenorm metrics` from the tracking tables, in one cheap snapshot. Reads no target.

`report/metrics_text` gives them their names and units.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from stagenorm_pipeline.engine.apply.pause import read_control
from stagenorm_pipeline.engine.postgres.connection import Database
from stagenorm_pipeline.engine.postgres.migrations import require_migrations
from stagenorm_pipeline.engine.postgres.sql_files import statement

# Shorter than a usual scrape interval: a slow scrape must not delay the next one.
_STATEMENT_TIMEOUT = "5s"


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetMetrics:
    """Figures of one target. Each is None where there was no plan or verification over all funds, or no backup."""

    name: str
    counted_at: datetime | None
    unknown_rows: int | None
    unknown_spellings: int | None
    verdict: str | None
    verified_at: datetime | None
    saved_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricsFacts:
    """All figures. `rows` and `batches` are those of the current plans, as in `stage_migration_progress`.

    `changed_rows`: by action, over all plans. `held_since`: since when the longest-throttled runner is throttled.
    """

    rows: Mapping[str, int]
    batches: Mapping[str, int]
    last_batch_at: datetime | None
    changed_rows: Mapping[str, int]
    quarantined_rows: int
    paused: bool
    runners: Mapping[str, int]
    held_since: datetime | None
    targets: tuple[TargetMetrics, ...]


def read_metrics(database: Database) -> MetricsFacts:
    """Read all figures in one snapshot. Raises StagenormError or DBAPIError if they cannot be read."""
    with database.snapshot() as connection:
        connection.exec_driver_sql(f"SET LOCAL statement_timeout = '{_STATEMENT_TIMEOUT}'")
        require_migrations(connection)
        progress = connection.exec_driver_sql("SELECT * FROM stage_migration_progress").one()
        totals = connection.exec_driver_sql(statement("monitor/metrics_totals")).one()
        runners = connection.exec_driver_sql(statement("monitor/metrics_runners")).one()
        return MetricsFacts(
            rows={
                "updated": progress.rows_updated,
                "skipped": progress.rows_skipped,
                "failed": progress.rows_failed,
                "waiting": progress.rows_waiting,
            },
            batches={
                "completed": progress.completed_batches,
                "pending": progress.pending_batches,
                "running": progress.running_batches,
                "failed": progress.failed_batches,
            },
            last_batch_at=progress.last_completed_at,
            changed_rows={"normalize": totals.rows_normalized, "rollback": totals.rows_restored},
            quarantined_rows=totals.rows_quarantined,
            paused=read_control(connection).paused,
            runners={"working": runners.working, "held": runners.held},
            held_since=runners.held_since,
            targets=tuple(
                TargetMetrics(**row._mapping)
                for row in connection.exec_driver_sql(statement("monitor/metrics_targets"))
            ),
        )
