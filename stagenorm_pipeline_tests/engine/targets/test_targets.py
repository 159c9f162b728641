"""Targets: how tables are found in the catalog, and clear errors for unsupported ones."""

import pytest

from stagenorm_pipeline.config.configuration import DEFAULT_TARGETS, TargetSetting
from stagenorm_pipeline.engine.targets.target import KeyKind, Target, resolve_targets
from stagenorm_pipeline.errors import TargetError
from stagenorm_pipeline_tests.support.application import Application

DEALS = TargetSetting(table="deals")


def resolved(application: Application, *settings: TargetSetting) -> tuple[Target, ...]:
    with application.database.snapshot() as connection:
        return resolve_targets(connection, settings)


def refused(application: Application, *settings: TargetSetting) -> str:
    """Return the message of the error, after checking that it has a remedy."""
    with pytest.raises(TargetError) as caught:
        resolved(application, *settings)
    assert caught.value.remedy
    return caught.value.message


def test_default_targets_have_key_and_fund_column(application: Application) -> None:
    assert resolved(application, *DEFAULT_TARGETS) == (
        Target(
            schema="public",
            table="portfoliocompanies",
            column="stage",
            key_column="id",
            key_kind=KeyKind.INTEGER,
            fund_column="fund_id",
            enum_type=None,
            fund_groups_as_text=False,
        ),
        Target(
            schema="public",
            table="deal_opportunities",
            column="stage",
            key_column="id",
            key_kind=KeyKind.INTEGER,
            fund_column="fund_id",
            enum_type=None,
            fund_groups_as_text=False,
        ),
    )


def test_table_without_fund_column_has_no_funds(bare: Application) -> None:
    bare.sql("CREATE TABLE deals (id int PRIMARY KEY, stage text)")
    assert resolved(bare, DEALS)[0].fund_column is None


def test_configured_fund_column_must_exist(bare: Application) -> None:
    bare.sql("CREATE TABLE deals (id int PRIMARY KEY, fund_id int, stage text)")
    named = TargetSetting(table="deals", fund_column="vehicle", fund_column_required=True)
    message = refused(bare, named)
    assert "deals" in message
    assert "'vehicle'" in message
    bare.sql("ALTER TABLE deals ADD vehicle text")
    assert resolved(bare, named)[0].fund_column == "vehicle"


def test_dropped_fund_column_is_not_found(bare: Application) -> None:
    bare.sql("CREATE TABLE deals (id int PRIMARY KEY, fund_id int, stage text); ALTER TABLE deals DROP fund_id")
    assert resolved(bare, DEALS)[0].fund_column is None


@pytest.mark.parametrize(
    ("type_", "kind"),
    [
        ("smallint", KeyKind.INTEGER),
        ("integer", KeyKind.INTEGER),
        ("bigint", KeyKind.INTEGER),
        ("uuid", KeyKind.UUID),
        ("text", KeyKind.TEXT),
        ("varchar(40)", KeyKind.TEXT),
        ("account_number", KeyKind.INTEGER),
    ],
)
def test_key_is_integer_uuid_or_text(bare: Application, type_: str, kind: KeyKind) -> None:
    bare.sql(f"CREATE DOMAIN account_number AS bigint; CREATE TABLE deals (id {type_} PRIMARY KEY, stage text)")
    assert resolved(bare, DEALS)[0].key_kind is kind


@pytest.mark.parametrize(
    ("type_", "shown"),
    [
        ("numeric", "numeric"),
        ("double precision", "double precision"),
        ("timestamptz", "timestamp with time zone"),
        ("char(8)", "character"),
        ("bytea", "bytea"),
    ],
)
def test_key_of_another_type_is_refused_by_name(bare: Application, type_: str, shown: str) -> None:
    bare.sql(f"CREATE TABLE deals (id {type_} PRIMARY KEY, stage text)")
    assert f"'id' of deals is of type {shown}." in refused(bare, DEALS)


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ("id int, stage text", "deals has no primary key"),
        ("id int UNIQUE NOT NULL, stage text", "deals has no primary key"),
        ("id int, part int, stage text, PRIMARY KEY (id, part)", "deals has a primary key of several columns"),
        ("id int PRIMARY KEY, state text", "deals has no column 'stage'"),
        ('id int PRIMARY KEY, "Stage" text', "deals has no column 'stage'"),
    ],
)
def test_unsupported_table_is_refused_by_name(bare: Application, columns: str, said: str) -> None:
    bare.sql(f"CREATE TABLE deals ({columns})")
    assert said in refused(bare, DEALS)


def test_key_that_is_not_the_primary_key_is_refused(bare: Application) -> None:
    bare.sql("CREATE TABLE deals (id int PRIMARY KEY, uid uuid UNIQUE, stage text)")
    assert "has the primary key (id), not 'uid'" in refused(bare, TargetSetting(table="deals", key="uid"))
    assert resolved(bare, TargetSetting(table="deals", key="id"))[0].key_column == "id"


