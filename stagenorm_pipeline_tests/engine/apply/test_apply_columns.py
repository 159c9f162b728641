"""Whole runs over every kind of stage column: spellings are compared by bytes, and nothing is cut."""

import psycopg
import pytest

from stagenorm_pipeline.config.settings import TargetSetting
from stagenorm_pipeline.engine.verify.result import Rule
from stagenorm_pipeline_tests.support.application import Application

DEALS = (TargetSetting(table="deals"),)
TYPES = """
CREATE DOMAIN stage_text AS text CHECK (VALUE <> '');
CREATE TYPE round AS ENUM ('seed', 'series-a', 'Seed', 'Series A');
CREATE TYPE "Round %s {0}" AS ENUM ('seed', 'series-a', 'Seed', 'Series A');
"""
# What the extension citext is made of, which not every PostgreSQL carries: a text whose = knows no case.
NO_CASE = """
CREATE TYPE no_case;
CREATE FUNCTION no_case_in(cstring) RETURNS no_case AS 'textin' LANGUAGE internal IMMUTABLE STRICT;
CREATE FUNCTION no_case_out(no_case) RETURNS cstring AS 'textout' LANGUAGE internal IMMUTABLE STRICT;
CREATE TYPE no_case (INPUT = no_case_in, OUTPUT = no_case_out, LIKE = text, CATEGORY = 'S', COLLATABLE = true);
CREATE CAST (no_case AS text) WITHOUT FUNCTION AS IMPLICIT;
CREATE CAST (text AS no_case) WITHOUT FUNCTION AS ASSIGNMENT;
CREATE FUNCTION no_case_eq(no_case, no_case) RETURNS boolean LANGUAGE sql AS 'SELECT lower($1::text) = lower($2::text)';
CREATE OPERATOR = (LEFTARG = no_case, RIGHTARG = no_case, FUNCTION = no_case_eq);
"""
NO_CASE_COLLATION = "CREATE COLLATION no_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false)"
AUDIT = "SELECT row_id, stage_before, stage_after FROM stage_normalization_log ORDER BY row_id"


def create_deals(application: Application, type_: str) -> None:
    application.sql(TYPES)
    application.sql(f"CREATE TABLE deals (id int PRIMARY KEY, fund_id int, stage {type_})")


@pytest.mark.parametrize("type_", ["text", "varchar(20)", "char(20)", "stage_text", "round", '"Round %s {0}"'])
def test_column_type_is_normalized_and_verified(application: Application, type_: str) -> None:
    create_deals(application, type_)
    application.sql("INSERT INTO deals VALUES (1, 1, 'Seed'), (2, 1, 'Series A'), (3, 2, 'seed'), (4, NULL, NULL)")
    plan = application.run(targets=DEALS)
    assert plan.counts.rows_to_change == 2
    assert {i: s and s.rstrip() for i, s in application.stages("deals").items()} == {
        1: "seed",
        2: "series-a",
        3: "seed",
        4: None,
    }
    assert application.sql(AUDIT) == [("1", "Seed", "seed"), ("2", "Series A", "series-a")]
    assert application.verify(targets=DEALS).verdict == "passed"
    assert application.plan(targets=DEALS).counts.rows_to_change == 0


def create_deals_without_case(application: Application, how: str) -> None:
    """A stage column that treats 'Seed' and 'seed' as equal, by its type or its collation."""
    if how == "collation":
        try:
            application.sql(NO_CASE_COLLATION)
        except psycopg.errors.FeatureNotSupported:
            pytest.skip("this PostgreSQL was built without ICU: it has no nondeterministic collations")
    else:
        application.sql(NO_CASE)
    create_deals(application, "no_case" if how == "type" else "text COLLATE no_case")
    application.sql("INSERT INTO deals SELECT i, 1, (ARRAY['seed', 'Seed', 'SEED'])[i] FROM generate_series(1, 3) i")
    assert application.value("SELECT count(*) FROM deals WHERE stage = 'seed'") == 3


@pytest.mark.parametrize("how", ["type", "collation"])
def test_spellings_that_the_column_treats_as_equal_are_compared_by_bytes(application: Application, how: str) -> None:
    create_deals_without_case(application, how)
    (inventory,) = application.preview(targets=DEALS).inventories
    assert {s.spelling: s.rows for s in inventory.spellings} == {"seed": 1, "Seed": 1, "SEED": 1}
    plan = application.plan(targets=DEALS)
    # Equal by the column, another spelling by its bytes: it is no longer what the plan saw.
    application.sql("UPDATE deals SET stage = 'SEED' WHERE id = 2")
    result = application.apply(plan_id=plan.plan_id)
    assert (result.rows.rows_updated, result.rows.rows_skipped_changed) == (1, 1)
    assert application.stages("deals") == {1: "seed", 2: "SEED", 3: "seed"}
    assert application.verify(targets=DEALS).check(Rule.CANONICAL_STAGES).figures["rows_messy"] == 1


def test_stage_too_long_for_the_column_is_refused_not_cut(application: Application) -> None:
    create_deals(application, "varchar(8)")
    application.sql("INSERT INTO deals VALUES (1, 1, 'Seed'), (2, 1, 'SeriesC+'), (3, 1, 'SeriesA'), (4, 1, 'PreSeed')")
    plan = application.plan(targets=DEALS)
    result = application.apply(plan_id=plan.plan_id)
    assert (result.failed, result.rows.rows_updated, result.rows.rows_failed) == (1, 3, 1)
    assert application.stages("deals") == {1: "seed", 2: "SeriesC+", 3: "series-a", 4: "pre-seed"}
    ((row_id, before, after, message, sqlstate),) = application.sql(
        "SELECT row_id, stage_before, stage_after, error_message, sqlstate FROM stage_migration_quarantine"
    )
    assert (row_id, before, after, sqlstate) == ("2", "SeriesC+", "series-c+", "22001")
    assert "too long" in message
    assert len(application.sql(AUDIT)) == 3


