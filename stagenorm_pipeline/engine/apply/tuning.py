"""The pace that a person set for all runners while they work. Runners read it with every claim."""

from dataclasses import dataclass

import sqlalchemy as sa

from stagenorm_pipeline.engine.postgres.connection import Database
from stagenorm_pipeline.engine.postgres.migrations import require_migrations
from stagenorm_pipeline.engine.postgres.sql_files import statement


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuning:
    """The sleep between two batches, how long a transaction of `--batch-size auto` should take, and how many sessions
    each runner has.

    None: as each run was told.
    """

    sleep_ms: int | None = None
    target_ms: int | None = None
    parallel: int | None = None


def set_tuning(database: Database, tuning: Tuning) -> None:
    """Set the pace of all runners, from their next batch on. What is None stays as it is set."""
    with database.transaction() as connection:
        require_migrations(connection)
        values = {"sleep_ms": tuning.sleep_ms, "target_ms": tuning.target_ms, "parallel": tuning.parallel}
        connection.exec_driver_sql(statement("apply/set_tuning"), values)


def reset_tuning(database: Database) -> None:
    """Let every runner go back to the pace that it was told."""
    with database.transaction() as connection:
        require_migrations(connection)
        connection.exec_driver_sql(
            "UPDATE stage_migration_control SET sleep_ms = NULL, target_ms = NULL, parallel = NULL"
        )


def read_spare_connections(connection: sa.Connection) -> int:
    """Read how many more sessions this role may open. A pooler's own limits are not known here."""
    return int(connection.exec_driver_sql(statement("apply/spare_connections")).scalar_one())
