"""What PostgreSQL's query planner is told where it cannot know how many rows there are.

A log that was just written has no statistics until autovacuum gets to it. The planner then takes it for nearly empty:
it loops over it by row, which can be quadratic, and sorts it as a whole to group it. With six million entries planning
a rollback took 130 s that way and 45 to 49 s by hashing, and counting the entries by batch 6.2 s and 2.6 s.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa


@contextmanager
def by_hashing(connection: sa.Connection) -> Iterator[None]:
    """Until the end of the block, tables are joined and grouped by hashing, whose cost grows with the rows alone."""
    connection.exec_driver_sql("SET LOCAL enable_nestloop = off; SET LOCAL enable_sort = off")
    yield
    # Not after an error: the transaction takes no more statements then.
    connection.exec_driver_sql("SET LOCAL enable_nestloop TO DEFAULT; SET LOCAL enable_sort TO DEFAULT")