def test_enum_without_the_canonical_label_refuses_its_rows(application: Application) -> None:
    application.sql("CREATE TYPE old_round AS ENUM ('Seed', 'Series A', 'seed')")
    application.sql("CREATE TABLE deals (id int PRIMARY KEY, fund_id int, stage old_round)")
    application.sql("INSERT INTO deals VALUES (1, 1, 'Seed'), (2, 1, 'Series A')")
    result = application.apply(plan_id=application.plan(targets=DEALS).plan_id)
    assert (result.rows.rows_updated, result.rows.rows_failed) == (1, 1)
    assert application.stages("deals") == {1: "seed", 2: "Series A"}


def test_unusual_names_work_through_a_whole_run(application: Application) -> None:
    application.sql(
        'CREATE SCHEMA "My %s CRM"; CREATE TABLE "My %s CRM"."Deal ""x"" 50%%" '
        '("Row %b Id" int PRIMARY KEY, "Fund %(x)s" text, "Stage {0} %t" text);'
        'CREATE TABLE "My %s CRM"."Deal ""x"" 50%" (LIKE "My %s CRM"."Deal ""x"" 50%%" INCLUDING ALL);'
        """INSERT INTO "My %s CRM"."Deal ""x"" 50%%" VALUES (1, 'a,b', 'Seed'), (2, NULL, 'Series A');"""
        """INSERT INTO "My %s CRM"."Deal ""x"" 50%" VALUES (1, 'its', 'Seed')"""
    )
    targets = (
        TargetSetting(
            table='Deal "x" 50%%', column="Stage {0} %t", schema="My %s CRM", key="Row %b Id", fund_column="Fund %(x)s"
        ),
    )
    plan = application.plan(targets=targets)
    assert plan.funds_to_change == ("a,b", None)
    application.apply(plan_id=plan.plan_id, targets=targets)
    assert application.sql('SELECT * FROM "My %s CRM"."Deal ""x"" 50%%" ORDER BY 1') == [
        (1, "a,b", "seed"),
        (2, None, "series-a"),
    ]
    # A name that differs by the sign alone is another table.
    assert application.sql('SELECT * FROM "My %s CRM"."Deal ""x"" 50%"') == [(1, "its", "Seed")]
    assert application.verify(targets=targets).verdict == "passed"


def test_two_columns_of_one_table_are_separate_targets(application: Application) -> None:
    application.sql("CREATE TABLE deals (id int PRIMARY KEY, fund_id int, first_stage text, last_stage text)")
    application.sql(
        "INSERT INTO deals VALUES (1, 1, 'Seed', 'Series A'), (2, 1, 'seed', 'SERIES B'), (3, 1, 'SEED', NULL)"
    )
    targets = (TargetSetting(table="deals", column="first_stage"), TargetSetting(table="deals", column="last_stage"))
    application.run(targets=targets)
    assert application.sql("SELECT * FROM deals ORDER BY id") == [
        (1, 1, "seed", "series-a"),
        (2, 1, "seed", "series-b"),
        (3, 1, "seed", None),
    ]
    assert application.sql(
        "SELECT column_name, row_id, stage_before FROM stage_normalization_log ORDER BY column_name, row_id"
    ) == [
        ("first_stage", "1", "Seed"),
        ("first_stage", "3", "SEED"),
        ("last_stage", "1", "Series A"),
        ("last_stage", "2", "SERIES B"),
    ]
    assert application.verify(targets=targets).verdict == "passed"


def test_same_table_name_in_two_schemas_is_two_targets(application: Application) -> None:
    application.sql("CREATE SCHEMA crm")
    for schema, spelling in (("public", "Seed"), ("crm", "Series A")):
        application.sql(f"CREATE TABLE {schema}.deals (id int PRIMARY KEY, fund_id int, stage text)")
        application.sql(f"INSERT INTO {schema}.deals VALUES (1, 1, %s)", spelling)
    crm, both = (TargetSetting(table="deals", schema="crm"),), (*DEALS, TargetSetting(table="deals", schema="crm"))
    application.plan(targets=both)
    application.apply(targets=crm)
    assert application.sql("SELECT stage FROM public.deals UNION ALL SELECT stage FROM crm.deals") == [
        ("Seed",),
        ("series-a",),
    ]
    application.apply(targets=both)
    assert application.sql("SELECT stage FROM public.deals") == [("seed",)]
    assert application.verify(targets=both).verdict == "passed"


def test_rows_of_every_partition_are_normalized(application: Application) -> None:
    application.sql(
        "CREATE TABLE deals (id int PRIMARY KEY, fund_id int, stage text) PARTITION BY RANGE (id);"
        "CREATE TABLE deals_1 PARTITION OF deals FOR VALUES FROM (0) TO (10);"
        "CREATE TABLE deals_2 PARTITION OF deals FOR VALUES FROM (10) TO (20);"
        "INSERT INTO deals SELECT i, 1, 'Seed' FROM generate_series(1, 19) i"
    )
    application.run(targets=DEALS)
    assert set(application.stages("deals").values()) == {"seed"}
    assert application.verify(targets=DEALS).verdict == "passed"
