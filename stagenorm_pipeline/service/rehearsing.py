"""Rehearse a plan: on the primary, rolled back, or on a clone that is thrown away."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from stagenorm_pipeline.config.database_url import parse_database_url
from stagenorm_pipeline.engine.apply import rehearsal_on_clone
from stagenorm_pipeline.engine.apply.clone import require_clone
from stagenorm_pipeline.engine.apply.rehearsal import RehearsalPrice, RehearsalResult, rehearsal_price, rehearse_plan
from stagenorm_pipeline.engine.apply.rehearsal_on_clone import CloneRehearsal, CloneRequest
from stagenorm_pipeline.engine.postgres.connection import Database
from stagenorm_pipeline.errors import ConfigurationError
from stagenorm_pipeline.service import planning
from stagenorm_pipeline.service.applying import Watch, ignore_event, never_stop
from stagenorm_pipeline.service.context import ServiceContext


def read_price(context: ServiceContext, *, plan_id: int) -> RehearsalPrice:
    """Estimate from the plan's figures what a rehearsal on the primary costs it."""
    return rehearsal_price(planning.read_plan(context, plan_id=plan_id))


def rehearse(
    context: ServiceContext, *, plan_id: int, watch: Watch = ignore_event, should_stop: Callable[[], bool] = never_stop
) -> RehearsalResult:
    """Execute every batch of a draft and roll each one back. Raises PlanError if the plan is not a draft."""
    return rehearse_plan(context.database, plan_id, run_by=context.user, watch=watch, should_stop=should_stop)


@contextmanager
def open_clone(context: ServiceContext, url: str) -> Iterator[Database]:
    """Open a clone of the database, and close its connections at the end.

    Raises ConfigurationError, which never repeats the URL, if it is no URL of PostgreSQL or that of the primary, and
    CloneError if it leads to the primary's server, or to one that takes no writes.
    """
    try:
        parsed = parse_database_url(url)
    except ConfigurationError as error:
        raise ConfigurationError(f"The clone: {error.message}", remedy=error.remedy) from error
    if parsed == context.database.engine.url:
        raise ConfigurationError(
            "The clone is the database of DATABASE_URL itself.",
            remedy="Name a restored backup or a thin clone on another server with --on.",
        )
    clone = Database.at(
        parsed, application_name="stagenorm rehearsal", tracking_schema=context.configuration.tracking_schema
    )
    try:
        require_clone(context.database, clone)
        yield clone
    finally:
        clone.close()


def clone_url(variable: str) -> str:
    """Read the URL of a clone from an environment variable. Raises ConfigurationError if it is not set."""
    url = os.environ.get(variable, "").strip()
    if not url:
        raise ConfigurationError(
            f"The environment variable {variable!r} is not set.",
            remedy="Set it to the URL of the clone, where the run starts.",
        )
    return url


def rehearse_on_clone(
    context: ServiceContext,
    clone: Database,
    *,
    plan_id: int,
    watch: Watch = ignore_event,
    should_stop: Callable[[], bool] = never_stop,
) -> CloneRehearsal:
    """Apply a draft or an open plan to a clone, and record what was measured. Changes the clone, not the targets.

    Raises PlanError for any other plan, and CloneError if the clone cannot be used.
    """
    request = CloneRequest(
        plan_id=plan_id, worker=context.runner, run_by=context.user, watch=watch, should_stop=should_stop
    )
    return rehearsal_on_clone.rehearse_on_clone(context.database, clone, request)
