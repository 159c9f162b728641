"""Detect spellings that came in after the last verification of all funds. Reads only."""

from __future__ import annotations

from stagenorm_pipeline.engine.inventory import drift
from stagenorm_pipeline.engine.inventory.drift import Drift, DriftState, DriftTally
from stagenorm_pipeline.errors import MissingMigrationError
from stagenorm_pipeline.service.context import ServiceContext


def read_drift_state(context: ServiceContext) -> DriftState:
    """Read what shows whether a scan for drift makes sense now. Does not read the targets."""
    return drift.read_drift_state(context.database, context.targets())


def read_drift(context: ServiceContext) -> Drift:
    """Scan every target for known spellings that are not canonical, and for new unknown ones."""
    return drift.read_drift(context.database, context.targets(), context.vocabulary)


def finish_drift(context: ServiceContext, tally: DriftTally) -> Drift | None:
    """Return the drift in the spellings that another read has tallied; None before any verification of all funds."""
    try:
        state = read_drift_state(context)
    except MissingMigrationError:
        # An inventory needs no tables of stagenorm's.
        return None
    if state.verification_id is None:
        return None
    with context.database.snapshot() as connection:
        return tally.finish(connection)
