"""Estimate how long a plan takes. Reads only."""

from __future__ import annotations

from math import ceil

import sqlalchemy as sa

from stagenorm_pipeline.config.presets import PRESETS
from stagenorm_pipeline.engine.apply.pause import read_control
from stagenorm_pipeline.engine.apply.tuning import Tuning
from stagenorm_pipeline.engine.monitor import estimate as estimates
from stagenorm_pipeline.engine.monitor.estimate import DurationEstimate, PlannedPace, WorkAhead
from stagenorm_pipeline.engine.plan.plan import Plan
from stagenorm_pipeline.engine.postgres.migrations import require_migrations
from stagenorm_pipeline.errors import MissingMigrationError
from stagenorm_pipeline.service.applying import Pace
from stagenorm_pipeline.service.context import ServiceContext
from stagenorm_pipeline.service.planning import read_preset


def estimate_plan(context: ServiceContext, *, plan: Plan, pace: Pace) -> DurationEstimate:
    """Estimate how long a run of the plan takes at a pace, or at the one that is tuned. Needs no tracking tables."""
    ahead = _work_of(plan)
    with context.database.snapshot() as connection:
        try:
            require_migrations(connection)
        except MissingMigrationError:
            return estimates.not_measured(ahead, _planned_pace(context, pace, Tuning()))
        return _estimate(context, connection, ahead, pace)


def estimate_open_plans(context: ServiceContext) -> DurationEstimate:
    """Estimate how long the rest of the open plans takes, at the pace of the newest one's preset and in one session."""
    preset = read_preset(context)
    pace = Pace(sleep_ms=PRESETS[preset].sleep_ms, is_auto=preset == "auto")
    with context.database.snapshot() as connection:
        require_migrations(connection)
        return _estimate(context, connection, estimates.read_work_ahead(connection), pace)


def _estimate(
    context: ServiceContext, connection: sa.Connection, ahead: tuple[WorkAhead, ...], pace: Pace
) -> DurationEstimate:
    tuning = read_control(connection).tuning
    return estimates.estimate(connection, ahead, _planned_pace(context, pace, tuning))


def _planned_pace(context: ServiceContext, pace: Pace, tuning: Tuning) -> PlannedPace:
    pacing = pace.pacing(context.configuration)
    return PlannedPace(
        sleep_ms=pace.sleep_ms if tuning.sleep_ms is None else tuning.sleep_ms,
        parallel=pace.parallel if tuning.parallel is None else tuning.parallel,
        target_ms=None if pacing is None else tuning.target_ms or pacing.target_ms,
        is_tuned=tuning.sleep_ms is not None or tuning.parallel is not None,
    )


def _work_of(plan: Plan) -> tuple[WorkAhead, ...]:
    """Return what the plan does in each target with rows to change."""
    work = []
    for inventory in plan.inventories:
        rows = [fund.counts.rows_to_change for fund in inventory.funds if fund.counts.rows_to_change]
        if rows:
            batches = sum(ceil(count / plan.batch_size) for count in rows)
            work.append(WorkAhead(target=inventory.target.name, batches=batches, funds=len(rows), rows=sum(rows)))
    return tuple(work)
