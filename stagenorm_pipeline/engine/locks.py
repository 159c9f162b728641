"""Advisory locks: who may work on what, decided by PostgreSQL and released by it when a worker dies.

Transaction-level locks only, so that a pooler in transaction mode works. They are visible in pg_locks under these
class numbers (`classid`), a batch's with its number as `objid`.
"""

import sqlalchemy as sa

# "stag" and "plan" in ASCII: arbitrary, and unlikely to be an application's own.
BATCH_LOCK_CLASS = 0x73746167
PLANNING_LOCK_CLASS = 0x706C616E


def try_lock_batch(connection: sa.Connection, batch_id: int) -> bool:
    """Take the batch for this transaction; False when somebody else has it."""
    return bool(
        connection.exec_driver_sql(
            "SELECT pg_try_advisory_xact_lock(%(lock_class)s, %(batch_id)s)",
            {"lock_class": BATCH_LOCK_CLASS, "batch_id": batch_id},
        ).scalar_one()
    )


def lock_planning(connection: sa.Connection) -> None:
    """Wait until nobody else records or opens a plan, and keep others out for this transaction."""
    connection.exec_driver_sql("SELECT pg_advisory_xact_lock(%(lock_class)s, 0)", {"lock_class": PLANNING_LOCK_CLASS})
