"""Calls of the engine as the command line makes them, for programs that tests start, block and kill."""

import resource
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from stagenorm_pipeline.engine.apply.batch_transaction import Bounds
from stagenorm_pipeline.engine.apply.events import BatchTaken, Event
from stagenorm_pipeline.engine.apply.runner import ApplyRequest, ApplyResult, apply_batches
from stagenorm_pipeline.engine.plan.plan import record_plan
from stagenorm_pipeline.engine.plan.request import PlanRequest
from stagenorm_pipeline.engine.postgres import connection, locks
from stagenorm_pipeline.engine.postgres.connection import Database
from stagenorm_pipeline.engine.postgres.failpoints import Failpoint, set_gates
from stagenorm_pipeline.engine.rollback.rollback import RollbackRequest, record_rollback
from stagenorm_pipeline.engine.verify.verification import VerifyRequest, verify
from stagenorm_pipeline.vocabulary import Vocabulary

BATCH_SIZE = 20

# The server waits at the gate while another session keeps it closed.
CLOSE_GATE: Final = "SELECT pg_advisory_xact_lock(7777, 1)"
_AT_GATE: Final = "SELECT pg_advisory_xact_lock_shared(7777, 1)"

Job = Callable[[Database], object]


@dataclass(slots=True, kw_only=True)
class Applied:
    """The result of a runner, and its events."""

    result: ApplyResult = field(default_factory=ApplyResult)
    events: list[Event] = field(default_factory=list)

    @property
    def taken_by(self) -> list[str]:
        """The runners that had taken batches which this one wanted."""
        return [event.worker for event in self.events if isinstance(event, BatchTaken)]


def plan(database: Database, batch_size: int = BATCH_SIZE) -> int | None:
    """Record a plan. Returns its number."""
    return record_plan(
        database, PlanRequest(vocabulary=Vocabulary.built_in(), batch_size=batch_size), created_by="test"
    ).plan_id


def plan_soon_given_up(database: Database) -> int | None:
    """Record a plan in sessions that the server ends after 300 ms of idling."""
    connection._SNAPSHOT_IDLE = locks._PLANNING_IDLE = "300ms"
    return plan(database)


def apply(
    database: Database,
    worker: str = "runner",
    bounds: Bounds | None = None,
    plan_id: int | None = None,
    on_event: Callable[[Event], None] = lambda _: None,
    parallel: int = 1,
) -> Applied:
    """Apply the open batches (`stagenorm resume`)."""
    applied = Applied()

    def watch(event: Event) -> None:
        applied.events.append(event)
        on_event(event)

    request = ApplyRequest(
        worker=worker,
        run_by="test",
        plan_id=plan_id,
        sleep_ms=0,
        bounds=bounds or Bounds(),
        watch=watch,
        parallel=parallel,
    )
    applied.result = apply_batches(database, request)
    return applied


def apply_gated(database: Database, place: Failpoint) -> Applied:
    """Apply, and wait inside each message at the gate."""
    set_gates({place: _AT_GATE})
    return apply(database, worker="gated", bounds=Bounds(lock_timeout_ms=60_000))


def roll_back_gated(database: Database, place: Failpoint) -> Applied:
    """Undo everything, and wait inside each message at the gate."""
    set_gates({place: _AT_GATE})
    return roll_back(database)


def migrate(database: Database) -> Applied:
    """Plan everything, then apply the plan (`stagenorm run`)."""
    plan(database)
    return apply(database)


def resume_or_migrate(database: Database) -> Applied:
    """Resume the open plan, or make a new one: what a user does who finds a dead run."""
    return apply(database) if is_a_plan_open(database) else migrate(database)


def is_a_plan_open(database: Database) -> bool:
    with database.transaction() as session:
        return bool(
            session.exec_driver_sql(
                "SELECT EXISTS (SELECT 1 FROM stage_migration_plans WHERE status = 'open')"
            ).scalar_one()
        )


def roll_back(database: Database, plan_id: int | None = None, parallel: int = 1) -> Applied:
    """Undo a plan, or everything (`stagenorm rollback`)."""
    since = None if plan_id else datetime(2000, 1, 1, tzinfo=UTC)
    request = RollbackRequest(plan_id=plan_id, since=since, batch_size=BATCH_SIZE)
    return apply(database, plan_id=record_rollback(database, request, created_by="test"), parallel=parallel)


def resume_or_roll_back(database: Database) -> Applied:
    """Resume the open rollback, or start one."""
    return apply(database) if is_a_plan_open(database) else roll_back(database)


def connect(database: Database) -> None:
    """Open a transaction: the least that any program does."""
    with database.transaction() as session:
        session.exec_driver_sql("SELECT 1")


def verify_everything(database: Database) -> None:
    verify(database, VerifyRequest(vocabulary=Vocabulary.built_in(), created_by="test"))


def measured(job: Job, database: Database) -> int:
    """Do the job. Returns the peak memory of this process in MB."""
    job(database)
    unit = 1024 * 1024 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // unit
