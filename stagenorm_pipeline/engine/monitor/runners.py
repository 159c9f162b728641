"""The table of runners: who applies batches and what holds them, for `status` and for psql.

Information only: which batch is whose is decided by advisory locks. Does not belong here: deciding to hold.
"""

from dataclasses import dataclass
from datetime import datetime

import psycopg
import sqlalchemy as sa

from stagenorm_pipeline.engine.postgres.connection import Database
from stagenorm_pipeline.engine.postgres.sql_files import statement
from stagenorm_pipeline.engine.throttle.throttled import ThrottleReason

# A person reads it; a reason quotes names and errors of the database.
_LONGEST_REASON = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Runner:
    """A runner that has not said that it ended. `is_alive` None: a pooler is in between, so nobody can tell."""

    runner_id: int
    worker: str
    run_by: str
    plan_id: int | None
    started_at: datetime
    updated_at: datetime
    hold: ThrottleReason | None
    is_alive: bool | None


def read_runners(connection: sa.Connection) -> tuple[Runner, ...]:
    """The current runners in the order in which they started; dead ones, too, until another one starts."""
    rows = connection.exec_driver_sql("SELECT * FROM stage_migration_current_runners ORDER BY runner_id")
    return tuple(
        Runner(
            runner_id=row.runner_id,
            worker=row.worker,
            run_by=row.run_by,
            plan_id=row.plan_id,
            started_at=row.started_at,
            updated_at=row.updated_at,
            hold=ThrottleReason(reason=row.hold_reason, since=row.held_since) if row.held_since else None,
            is_alive=row.is_alive,
        )
        for row in rows
    )


class RunnerEntry:
    """This runner's row, which is written when there is work for it. Each change is a small transaction of its own."""

    def __init__(self, database: Database, *, worker: str, run_by: str, plan_id: int | None) -> None:
        self._database = database
        self._who = {"worker": worker, "run_by": run_by, "plan_id": plan_id}
        self._runner_id: int | None = None
        self._hold: ThrottleReason | None = None
        self._is_session_known = False

    def keep(self) -> None:
        """Enter the runner where it is not entered yet; note its session again after a connection was lost."""
        if self._runner_id is None:
            with self._database.transaction(is_short=True) as connection:
                values = {**self._who, "client_pid": _client_pid(connection)}
                self._runner_id = connection.exec_driver_sql(statement("monitor/runner_start"), values).scalar_one()
            self._is_session_known = True
        if not self._is_session_known:
            self._note()

    def hold(self, hold: ThrottleReason | None) -> None:
        """Note what holds it; None: it works."""
        self._hold = hold
        self.keep()
        self._note()

    def forget_session(self) -> None:
        """A connection may have been lost: the next call of `keep` looks which session there is."""
        self._is_session_known = False

    def end(self) -> None:
        if self._runner_id is not None:
            with self._database.transaction(is_short=True) as connection:
                connection.exec_driver_sql(statement("monitor/runner_end"), {"runner_id": self._runner_id})

    def _note(self) -> None:
        hold = self._hold
        with self._database.transaction(is_short=True) as connection:
            connection.exec_driver_sql(
                statement("monitor/runner_state"),
                {
                    "runner_id": self._runner_id,
                    "held_since": hold.since if hold else None,
                    "hold_reason": hold.reason.replace("\0", "")[:_LONGEST_REASON] if hold else None,
                    "client_pid": _client_pid(connection),
                },
            )
        self._is_session_known = True


def _client_pid(connection: sa.Connection) -> int:
    """The server process that the driver was told of when it connected; a pooler makes one up."""
    driver = connection.connection.driver_connection
    assert isinstance(driver, psycopg.Connection)  # noqa: S101 - the only driver that `Database` uses
    return driver.info.backend_pid
