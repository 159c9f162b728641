"""Check what would keep vacuum from removing the row versions that the run leaves: the xmin horizon."""

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa

from stagenorm_pipeline.engine.postgres.sql_files import statement
from stagenorm_pipeline.engine.preflight.checks.open_transactions import LONG_S
from stagenorm_pipeline.engine.preflight.finding import PreflightCheck, PreflightFinding, PreflightLevel

# A batch takes seconds. What is open for longer than this at the start is likely to be open at the end.
_OLD_S = 600
# A replica or a reader of a slot that keeps up is behind by what happens between two of its messages.
_OLD_TRANSACTIONS = 100_000

_CONSEQUENCE = "Until then vacuum cannot remove the old row versions that the run leaves, so the tables grow."


def check(
    connection: sa.Connection, *, older_than_s: int = _OLD_S, transactions: int = _OLD_TRANSACTIONS
) -> Iterator[PreflightFinding]:
    values = {"older_than_s": older_than_s, "long_s": LONG_S, "transactions": transactions}
    for row in connection.exec_driver_sql(statement("preflight/xmin_horizon"), values):
        message, remedy = _words(row)
        yield PreflightFinding(
            check=PreflightCheck.XMIN_HORIZON,
            level=PreflightLevel.WARNING,
            target=None,
            message=f"{message} {_CONSEQUENCE}",
            remedy=remedy,
        )


def _words(row: Any) -> tuple[str, str]:
    behind = f"from {row.transactions:,} transactions ago"
    match row.kind:
        case "session":
            return (
                f"Session {row.pid} of {row.name} has had a transaction open for {row.seconds:,} s. It sees the data "
                f"{behind}.",
                "Wait for it, or ask its owner to end it. To end it yourself:\n"
                f"SELECT pg_terminate_backend({row.pid});",
            )
        case "replica":
            return (
                f"The replica {row.name} (session {row.pid}) has queries that see the data {behind}, and "
                "hot_standby_feedback is on.",
                "End the long queries on the replica.",
            )
        case _:
            session = f" (session {row.pid})" if row.pid is not None else ", which is inactive,"
            return (
                f"The replication slot {row.name}{session} keeps the data {behind}.",
                "Restart its replica, or drop the slot if nothing needs it any more.",
            )
