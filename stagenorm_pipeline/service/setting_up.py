"""Create the tracking tables, and drop them after an export."""

from __future__ import annotations

from pathlib import Path

from stagenorm_pipeline.engine.postgres.migrations import apply_migrations
from stagenorm_pipeline.engine.tracking import drop_tracking as tracking
from stagenorm_pipeline.engine.tracking.drop_tracking import TrackingTables
from stagenorm_pipeline.service.context import ServiceContext


def create_tracking_tables(context: ServiceContext) -> tuple[str, ...]:
    """Run every migration and return the names of their files. Safe to repeat; touches no target."""
    return tuple(file.name for file in apply_migrations(context.database))


def read_tracking_tables(context: ServiceContext, *, with_log: bool = False) -> TrackingTables:
    """Read which tables `drop_tracking` would remove and keep, and how large they are. Reads only."""
    return tracking.read_tracking_tables(context.database, with_log=with_log)


def drop_tracking(context: ServiceContext, *, export: Path, with_log: bool = False) -> TrackingTables:
    """Export stagenorm's own tables to a new file and drop them. The audit log stays unless `with_log`.

    Needs the owner of the tables. Raises PlanError while a plan is open.
    """
    return tracking.drop_tracking(context.database, export, with_log=with_log)
