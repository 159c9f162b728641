"""Find the targets of `stagenorm.toml` in the catalog: table, stage column, key, fund column, and their types.

Whether a target is fit for a run in production is checked in `engine/preflight`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import sqlalchemy as sa
from psycopg import sql

from stagenorm_pipeline.config.settings import TargetSetting
from stagenorm_pipeline.engine.postgres.sql_files import identifier, statement
from stagenorm_pipeline.engine.targets.target_id import TargetId
from stagenorm_pipeline.errors import TargetError


class KeyKind(StrEnum):
    """The kinds of primary key that a batch can store exactly."""

    INTEGER = "bigint"
    UUID = "uuid"
    TEXT = "text"


_KEY_KINDS = {
    "smallint": KeyKind.INTEGER,
    "integer": KeyKind.INTEGER,
    "bigint": KeyKind.INTEGER,
    "uuid": KeyKind.UUID,
    "text": KeyKind.TEXT,
    "character varying": KeyKind.TEXT,
}

# Types whose equal values always have the same text.
_ONE_TEXT_EACH = {"smallint", "integer", "bigint", "uuid"}

_TABLES = {"r", "p"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Target(TargetId):
    """A target found in the catalog. `enum_type` is the stage column's type if that is an enum: text is cast to it.

    `fund_groups_as_text`: equal fund ids may read differently (1.0 and 1.00), so rows are grouped by their text.
    `has_after_triggers`: the table has enabled AFTER UPDATE triggers, which may change a row again after our update.
    """

    key_column: str
    key_kind: KeyKind
    fund_column: str | None
    enum_type: str | None = None
    fund_groups_as_text: bool = True
    has_after_triggers: bool = False

    def sql_parts(self) -> dict[str, sql.Composable]:
        """Return the target's identifiers and expressions for the placeholders of `statement`."""
        column = sql.SQL("t.{}").format(identifier(self.column))
        fund = sql.SQL("t.{}").format(identifier(self.fund_column)) if self.fund_column else None
        fund_text = sql.SQL("{}::text").format(fund or sql.NULL)
        return {
            "table": identifier(self.schema, self.table),
            "stage_column": identifier(self.column),
            # Compared by bytes: neither citext nor the column's collation may make two spellings equal.
            "stage": sql.SQL('({}::text COLLATE "C")').format(column),
            "key": sql.SQL("t.{}").format(identifier(self.key_column)),
            "key_type": sql.SQL(self.key_kind.value),
            "fund": fund_text,
            # No cast where it is not needed: it is a third of an inventory's time (10 million rows: 2.9 s with it,
            # 2.0 s without).
            "fund_group": fund
            if fund and not self.fund_groups_as_text
            else sql.SQL("{}::text").format(fund or sql.NULL),
            # Only an enum needs a cast. An explicit cast to varchar(n) would cut the value without an error.
            "stage_cast": sql.SQL("::" + self.enum_type.replace("%", "%%")) if self.enum_type else sql.SQL(""),
        }


def resolve_targets(connection: sa.Connection, settings: tuple[TargetSetting, ...]) -> tuple[Target, ...]:
    """Find each target in the catalog.

    Raises TargetError if a table or column is missing, is of an unsupported kind, or is named twice.
    """
    targets = tuple(_resolve(connection, setting) for setting in settings)
    require_each_row_once(connection, targets)
    return targets


def require_each_row_once(connection: sa.Connection, targets: Sequence[Target]) -> None:
    """Raise TargetError if two targets share rows, because these would be counted and planned twice."""
    names = [target.name for target in targets]
    for name in names:
        if names.count(name) > 1:
            raise TargetError(f"Two targets are the column {name}.", remedy="Leave one of them out of stagenorm.toml.")
    if len(targets) < 2:
        return
    nested = connection.exec_driver_sql(
        statement("targets/nested_targets"),
        {
            "schemas": [target.schema for target in targets],
            "tables": [target.table for target in targets],
            "columns": [target.column for target in targets],
            "targets": names,
        },
    ).first()
    if nested is not None:
        raise TargetError(
            f"Two targets hold the same rows: {nested.child} is a part of {nested.parent}.",
            remedy=f"Leave {nested.child} out of stagenorm.toml: {nested.parent} has its rows.",
        )


def _resolve(connection: sa.Connection, setting: TargetSetting) -> Target:
    row = connection.exec_driver_sql(
        statement("targets/resolve_target"),
        {
            "schema": setting.schema,
            "table": setting.table,
            "column": setting.column,
            "key": setting.key,
            "fund_column": setting.fund_column,
        },
    ).one_or_none()
    where = f"{setting.schema}.{setting.table}" if setting.schema else setting.table
    if row is None:
        raise TargetError(
            f"The table {where} does not exist in this database (or this role cannot see its schema).",
            remedy="Check DATABASE_URL, name other tables in stagenorm.toml, or leave this one out with --table.",
        )
    if row.relation_kind not in _TABLES:
        raise TargetError(
            f"{where} is not a table but a relation of kind {row.relation_kind!r}.",
            remedy="Name the table that holds the rows in stagenorm.toml.",
        )
    if row.stage_column is None:
        raise TargetError(
            f"The table {where} has no column {setting.column!r}.",
            remedy="Name its stage column in stagenorm.toml.",
        )
    if setting.fund_column_required and row.fund_column is None:
        raise TargetError(
            f"The table {where} has no column {setting.fund_column!r}, which stagenorm.toml names as its fund column.",
            remedy="Name the right column, or leave fund_column out.",
        )
    return Target(
        schema=row.schema_name,
        table=row.table_name,
        column=row.stage_column,
        key_column=row.key_column,
        key_kind=_key_kind(where, setting, list(row.primary_key), row.key_column, row.key_type),
        fund_column=row.fund_column,
        enum_type=row.stage_type if row.stage_type_type == "e" else None,
        fund_groups_as_text=row.fund_type not in _ONE_TEXT_EACH,
        has_after_triggers=row.has_after_triggers,
    )


def _key_kind(
    where: str, setting: TargetSetting, primary_key: list[str], key_column: str | None, key_type: str | None
) -> KeyKind:
    if setting.key and primary_key != [setting.key]:
        # Only a primary key is sure to identify a row and to have an index.
        raise TargetError(
            f"The table {where} has the primary key ({', '.join(primary_key) or 'none'}), not {setting.key!r}.",
            remedy="Leave `key` out of stagenorm.toml, or make it the primary key.",
        )
    if len(primary_key) != 1:
        raise TargetError(
            f"The table {where} has {'no primary key' if not primary_key else 'a primary key of several columns'}.",
            remedy="Give the table a primary key of one column: a batch names its rows by it.",
        )
    kind = _KEY_KINDS.get(key_type or "")
    if kind is None:
        raise TargetError(
            f"The primary key {key_column!r} of {where} is of type {key_type}.",
            remedy="Use a key of type smallint, integer, bigint, uuid, text or varchar. The text form of other types "
            "may not identify the row exactly.",
        )
    return kind
