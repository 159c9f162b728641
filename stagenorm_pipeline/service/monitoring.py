"""Read the progress and the metrics; pause and unpause all runners."""

from __future__ import annotations

from dataclasses import dataclass, replace

from sqlalchemy.exc import SQLAlchemyError

from stagenorm_pipeline.engine.apply import tuning as tunings
from stagenorm_pipeline.engine.apply.pause import Control, read_control, set_paused
from stagenorm_pipeline.engine.apply.tuning import Tuning
from stagenorm_pipeline.engine.monitor import alert_facts, finished_plan, metrics, recorded_state
from stagenorm_pipeline.engine.monitor import status as progress
from stagenorm_pipeline.engine.monitor.alert_facts import AlertFacts, FailedPlace
from stagenorm_pipeline.engine.monitor.finished_plan import FinishedPlan
from stagenorm_pipeline.engine.monitor.metrics import MetricsFacts
from stagenorm_pipeline.engine.monitor.recorded_state import FundState, RecordedState
from stagenorm_pipeline.engine.monitor.status import Status
from stagenorm_pipeline.engine.monitor.waiting_funds import WaitingFund, read_waiting_funds
from stagenorm_pipeline.engine.postgres.connection import first_line
from stagenorm_pipeline.engine.postgres.migrations import require_migrations
from stagenorm_pipeline.errors import StagenormError
from stagenorm_pipeline.service.context import ServiceContext
from stagenorm_pipeline.service.estimating import estimate_open_plans
from stagenorm_pipeline.service.vacuuming import advise_now


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingWork:
    """What open plans still have to do, by fund, and the pause switch, at one moment."""

    funds: tuple[WaitingFund, ...]
    control: Control


def read_status(context: ServiceContext) -> Status:
    """Read progress, funds, failures, plans, runners and the pause switch in one snapshot.

    Then, while no runner is at work, how long the rest takes or, once a plan is done, what to vacuum.
    """
    status = progress.read_status(context.database, targets=len(context.configuration.targets))
    if status.is_open:
        return status if status.is_attended else replace(status, estimate=estimate_open_plans(context))
    is_done = bool(status.plans) and status.plans[0]["status"] == "completed"
    return replace(status, vacuum=advise_now(context)) if is_done else status


def read_waiting_work(context: ServiceContext) -> WaitingWork:
    """Read which funds wait, and whether all work is paused, in one snapshot. Raises MissingMigrationError."""
    with context.database.snapshot() as connection:
        require_migrations(connection)
        return WaitingWork(funds=read_waiting_funds(connection), control=read_control(connection))


def read_finished_plan(context: ServiceContext) -> FinishedPlan | None:
    """Read the plan that finished last; None while an open plan has batches left, or before any run."""
    return finished_plan.read_finished_plan(context.database)


def read_alert_facts(context: ServiceContext) -> AlertFacts:
    """Read what an alert may report, without any stage or error text. Raises StagenormError if it cannot be read."""
    try:
        return alert_facts.read_alert_facts(context.database)
    except SQLAlchemyError as error:
        raise StagenormError(f"The database said: {first_line(error)}") from error


def read_failed_places(context: ServiceContext, *, runner: str) -> tuple[FailedPlace, ...]:
    """Read where batches failed of the runners whose name contains `runner`."""
    return alert_facts.read_failed_places(context.database, runner)


def read_metrics(context: ServiceContext) -> MetricsFacts:
    """Read the facts behind the metrics and close the connection. Raises StagenormError if they cannot be read."""
    try:
        return metrics.read_metrics(context.database)
    except SQLAlchemyError as error:
        raise StagenormError(f"The database said: {first_line(error)}") from error
    finally:
        # No session idles between two scrapes, and a restart of the server cuts none off.
        context.close()


def pause(context: ServiceContext, *, reason: str) -> None:
    """Let no runner start another batch until `unpause`."""
    set_paused(context.database, paused=True, reason=reason, changed_by=context.user)


def unpause(context: ServiceContext) -> None:
    """Let the runners continue."""
    set_paused(context.database, paused=False, reason=None, changed_by=context.user)


def tune(context: ServiceContext, tuning: Tuning) -> None:
    """Set the pace of all runners, from their next batch on. What is None stays as it is set."""
    tunings.set_tuning(context.database, tuning)


def read_spare_connections(context: ServiceContext) -> int:
    """Read how many more sessions this role may open now."""
    with context.database.snapshot() as connection:
        return tunings.read_spare_connections(connection)


def reset_tuning(context: ServiceContext) -> None:
    """Let every runner go back to the pace that it was told."""
    tunings.reset_tuning(context.database)


def read_recorded_state(context: ServiceContext) -> RecordedState:
    """Read plans, funds, verifications and the pause switch in one snapshot. Raises MissingMigrationError."""
    return recorded_state.read_recorded_state(context.database, targets=len(context.configuration.targets))


def read_fund_state(context: ServiceContext, *, fund_id: str | None) -> FundState:
    """Read how far one fund is with its newest plan."""
    return recorded_state.read_fund_state(context.database, fund_id)
