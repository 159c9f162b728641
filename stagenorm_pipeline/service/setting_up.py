"""Create the tracking tables."""

from __future__ import annotations

from stagenorm_pipeline.engine.postgres.migrations import apply_migrations
from stagenorm_pipeline.service.context import ServiceContext


def create_tracking_tables(context: ServiceContext) -> tuple[str, ...]:
    """Run every migration and return the names of their files. Safe to repeat; touches no target."""
    return tuple(file.name for file in apply_migrations(context.database))
