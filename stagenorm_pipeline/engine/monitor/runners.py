"""Record and read the table of runners: who applies batches, and why one is throttled. For `status` and for psql.

Information only: advisory locks decide which runner has which batch.
"""

import threading
from dataclasses import dataclass
from datetime import datetime

import psycopg
import sqlalchemy as sa

from stagenorm_pipeline.engine.postgres.connection import Database
from stagenorm_pipeline.engine.postgres.sql_files import statement
from stagenorm_pipeline.engine.throttle.throttled import ThrottleReason

# For people to read; a reason quotes names and errors from the database, which can be long.
_LONGEST_REASON = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Runner:
    """A runner whose end is not recorded. `is_alive` None: its connection goes through a pooler, so it is not known."""

    runner_id: int
    worker: str
    run_by: str
    plan_id: int | None
    started_at: datetime
    updated_at: datetime
    throttled: ThrottleReason | None
    is_alive: bool | None

    @property
    def is_gone(self) -> bool:
        """Whether it is known to have died. A runner behind a pooler never is."""
        return self.is_alive is False


def read_runners(connection: sa.Connection) -> tuple[Runner, ...]:
    """Read the current runners in the order in which they started. A dead one is listed until another one starts."""
    rows = connection.exec_driver_sql("SELECT * FROM stage_migration_current_runners ORDER BY runner_id")
    return tuple(
        Runner(
            runner_id=row.runner_id,
            worker=row.worker,
            run_by=row.run_by,
            plan_id=row.plan_id,
            started_at=row.started_at,
            updated_at=row.updated_at,
            throttled=ThrottleReason(reason=row.hold_reason, since=row.held_since) if row.held_since else None,
            is_alive=row.is_alive,
        )
        for row in rows
    )


class RunnerEntry:
    """Keeps this runner's row in the table of runners. Each change is a small transaction of its own.

    The row is inserted with the first batch: a runner that finds no work never appears. Its sessions share it.
    """

    def __init__(self, database: Database, *, worker: str, run_by: str, plan_id: int | None) -> None:
        self._database = database
        self._identity = {"worker": worker, "run_by": run_by, "plan_id": plan_id}
        self._runner_id: int | None = None
        self._throttled: ThrottleReason | None = None
        self._is_session_known = False
        self._writing = threading.RLock()

    def keep(self) -> None:
        """Insert the row if it is not there yet; record the new session after a lost connection."""
        with self._writing:
            if self._runner_id is None:
                self._insert()
            if not self._is_session_known:
                self._update()

    def set_throttled(self, throttled: ThrottleReason | None) -> None:
        """Record why this runner is throttled; None: it is not."""
        with self._writing:
            self._throttled = throttled
            self.keep()
            self._update()

    def forget_session(self) -> None:
        """Make the next call of `keep` record the session again, because the connection may have been lost."""
        self._is_session_known = False

    def end(self) -> None:
        """Record that this runner ended, if it was ever recorded."""
        if self._runner_id is not None:
            with self._database.transaction(is_short=True) as connection:
                connection.exec_driver_sql(statement("monitor/runner_end"), {"runner_id": self._runner_id})

    def _insert(self) -> None:
        self._is_session_known = True
        with self._database.transaction(is_short=True) as connection:
            values = {**self._identity, "client_pid": _client_pid(connection)}
            runner_id = connection.exec_driver_sql(statement("monitor/runner_start"), values).scalar_one()
        self._runner_id = runner_id

    def _update(self) -> None:
        # Before the transaction: if a session loses its connection during it, one more update must follow.
        self._is_session_known = True
        throttled = self._throttled
        with self._database.transaction(is_short=True) as connection:
            connection.exec_driver_sql(
                statement("monitor/runner_state"),
                {
                    "runner_id": self._runner_id,
                    "held_since": throttled.since if throttled else None,
                    "hold_reason": throttled.reason.replace("\0", "")[:_LONGEST_REASON] if throttled else None,
                    "client_pid": _client_pid(connection),
                },
            )


def _client_pid(connection: sa.Connection) -> int:
    """Return the server process that the driver was told when it connected. A pooler tells a made-up one."""
    driver = connection.connection.driver_connection
    assert isinstance(driver, psycopg.Connection)  # noqa: S101 - the only driver that `Database` uses
    return driver.info.backend_pid
