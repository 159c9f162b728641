"""Check for replication slots that nobody reads: the server keeps WAL for them until its disk is full."""

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa

from stagenorm_pipeline.engine.postgres.sql_files import statement
from stagenorm_pipeline.engine.preflight.finding import PreflightCheck, PreflightFinding, PreflightLevel

_MEGABYTE = 1_000_000
# PostgreSQL has removed WAL that the slot needs: it retains nothing, and its consumer cannot continue.
_LOST = "lost"


def check(connection: sa.Connection) -> Iterator[PreflightFinding]:
    for row in connection.exec_driver_sql(statement("preflight/replication_slots")):
        yield PreflightFinding(
            check=PreflightCheck.REPLICATION_SLOTS,
            level=PreflightLevel.INFO if row.wal_status == _LOST else PreflightLevel.WARNING,
            target=None,
            message=f"{_which(row)}. {_consequence(row)}",
            remedy=f"Restart what reads it. If nothing needs it any more:\n{row.fix}",
        )


def _which(row: Any) -> str:
    state = "active" if row.is_active else "inactive"
    return (
        f"The {row.slot_type} replication slot {row.name} is {state} (wal_status {row.wal_status}) and retains "
        f"{row.retained / _MEGABYTE:,.0f} MB of WAL"
    )


def _consequence(row: Any) -> str:
    if row.wal_status == _LOST:
        return "It has lost WAL that it needs, so its replica or subscriber must be set up anew."
    if row.most_bytes is None:
        return "The server keeps all WAL of the run for it, without a limit (max_slot_wal_keep_size)."
    return (
        f"The server keeps the WAL of the run for it, up to {row.most_bytes / _MEGABYTE:,.0f} MB; beyond that the slot "
        "is lost (max_slot_wal_keep_size)."
    )
