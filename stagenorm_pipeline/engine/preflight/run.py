"""Run all checks in one read-only transaction. To add a check: a file in `checks`, a line here and in `finding`."""

from collections.abc import Callable, Iterator

import sqlalchemy as sa

from stagenorm_pipeline.config.configuration import TargetSetting
from stagenorm_pipeline.config.guards import GuardSettings
from stagenorm_pipeline.engine.postgres.connection import Database
from stagenorm_pipeline.engine.preflight.checks import (
    check_constraints,
    collation,
    dagster_storage,
    deferrable_constraints,
    foreign_keys,
    guards,
    inheritance,
    materialized_views,
    open_transactions,
    prepared_transactions,
    read_only_server,
    replica_lag,
    replication_slots,
    row_security,
    server_encoding,
    server_version,
    stage_column,
    target_found,
    target_privileges,
    tracking_privileges,
    tracking_tables,
    triggers,
    unique_indexes,
    update_accepted,
    wal_archiver,
    xmin_horizon,
)
from stagenorm_pipeline.engine.preflight.finding import PreflightFinding
from stagenorm_pipeline.engine.preflight.server_facts import read_server
from stagenorm_pipeline.engine.targets.target import Target
from stagenorm_pipeline.vocabulary import Stage

_DATABASE_CHECKS: tuple[Callable[[sa.Connection], Iterator[PreflightFinding]], ...] = (
    replica_lag.check,
    replication_slots.check,
    wal_archiver.check,
    prepared_transactions.check,
    open_transactions.check,
    xmin_horizon.check,
    tracking_tables.check,
    tracking_privileges.check,
)

# Those that ask whether the table takes every canonical stage.
_STAGE_CHECKS: tuple[Callable[[sa.Connection, Target, tuple[Stage, ...]], Iterator[PreflightFinding]], ...] = (
    stage_column.check,
    check_constraints.check,
    foreign_keys.check,
)

_TARGET_CHECKS: tuple[Callable[[sa.Connection, Target], Iterator[PreflightFinding]], ...] = (
    target_privileges.check,
    row_security.check,
    collation.check,
    unique_indexes.check,
    deferrable_constraints.check,
    triggers.check,
    inheritance.check,
    materialized_views.check,
    update_accepted.check,
)


def run_preflight(
    database: Database,
    targets: tuple[TargetSetting, ...],
    *,
    stages: tuple[Stage, ...],
    dagster_url: str | None = None,
    guard_settings: tuple[GuardSettings, ...] = (),
) -> tuple[PreflightFinding, ...]:
    """Run the checks and return their findings in order; empty if there is nothing to report.

    Connect as the role that will run the migration: the checks read only, but they judge that role's privileges.
    `stages`: the canonical stages. `dagster_url`: the database of Dagster's own storage, if it is known. Raises
    ConnectionFailedError if the database cannot be reached, ConfigurationError if `dagster_url` is no PostgreSQL URL.
    """
    with database.snapshot() as connection:
        found = tuple(_findings(connection, database.engine.url, targets, stages, dagster_url))
    # In transactions of their own, as a run reads them.
    return (*found, *guards.check(database, guard_settings))


def _findings(
    connection: sa.Connection,
    url: sa.URL,
    targets: tuple[TargetSetting, ...],
    stages: tuple[Stage, ...],
    dagster_url: str | None,
) -> Iterator[PreflightFinding]:
    # Short, because a locked target is a finding and must not block the checks.
    connection.exec_driver_sql("SET LOCAL lock_timeout = '1s'")
    server = read_server(connection)
    too_old = tuple(server_version.check(server))
    yield from too_old
    if too_old:
        return  # the other checks' own statements may not run there
    yield from server_encoding.check(server)
    yield from read_only_server.check(server)
    yield from dagster_storage.check(connection, url, dagster_url)
    for check in _DATABASE_CHECKS:
        yield from check(connection)
    seen: list[Target] = []
    for setting in targets:
        found = target_found.find(connection, setting, seen)
        if isinstance(found, PreflightFinding):
            yield found
            continue
        seen.append(found)
        for check_stages in _STAGE_CHECKS:
            yield from check_stages(connection, found, stages)
        for check_target in _TARGET_CHECKS:
            yield from check_target(connection, found)
