"""Advisory locks: who may work on what, decided by PostgreSQL and released by it when a worker dies.

Transaction-level locks only, so that a pooler in transaction mode works. They are visible in pg_locks under these
class numbers (`classid`), a batch's with its number as `objid`.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import sqlalchemy as sa

from stagenorm_pipeline.engine.postgres.connection import Database, lift_time_limits

# "stag" and "plan" in ASCII: arbitrary, and unlikely to be an application's own.
BATCH_LOCK_CLASS = 0x73746167
PLANNING_LOCK_CLASS = 0x706C616E

_PLANNING_POLL_S = 0.1
# A planner idles only while it works on what it fetched. One that hangs would keep all others out.
_PLANNING_IDLE = "5min"


def try_lock_batches(connection: sa.Connection, batch_ids: Sequence[int]) -> bool:
    """Take the batches for this transaction; False when somebody else has one of them."""
    return bool(
        connection.exec_driver_sql(
            "SELECT bool_and(pg_try_advisory_xact_lock(%(lock_class)s, batch_id)) "
            "FROM unnest(%(batch_ids)s::integer[]) AS batches (batch_id)",
            {"lock_class": BATCH_LOCK_CLASS, "batch_ids": list(batch_ids)},
        ).scalar_one()
    )


@contextmanager
def planning_transaction(database: Database) -> Iterator[sa.Connection]:
    """A transaction in which nobody else records, opens or cancels a plan; waits until that is so.

    Waits without a session: planners that wait in one each can take all that a pooler has, and runners need one too.
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
