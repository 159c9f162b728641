"""Say which tables to vacuum after a run. Reads only; stagenorm vacuums nothing."""

from __future__ import annotations

from stagenorm_pipeline.engine.monitor import vacuum
from stagenorm_pipeline.engine.monitor.vacuum import TableStatistics, VacuumAdvice
from stagenorm_pipeline.service.context import ServiceContext


def read_table_statistics(context: ServiceContext) -> tuple[TableStatistics, ...]:
    """Read the statistics of the configured targets, to compare them after a run."""
    return vacuum.read_table_statistics(context.database, context.targets())


def advise_after_run(
    context: ServiceContext, before: tuple[TableStatistics, ...], *, rows_updated: int
) -> tuple[VacuumAdvice, ...]:
    """Return which tables to vacuum after a run, and why. Closes every connection of the context first."""
    return vacuum.advise_after_run(context.database, context.targets(), before, rows_updated=rows_updated)


def advise_now(context: ServiceContext) -> tuple[VacuumAdvice, ...]:
    """Return which tables to vacuum now, and why."""
    return vacuum.advise(read_table_statistics(context))
