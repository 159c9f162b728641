"""Create stagenorm's own tables by migrations, and detect missing ones."""

from pathlib import Path

import sqlalchemy as sa
from psycopg import sql

from stagenorm_pipeline.engine.postgres.connection import Database
from stagenorm_pipeline.engine.postgres.sql_files import sql_directory, statement
from stagenorm_pipeline.engine.postgres.tracking_schema import (
    FirstOfSearchPath,
    own_prefix,
    schema_for_new_tables,
    unqualified,
)
from stagenorm_pipeline.errors import MissingMigrationError

# The last object that each file creates. If it exists, the whole file was applied: each file is one transaction.
_WITNESS = {
    "20251030_stage_migration_tracking.sql": "stage_migration_failures",
    "20251030_stage_normalization_log.sql": "stage_normalization_log",
    "20261122_stage_backups.sql": "stage_migration_backups",
    "20261122_stage_migration_progress.sql": "stage_migration_progress",
    "20261122_stage_rollback_batches.sql": "stage_migration_rollback_batches",
    "20261122_stage_migration_runners.sql": "stage_migration_current_runners",
    "20261122_stage_plan_vocabulary.sql": "stage_migration_vocabularies",
    "20261122_stage_enforcement.sql": "stage_migration_enforcements",
    "20261126_stage_migration_versions.sql": "stage_migration_versions",
    "20261126_stage_receipts.sql": "stage_migration_plan_digests",
}


def migration_files() -> tuple[Path, ...]:
    """Return the migration files in the order in which they are applied."""
    return tuple(sorted((sql_directory() / "migrations").glob("*.sql")))


def apply_migrations(database: Database) -> tuple[Path, ...]:
    """Run every migration file. Each is safe to run again. Returns the files.

    Raises MissingMigrationError when the schema that stagenorm.toml names does not exist.
    """
    files = migration_files()
    for file in files:
        with database.autocommit() as connection:
            schema = schema_for_new_tables(connection)
            script = _in_schema(connection, file.read_text(encoding="utf-8"), schema)
            unqualified(connection).exec_driver_sql(script.replace("%", "%%"))
    return files


def _in_schema(connection: sa.Connection, script: str, schema: str | FirstOfSearchPath) -> str:
    """Return the script with `schema` as its search path. It updates no target, so no user's trigger sees that."""
    if isinstance(schema, FirstOfSearchPath):
        return script
    name = sql.Identifier(schema).as_string(None)
    found = connection.exec_driver_sql("SELECT to_regnamespace(%(name)s) IS NOT NULL", {"name": name}).scalar_one()
    if not found:
        raise MissingMigrationError(
            f"The schema {name} for stagenorm's own tables does not exist.",
            remedy=f"Run CREATE SCHEMA {name}; or name another schema in [tracking] of stagenorm.toml.",
        )
    begin = "\nBEGIN;\n"
    assert script.count(begin) == 1  # noqa: S101 - each file is one transaction
    return script.replace(begin, f"{begin}SET LOCAL search_path = {name};\n")


def require_migrations(connection: sa.Connection) -> None:
    """Raise MissingMigrationError naming the first file that was not applied.

    A file counts as applied if its last object exists and, once there is a version table, if the table lists it.
    """
    prefix = own_prefix(connection)
    values = {"files": list(_WITNESS), "witnesses": [prefix + witness for witness in _WITNESS.values()]}
    witnesses = connection.exec_driver_sql(statement("postgres/missing_witnesses"), values).one()
    missing = set(witnesses.missing)
    # If the role may not read the version table, preflight or the command itself says so.
    if not missing and witnesses.may_read_versions:
        recorded = connection.exec_driver_sql("SELECT file_name FROM stage_migration_versions").scalars()
        missing = {file.name for file in migration_files()} - set(recorded)
    if missing:
        name = min(missing)
        raise MissingMigrationError(
            f"The tables of sql/migrations/{name} are missing in this database.",
            # Not only this file: later ones may be missing too.
            remedy="Apply all of them with `stagenorm init-db`, or with psql, in this order: "
            f"{sql_directory() / 'migrations'}/*.sql",
        )
