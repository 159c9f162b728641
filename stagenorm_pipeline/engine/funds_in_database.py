"""Which funds there are in the data, and how much waits in one. Reads only."""

from psycopg import sql

from stagenorm_pipeline.engine.configuration import TargetSetting
from stagenorm_pipeline.engine.connection import Database
from stagenorm_pipeline.engine.statements import statement
from stagenorm_pipeline.engine.visibility import visible_targets


def read_fund_ids(database: Database, targets: tuple[TargetSetting, ...]) -> set[str | None]:
    """The ids of all funds in the targets, None among them where rows have none. One scan of each, no stage is read."""
    found: set[str | None] = set()
    with database.snapshot() as connection:
        for target in visible_targets(connection, targets):
            parts = target.sql_parts()
            # Without a fund column one row tells all there is to know.
            limit = sql.SQL("" if target.fund_column else " LIMIT 1")
            query = sql.SQL("SELECT DISTINCT {} FROM {} AS t{}").format(parts["fund"], parts["table"], limit)
            found.update(connection.exec_driver_sql(query.as_string(None)).scalars())
    return found


def count_waiting_rows(database: Database, fund_id: str | None) -> int:
    """Rows of the fund that open plans still have to do."""
    with database.transaction() as connection:
        return int(connection.exec_driver_sql(statement("waiting_rows"), {"fund_id": fund_id}).scalar_one())
