"""The pause switch: one row in the database that every runner reads before each batch."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

import sqlalchemy as sa

from stagenorm_pipeline.engine.apply.events import Event, Paused
from stagenorm_pipeline.engine.apply.tuning import Tuning
from stagenorm_pipeline.engine.postgres.connection import Database
from stagenorm_pipeline.engine.postgres.migrations import require_migrations

_POLL_S = 0.5
# Long waits are slept in slices, so that a stop takes effect at once.
_SLICE_S = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """The state of the pause switch: why, by whom and when it was set. `tuning`: the pace of all runners."""

    paused: bool
    reason: str | None
    changed_by: str | None
    changed_at: datetime
    tuning: Tuning = field(default_factory=Tuning)


def read_control(connection: sa.Connection) -> Control:
    """Read the pause switch and the pace of all runners."""
    row = connection.exec_driver_sql(
        "SELECT paused, reason, changed_by, changed_at, sleep_ms, target_ms, parallel FROM stage_migration_control"
    ).one()
    return Control(
        paused=row.paused,
        reason=row.reason,
        changed_by=row.changed_by,
        changed_at=row.changed_at,
        tuning=Tuning(sleep_ms=row.sleep_ms, target_ms=row.target_ms, parallel=row.parallel),
    )


def set_paused(database: Database, *, paused: bool, reason: str | None, changed_by: str) -> None:
    """Set the pause switch. Runners obey it before their next batch."""
    with database.transaction() as connection:
        require_migrations(connection)
        connection.exec_driver_sql(
            "UPDATE stage_migration_control SET paused = %(paused)s, reason = %(reason)s, "
            "changed_by = %(changed_by)s, changed_at = now()",
            {"paused": paused, "reason": reason, "changed_by": changed_by},
        )


def wait_while_paused(
    read: Callable[[], Control], *, watch: Callable[[Event], None], should_stop: Callable[[], bool]
) -> bool:
    """Wait until work is no longer paused or a stop is requested. Return whether it was paused."""
    was_paused = False
    while (control := read()).paused:
        if not was_paused:
            watch(Paused(reason=control.reason or "no reason given", changed_by=control.changed_by or "unknown"))
            was_paused = True
        sleep_unless_stopped(_POLL_S, should_stop)
        if should_stop():
            break
    return was_paused


def sleep_unless_stopped(seconds: float, should_stop: Callable[[], bool]) -> None:
    """Sleep, or return as soon as a stop is requested."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0 and not should_stop():
        time.sleep(min(left, _SLICE_S))
