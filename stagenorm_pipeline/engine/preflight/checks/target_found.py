"""Check that each target exists as a table with a supported key and stage column."""

from collections.abc import Sequence

import psycopg
import sqlalchemy as sa

from stagenorm_pipeline.config.settings import TargetSetting
from stagenorm_pipeline.engine.postgres.sql_files import statement
from stagenorm_pipeline.engine.preflight.finding import PreflightCheck, PreflightFinding, PreflightLevel
from stagenorm_pipeline.engine.preflight.trial import attempt
from stagenorm_pipeline.engine.targets.target import Target, require_each_row_once, resolve_targets
from stagenorm_pipeline.errors import TargetError

_NOT_A_TABLE = {
    "v": ("is a view", "Name the table that holds its rows in stagenorm.toml."),
    "m": (
        "is a materialized view",
        "Name the table that it is made from in stagenorm.toml, and refresh the view after the run.",
    ),
    "f": (
        "is a foreign table: its rows are on another server, so a change and its audit row would not be one "
        "transaction",
        "Name the other server in DATABASE_URL and run stagenorm there.",
    ),
}


def find(connection: sa.Connection, setting: TargetSetting, seen: Sequence[Target]) -> Target | PreflightFinding:
    """Return the target, or a finding that says why it cannot be one. `seen`: the targets found before it."""
    named = attempt(
        connection,
        statement("preflight/target_found"),
        {"schema": setting.schema, "table": setting.table, "column": setting.column},
    )
    if isinstance(named, psycopg.Error):
        if not isinstance(named, psycopg.errors.InsufficientPrivilege):
            raise named
        remedy = f"As the schema's owner:\n{_grant_usage(connection, setting.schema)}"
        return _finding(setting, f"This role may not use the schema {setting.schema}.", remedy)
    kind, split_by_stage, schemas = named[0]
    if kind in _NOT_A_TABLE:
        what, remedy = _NOT_A_TABLE[kind]
        return _finding(setting, f"{setting.table} {what}.", remedy)
    if split_by_stage:
        # The primary key of such a table includes the stage, and a partition refuses rows that belong to another one.
        return _finding(
            setting,
            f"{split_by_stage} is partitioned by the stage. Each change would move the row to another partition, and "
            "its key includes the stage.",
            "It cannot be a target. First load its rows into a table that is not partitioned by the stage.",
        )
    try:
        target = resolve_targets(connection, (setting,))[0]
        require_each_row_once(connection, (*seen, target))
    except TargetError as error:
        elsewhere = f" Tables of that name are in: {', '.join(schemas)}." if kind is None and schemas else ""
        return _finding(setting, error.message + elsewhere, error.remedy or "")
    return target


def _grant_usage(connection: sa.Connection, schema: str | None) -> str:
    return str(
        connection.exec_driver_sql(
            "SELECT format('GRANT USAGE ON SCHEMA %%I TO %%I;', %(schema)s::text, current_user)", {"schema": schema}
        ).scalar_one()
    )


def _finding(setting: TargetSetting, message: str, remedy: str) -> PreflightFinding:
    return PreflightFinding(
        check=PreflightCheck.TARGET_FOUND,
        level=PreflightLevel.ERROR,
        target=setting.name,
        message=message,
        remedy=remedy,
    )
