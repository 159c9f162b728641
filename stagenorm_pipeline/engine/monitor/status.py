"""Read the status: progress in total and by fund, failures, runners, the pause switch. Reads only."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from stagenorm_pipeline.engine.apply.pause import Control, read_control
from stagenorm_pipeline.engine.approval.rehearsals import RehearsalState, read_rehearsals
from stagenorm_pipeline.engine.monitor.estimate import NOTHING_AHEAD, DurationEstimate
from stagenorm_pipeline.engine.monitor.recorded_state import VerificationState, read_verification_states
from stagenorm_pipeline.engine.monitor.runners import Runner, read_runners
from stagenorm_pipeline.engine.monitor.vacuum import VacuumAdvice
from stagenorm_pipeline.engine.postgres.connection import Database
from stagenorm_pipeline.engine.postgres.locks import BATCH_LOCK_CLASS
from stagenorm_pipeline.engine.postgres.migrations import require_migrations
from stagenorm_pipeline.engine.postgres.sql_files import statement

_FAILURES_SHOWN = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """The status in one snapshot. Each row is a mapping with the columns of the view that it comes from.

    `as_of`: the server's clock. `progress`: `stage_migration_progress`. `funds`: `stage_migration_progress_by_fund`.
    `failures`: the first of `failures_total` rows of `stage_migration_failures`. `plans`: the open plans and the last
    five, newest first. `rehearsals`: of the newest plan, if it is a draft. `running`: batches with the status
    `running`. `runners`: runners whose end is not recorded. `verifications`: the newest ones of everything and of a
    part. `estimate`: how long the rest takes, while no runner is at work. `vacuum`: what to vacuum, once nothing is
    open.
    """

    as_of: datetime
    progress: Mapping[str, Any]
    funds: tuple[Mapping[str, Any], ...]
    failures: tuple[Mapping[str, Any], ...]
    failures_total: int
    plans: tuple[Mapping[str, Any], ...]
    rehearsals: Mapping[int, RehearsalState]
    running: tuple[Mapping[str, Any], ...]
    runners: tuple[Runner, ...]
    control: Control
    verifications: tuple[VerificationState, ...] = ()
    estimate: DurationEstimate = NOTHING_AHEAD
    vacuum: tuple[VacuumAdvice, ...] = ()

    @property
    def is_attended(self) -> bool:
        """Whether any runner is at work. A runner behind a pooler counts, since nobody can tell whether it is alive."""
        return any(not runner.is_gone for runner in self.runners) or any(b["is_held"] for b in self.running)

    @property
    def is_open(self) -> bool:
        """Whether any batch is pending or running. Failed batches do not count: they need a person first."""
        return bool(self.progress["pending_batches"] or self.progress["running_batches"])


def read_status(database: Database, *, targets: int) -> Status:
    """Read the status in one snapshot. `targets`: how many are configured."""
    with database.snapshot() as connection:
        require_migrations(connection)

        def rows(query: str, **values: Any) -> tuple[Mapping[str, Any], ...]:
            return tuple(dict(row) for row in connection.exec_driver_sql(query, values).mappings())

        plans = rows(statement("monitor/plans"))
        # Only of the newest plan, and while it is a draft: `status --watch` hashes its members again and again, 2 s for
        # 1,000,000 rows.
        drafts = [plan["plan_id"] for plan in plans[:1] if plan["status"] == "draft"]
        return Status(
            as_of=rows("SELECT now() AS as_of")[0]["as_of"],
            progress=rows("SELECT * FROM stage_migration_progress")[0],
            funds=rows(statement("monitor/progress_by_fund")),
            failures=rows(f"SELECT * FROM stage_migration_failures LIMIT {_FAILURES_SHOWN}"),  # noqa: S608 - a constant
            failures_total=rows("SELECT count(*) AS total FROM stage_migration_failures")[0]["total"],
            plans=plans,
            rehearsals=read_rehearsals(connection, drafts),
            running=rows(statement("monitor/running_batches"), lock_class=BATCH_LOCK_CLASS),
            runners=read_runners(connection),
            control=read_control(connection),
            verifications=read_verification_states(connection, targets),
        )


def count_cancelled(database: Database, plan_id: int) -> int:
    """Count the batches of the plan that a person or a newer plan of the same funds cancelled."""
    with database.transaction() as connection:
        return int(
            connection.exec_driver_sql(
                "SELECT count(*) FROM stage_migration_batches WHERE plan_id = %(plan_id)s AND status = 'cancelled'",
                {"plan_id": plan_id},
            ).scalar_one()
        )
