"""Does each target exist, as a table with a key and a column that the engine can work on?"""

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
    "v": ("is a view", "Name the table behind it that holds the rows in stagenorm.toml."),
    "m": ("is a materialized view", "Name the table that it is made from in stagenorm.toml; refresh it afterwards."),
    "f": (
        "is a foreign table: its rows are on another server, so change and audit would not be one transaction",
        "Name that other server in DATABASE_URL and run there.",
    ),
}


def find(connection: sa.Connection, setting: TargetSetting, seen: Sequence[Target]) -> Target | PreflightFinding:
    """The target, or why it cannot be one. `seen` are those before it."""
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
        # Such a table can have no primary key without the stage in it, and a partition refuses what belongs elsewhere.
        return _finding(
            setting,
            f"{split_by_stage} is partitioned by the stage: a row would have to move to another partition with each "
            "change, and has no key that stays the same.",
            "It cannot be a target. Load its rows into a table that is not partitioned by the stage first.",
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
