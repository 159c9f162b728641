"""Take advisory locks on batches and on planning. PostgreSQL releases them when a runner dies.

Only transaction-level locks, so that a pooler in transaction mode works. pg_locks shows them with these class numbers
as `classid`. The lock of a batch has the batch's number as `objid`.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import sqlalchemy as sa

from stagenorm_pipeline.engine.postgres.connection import Database, lift_time_limits

# "stag" and "plan" in ASCII: arbitrary, and unlikely to collide with an application's own locks.
BATCH_LOCK_CLASS = 0x73746167
PLANNING_LOCK_CLASS = 0x706C616E

_PLANNING_POLL_S = 0.1
# A planner is idle only while it works on what it fetched. A hanging one would block all other planners.
_PLANNING_IDLE = "5min"


def try_lock_batches(connection: sa.Connection, batch_ids: Sequence[int]) -> bool:
    """Lock the batches for this transaction. Return False if another runner has taken one of them."""
    return bool(
        connection.exec_driver_sql(
            "SELECT bool_and(pg_try_advisory_xact_lock(%(lock_class)s, batch_id)) "
            "FROM unnest(%(batch_ids)s::integer[]) AS batches (batch_id)",
            {"lock_class": BATCH_LOCK_CLASS, "batch_ids": list(batch_ids)},
        ).scalar_one()
    )


@contextmanager
def planning_transaction(database: Database) -> Iterator[sa.Connection]:
    """Open a transaction that excludes every other one that records, opens or cancels a plan.

    It waits for the lock without a session: waiting planners could use up a pooler's sessions, and runners need them.
    """
    while True:
        with database.transaction() as connection:
            if _try_lock_planning(connection):
                connection.exec_driver_sql("SET LOCAL jit = off")
                connection.exec_driver_sql(f"SET LOCAL idle_in_transaction_session_timeout = '{_PLANNING_IDLE}'")
                lift_time_limits(connection)
                yield connection
                return
        time.sleep(_PLANNING_POLL_S)


def _try_lock_planning(connection: sa.Connection) -> bool:
    return bool(
        connection.exec_driver_sql(
            "SELECT pg_try_advisory_xact_lock(%(lock_class)s, 0)", {"lock_class": PLANNING_LOCK_CLASS}
        ).scalar_one()
    )
