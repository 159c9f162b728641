"""Our tables' names get their schema, and nothing else in a statement changes."""

import pytest

from stagenorm_pipeline.engine.postgres.sql_files import sql_directory
from stagenorm_pipeline.engine.postgres.tracking_schema import qualified

PREFIX = '"S".'


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("SELECT * FROM stage_migration_plans p", 'SELECT * FROM "S".stage_migration_plans p'),
        ("INSERT INTO stage_verifications (a) VALUES (1)", 'INSERT INTO "S".stage_verifications (a) VALUES (1)'),
        (
            "UPDATE stage_migration_plans SET a = 1 WHERE stage_migration_plans.a = 2",
            'UPDATE "S".stage_migration_plans SET a = 1 WHERE stage_migration_plans.a = 2',
        ),
        ("SELECT to_regclass('stage_normalization_log')", "SELECT to_regclass('\"S\".stage_normalization_log')"),
        ("SELECT 'stage_migration_plans'::regclass", "SELECT '\"S\".stage_migration_plans'::regclass"),
    ],
)
def test_our_table_names_get_the_schema(statement: str, expected: str) -> None:
    assert qualified(statement, PREFIX) == expected


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT 'stage_migration_plans'",
        "SELECT E'it\\'s stage_migration_plans'",
        "SELECT 'it''s stage_migration_plans'",
        "SELECT $$stage_migration_plans$$, $t$ stage_migration_plans $$ $t$",
        'SELECT "stage_migration_plans" FROM public.stage_migration_plans, "a b".stage_verifications',
        "SELECT 1 -- FROM stage_migration_plans\n",
        "SELECT /* stage_migration_plans */ %(stage_migration_plans)s",
        "SELECT my_stage_migration_plans, stage_verifications_old, stage_migration_plans.plan_id",
    ],
)
def test_texts_comments_columns_and_qualified_names_stay(statement: str) -> None:
    assert qualified(statement, PREFIX) == statement


def test_statement_stays_if_the_search_path_finds_our_tables() -> None:
    assert qualified("SELECT * FROM stage_migration_plans", "") == "SELECT * FROM stage_migration_plans"


def test_percent_and_quote_in_a_schema_are_escaped() -> None:
    found = qualified("SELECT to_regclass('stage_verifications') FROM stage_verifications", '"5%\'".')
    assert found == "SELECT to_regclass('\"5%%''\".stage_verifications') FROM \"5%%'\".stage_verifications"


def test_each_name_in_our_sql_files_is_qualified_once() -> None:
    for file in sorted(sql_directory().glob("*.sql")):
        if file.name == "roles.sql":  # for psql, which knows no placeholders
            continue
        once = qualified(file.read_text(encoding="utf-8"), PREFIX)
        assert qualified(once, PREFIX) == once, file.name
