"""What open plans still have to do, fund by fund: what a schedule asks for, and what tells whether a fund is done."""

from dataclasses import dataclass

import sqlalchemy as sa

from stagenorm_pipeline.engine.postgres.connection import Database
from stagenorm_pipeline.engine.postgres.sql_files import statement
from stagenorm_pipeline.engine.targets.funds import fund_key, fund_order


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingFund:
    """A fund with batches that wait, `batches_failed` of them after a failure, and the rows that these still change."""

    fund_id: str | None
    batches: int
    rows: int
    batches_failed: int

    @property
    def key(self) -> str:
        return fund_key(self.fund_id)


def read_waiting_funds(connection: sa.Connection) -> tuple[WaitingFund, ...]:
    """Every fund of which open normalizing plans have batches left, in the order in which people look for a fund."""
    rows = connection.exec_driver_sql(statement("monitor/waiting_funds"))
    found = [
        WaitingFund(fund_id=row.fund_id, batches=row.batches, rows=row.rows_waiting, batches_failed=row.batches_failed)
        for row in rows
    ]
    return tuple(sorted(found, key=lambda fund: fund_order(fund.fund_id)))


def count_waiting_rows(database: Database, fund_id: str | None) -> int:
    """Rows of the fund that open plans still have to do."""
    with database.transaction() as connection:
        return int(
            connection.exec_driver_sql(statement("monitor/waiting_rows_of_fund"), {"fund_id": fund_id}).scalar_one()
        )
