"""Detect known spellings that came back after the last verification of all funds. Reads only."""

from __future__ import annotations

from stagenorm_pipeline.engine.inventory import drift
from stagenorm_pipeline.engine.inventory.drift import Drift, DriftState
from stagenorm_pipeline.service.context import ServiceContext


def read_drift_state(context: ServiceContext) -> DriftState:
    """Read what shows whether a scan for drift makes sense now. Does not read the targets."""
    return drift.read_drift_state(context.database, context.targets())


def read_drift(context: ServiceContext) -> Drift:
    """Scan every target for known spellings that are not canonical."""
    return drift.read_drift(context.database, context.targets(), context.vocabulary)