def test_missing_table_is_refused_by_name(bare: Application) -> None:
    assert "The table deals does not exist" in refused(bare, DEALS)
    assert "The table crm.deals does not exist" in refused(bare, TargetSetting(table="deals", schema="crm"))


@pytest.mark.parametrize("relation", ["VIEW", "MATERIALIZED VIEW"])
def test_view_is_refused(bare: Application, relation: str) -> None:
    bare.sql(f"CREATE TABLE t (id int PRIMARY KEY, stage text); CREATE {relation} deals AS SELECT * FROM t")
    assert "deals is not a table" in refused(bare, DEALS)


def test_partitioned_table_is_a_table(bare: Application) -> None:
    bare.sql("CREATE TABLE deals (id int PRIMARY KEY, fund_id int, stage text) PARTITION BY RANGE (id)")
    assert resolved(bare, DEALS)[0].name == "public.deals.stage"


def test_table_in_another_schema_needs_its_schema(bare: Application) -> None:
    bare.sql("CREATE SCHEMA crm; CREATE TABLE crm.deals (id int PRIMARY KEY, stage text)")
    assert resolved(bare, TargetSetting(table="deals", schema="crm"))[0].name == "crm.deals.stage"
    assert "does not exist" in refused(bare, DEALS)


def test_unusual_names_are_used_unchanged(bare: Application) -> None:
    bare.sql(
        'CREATE SCHEMA "My CRM"; CREATE TABLE "My CRM"."Deal ""x"" 50%%" ("Row Id" int PRIMARY KEY, "Stage {0}" text)'
    )
    setting = TargetSetting(table='Deal "x" 50%%', column="Stage {0}", schema="My CRM", key="Row Id")
    assert resolved(bare, setting)[0] == Target(
        schema="My CRM",
        table='Deal "x" 50%%',
        column="Stage {0}",
        key_column="Row Id",
        key_kind=KeyKind.INTEGER,
        fund_column=None,
    )


@pytest.mark.parametrize(
    "hostile", ["deals; DROP TABLE deals", "deals'", 'deals"', "deals --", "%s", "%(table)s", "{}"]
)
def test_hostile_name_is_only_a_missing_table(bare: Application, hostile: str) -> None:
    bare.sql("CREATE TABLE deals (id int PRIMARY KEY, stage text)")
    assert "does not exist" in refused(bare, TargetSetting(table=hostile))
    assert "does not exist" in refused(bare, TargetSetting(table="deals", schema=hostile))
    assert "has no column" in refused(bare, TargetSetting(table="deals", column=hostile))
    assert resolved(bare, DEALS)


def test_two_columns_of_one_table_are_two_targets(bare: Application) -> None:
    bare.sql("CREATE TABLE deals (id int PRIMARY KEY, first_stage text, last_stage text)")
    found = resolved(
        bare, TargetSetting(table="deals", column="first_stage"), TargetSetting(table="deals", column="last_stage")
    )
    assert [target.name for target in found] == ["public.deals.first_stage", "public.deals.last_stage"]


def test_one_column_under_two_names_is_refused(bare: Application) -> None:
    """Its rows would count twice."""
    bare.sql("CREATE TABLE deals (id int PRIMARY KEY, stage text)")
    assert "public.deals.stage" in refused(bare, DEALS, TargetSetting(table="deals", schema="public"))


def test_table_and_inheritance_child_are_refused_together(bare: Application) -> None:
    """They are accepted if their columns differ."""
    bare.sql(
        "CREATE TABLE deals (id int PRIMARY KEY, stage text);"
        'CREATE TABLE "Old 50%" (PRIMARY KEY (id), last_stage text) INHERITS (deals)'
    )
    assert "public.Old 50%.stage is a part of public.deals.stage" in refused(
        bare, TargetSetting(table="Old 50%"), DEALS
    )
    assert len(resolved(bare, DEALS, TargetSetting(table="Old 50%", column="last_stage"))) == 2


def test_two_partitions_are_two_targets(bare: Application) -> None:
    bare.sql(
        "CREATE TABLE deals (id int PRIMARY KEY, stage text) PARTITION BY RANGE (id);"
        "CREATE TABLE deals_low PARTITION OF deals FOR VALUES FROM (0) TO (10);"
        "CREATE TABLE deals_rest PARTITION OF deals DEFAULT"
    )
    assert len(resolved(bare, TargetSetting(table="deals_low"), TargetSetting(table="deals_rest"))) == 2


@pytest.mark.parametrize(
    ("type_", "enum_type"),
    [
        ("text", None),
        ("varchar(20)", None),
        ("char(20)", None),
        ("stage_text", None),
        ("round", "round"),
        ('"R 2"', '"R 2"'),
    ],
)
def test_only_an_enum_column_needs_a_cast(bare: Application, type_: str, enum_type: str | None) -> None:
    bare.sql(
        "CREATE DOMAIN stage_text AS text; CREATE TYPE round AS ENUM ('seed'); CREATE TYPE \"R 2\" AS ENUM ('seed')"
    )
    bare.sql(f"CREATE TABLE deals (id int PRIMARY KEY, stage {type_})")
    assert resolved(bare, DEALS)[0].enum_type == enum_type
