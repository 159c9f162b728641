"""Read which funds still have batches in open plans, and how many rows those still change. Reads only.

The schedule starts these funds.
"""

from dataclasses import dataclass

import sqlalchemy as sa

from stagenorm_pipeline.engine.postgres.sql_files import statement
from stagenorm_pipeline.engine.targets.funds import fund_key, fund_order


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingFund:
    """A fund with waiting batches, the rows that these still change, and how many of the batches failed before."""

    fund_id: str | None
    batches: int
    rows: int
    batches_failed: int

    @property
    def key(self) -> str:
        return fund_key(self.fund_id)


def read_waiting_funds(connection: sa.Connection) -> tuple[WaitingFund, ...]:
    """Read every fund with batches left in open normalizing plans, sorted as `fund_order` says."""
    rows = connection.exec_driver_sql(statement("monitor/waiting_funds"))
    found = [
        WaitingFund(fund_id=row.fund_id, batches=row.batches, rows=row.rows_waiting, batches_failed=row.batches_failed)
        for row in rows
    ]
    return tuple(sorted(found, key=lambda fund: fund_order(fund.fund_id)))
