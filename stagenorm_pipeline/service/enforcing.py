"""Enforce canonical stages by a CHECK constraint on each target, or remove it."""

from __future__ import annotations

from stagenorm_pipeline.engine.enforce import enforce as constraints
from stagenorm_pipeline.engine.enforce import observe
from stagenorm_pipeline.engine.enforce.alter_table import Announce
from stagenorm_pipeline.engine.enforce.constraint import Enforcement, read_enforcements
from stagenorm_pipeline.service.context import ServiceContext
from stagenorm_pipeline.service.selecting import Selection


def preview_enforcement(context: ServiceContext, *, selection: Selection) -> tuple[Enforcement, ...]:
    """Read the state of each target's constraint, with the statements that would add or remove it."""
    return read_enforcements(context.database, selection.targets, context.vocabulary)


def observe_refusals(context: ServiceContext, *, selection: Selection) -> tuple[observe.Observation, ...]:
    """Count the rows that the constraint would refuse now, and compare them with the last baseline. Reads only."""
    return observe.observe(context.database, selection.targets, context.vocabulary)


def require_all_clean(found: tuple[Enforcement, ...]) -> None:
    """Raise StagenormError, with every table that is not clean, if rows would violate the constraints."""
    constraints.require_clean(found)


def require_all_enforceable(found: tuple[Enforcement, ...]) -> None:
    """Raise StagenormError if one of the targets cannot be enforced: then none of them is changed."""
    for one in found:
        constraints.require_enforceable(one)


def enforce(context: ServiceContext, *, found: Enforcement, announce: Announce) -> None:
    """Add and validate the constraint. `announce` hears of each retry."""
    constraints.enforce(context.database, found, done_by=context.user, announce=announce)


def remove_enforcement(context: ServiceContext, *, found: Enforcement, announce: Announce) -> None:
    """Remove the constraint. `announce` hears of each retry."""
    constraints.remove_enforcement(context.database, found, done_by=context.user, announce=announce)
