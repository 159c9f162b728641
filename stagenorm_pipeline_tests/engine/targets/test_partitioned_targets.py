"""Partitioned targets: which ones work from plan to rollback, and which ones are refused."""

from collections.abc import Iterator

import pytest

from stagenorm_pipeline.config.configuration import TargetSetting
from stagenorm_pipeline.engine.preflight import PreflightLevel, run_preflight
from stagenorm_pipeline.engine.rollback.rollback import RollbackRequest, record_rollback
from stagenorm_pipeline.engine.targets.funds import FundScope
from stagenorm_pipeline.errors import TargetError
from stagenorm_pipeline_tests.support.application import Application
from stagenorm_pipeline_tests.support.spellings import CANONICAL_STAGES

DEALS = (TargetSetting(table="deals"),)

_BY_RANGE = """
CREATE TABLE deals (id bigint PRIMARY KEY, fund_id int, stage text) PARTITION BY RANGE (id);
CREATE TABLE deals_low PARTITION OF deals FOR VALUES FROM (0) TO (10);
CREATE TABLE deals_rest PARTITION OF deals DEFAULT
"""
_BY_HASH = """
CREATE TABLE deals (id text PRIMARY KEY, fund_id int, stage text) PARTITION BY HASH (id);
CREATE TABLE deals_0 PARTITION OF deals FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE deals_1 PARTITION OF deals FOR VALUES WITH (MODULUS 2, REMAINDER 1)
"""
_TWO_LEVELS = """
CREATE TABLE deals (id bigint PRIMARY KEY, fund_id int, stage text) PARTITION BY RANGE (id);
CREATE TABLE deals_low PARTITION OF deals FOR VALUES FROM (0) TO (10);
CREATE TABLE deals_high PARTITION OF deals FOR VALUES FROM (10) TO (100) PARTITION BY HASH (id);
CREATE TABLE deals_high_0 PARTITION OF deals_high FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE deals_high_1 PARTITION OF deals_high FOR VALUES WITH (MODULUS 2, REMAINDER 1)
"""
# An attached partition was a separate table: its columns have another order, and a gap from a dropped column.
_ATTACHED = """
CREATE TABLE deals (id bigint PRIMARY KEY, fund_id int, stage text) PARTITION BY RANGE (id);
CREATE TABLE deals_low PARTITION OF deals FOR VALUES FROM (0) TO (10);
CREATE TABLE deals_old (stage text, gone int, fund_id int, id bigint PRIMARY KEY);
ALTER TABLE deals_old DROP gone;
ALTER TABLE deals ATTACH PARTITION deals_old FOR VALUES FROM (10) TO (100)
"""
_BY_FUND = """
CREATE TABLE deals (id int{key}, fund_id int, stage text{parent_key}) PARTITION BY LIST (fund_id);
CREATE TABLE deals_1 PARTITION OF deals FOR VALUES IN (1);
CREATE TABLE deals_2 PARTITION OF deals FOR VALUES IN (2)
"""
# Each partition has its own keys, so the same key can occur twice.
_BY_FUND_WITH_KEYS_OF_THEIR_OWN = (
    _BY_FUND.format(key=" NOT NULL", parent_key="")
    + ";ALTER TABLE deals_1 ADD PRIMARY KEY (id); ALTER TABLE deals_2 ADD PRIMARY KEY (id)"
)
PARTITIONS = (TargetSetting(table="deals_1"), TargetSetting(table="deals_2"))


@pytest.fixture(autouse=True)
def _tables_gone_afterwards(application: Application) -> Iterator[None]:
    """Remove the table, so that the next test can reuse the database. Creating one is most of a test's time here."""
    yield
    application.sql("DROP FOREIGN DATA WRAPPER IF EXISTS elsewhere CASCADE; DROP TABLE IF EXISTS deals, deals_low")


def fill(application: Application) -> None:
    application.sql(
        "INSERT INTO deals (id, fund_id, stage)"
        " SELECT i::text::{type}, i % 3, (ARRAY['Seed', ' Series A', 'seed', 'series-c+', NULL])[i % 5 + 1]"
        " FROM generate_series(1, 30) i".replace("{type}", key_type(application))
    )


def key_type(application: Application) -> str:
    return str(
        application.value(
            "SELECT atttypid::regtype::text FROM pg_attribute WHERE attrelid = 'deals'::regclass AND attname = 'id'"
        )
    )


def roll_back(application: Application, plan_id: int | None, targets: tuple[TargetSetting, ...]) -> None:
    request = RollbackRequest(plan_id=plan_id, targets=targets)
    application.apply(plan_id=record_rollback(application.database, request, created_by="operator"))


@pytest.mark.parametrize(
    "tables",
    [_BY_RANGE, _BY_HASH, _TWO_LEVELS, _ATTACHED],
    ids=["range and default", "hash of a text key", "two levels", "attached with other columns"],
)
def test_partitioned_table_works_from_plan_to_rollback(application: Application, tables: str) -> None:
    application.sql(tables)
    fill(application)
    before = application.stages("deals")
    assert not [
        f
        for f in run_preflight(application.database, DEALS, stages=CANONICAL_STAGES)
        if f.level is PreflightLevel.ERROR
    ]

    plan = application.run(targets=DEALS, batch_size=4)

    assert plan.counts.rows_to_change == 12
    after = application.stages("deals")
    assert {after[key] for key in after if before[key] != after[key]} == {"seed", "series-a"}
    assert application.verify(targets=DEALS).verdict == "passed"
    roll_back(application, plan.plan_id, DEALS)
    assert application.stages("deals") == before


def test_log_names_the_partitioned_table(application: Application) -> None:
    application.sql(_TWO_LEVELS)
    fill(application)
    application.run(targets=DEALS)
    assert set(application.sql("SELECT schema_name, table_name FROM stage_normalization_log")) == {("public", "deals")}


def test_one_fund_of_a_partitioned_table_runs_alone(application: Application) -> None:
    application.sql(_BY_RANGE)
    fill(application)
    application.sql("UPDATE deals SET stage = 'Seed'")
    application.run(targets=DEALS, scope=FundScope.one("1"))
    assert set(application.sql("SELECT fund_id = 1, stage FROM deals")) == {(True, "seed"), (False, "Seed")}


def test_rows_of_a_detached_partition_are_skipped(
    application: Application,
) -> None:
    """All other rows are changed."""
    application.sql(_BY_RANGE)
    fill(application)
    application.sql("UPDATE deals SET stage = 'Seed'")
    plan = application.plan(targets=DEALS, batch_size=4)
    application.sql("ALTER TABLE deals DETACH PARTITION deals_low")

    rows = application.apply(plan_id=plan.plan_id).rows

    assert (rows.rows_updated, rows.rows_skipped_deleted, rows.rows_failed) == (21, 9, 0)
    assert set(application.stages("deals").values()) == {"seed"}
    assert set(application.stages("deals_low").values()) == {"Seed"}


def test_row_refused_by_one_partition_is_quarantined(application: Application) -> None:
    """All other rows are changed."""
    application.sql(_BY_RANGE)
    fill(application)
    application.sql("UPDATE deals SET stage = 'Seed'")
    application.sql("ALTER TABLE deals_low ADD CHECK (stage <> 'seed' OR id <> 3)")

    rows = application.apply(plan_id=application.plan(targets=DEALS).plan_id).rows

    assert (rows.rows_updated, rows.rows_failed) == (29, 1)
    assert application.value("SELECT row_id FROM stage_migration_quarantine") == "3"


@pytest.mark.parametrize(
    ("key", "parent_key", "said"),
    [
        ("", ", PRIMARY KEY (id, fund_id)", "deals has a primary key of several columns"),
        (" NOT NULL", "", "deals has no primary key"),
    ],
)
def test_table_partitioned_by_fund_is_refused(application: Application, key: str, parent_key: str, said: str) -> None:
    """PostgreSQL requires the fund in the key, so there is no key of one column."""
    application.sql(_BY_FUND.format(key=key, parent_key=parent_key))
    with pytest.raises(TargetError, match=said) as caught:
        application.plan(targets=DEALS)
    assert caught.value.remedy
    assert [
        f.message
        for f in run_preflight(application.database, DEALS, stages=CANONICAL_STAGES)
        if f.level is PreflightLevel.ERROR
    ] == [caught.value.message]


def test_partitions_with_own_primary_keys_are_targets(
    application: Application,
) -> None:
    """The partitions work although the whole table is refused."""
    application.sql(_BY_FUND_WITH_KEYS_OF_THEIR_OWN)
    application.sql("INSERT INTO deals SELECT i, f, 'Seed' FROM generate_series(1, 5) i, generate_series(1, 2) f")

    plan = application.run(targets=PARTITIONS, batch_size=2)

    assert application.sql("SELECT stage, count(*) FROM deals GROUP BY 1") == [("seed", 10)]
    assert application.verify(targets=PARTITIONS).verdict == "passed"
    roll_back(application, plan.plan_id, PARTITIONS)
    assert application.sql("SELECT stage, count(*) FROM deals GROUP BY 1") == [("Seed", 10)]


@pytest.mark.parametrize(
    ("tables", "part"),
    [(_BY_RANGE, "deals_low"), (_TWO_LEVELS, "deals_high_1"), (_ATTACHED, "deals_old")],
    ids=["partition", "partition of a partition", "attached"],
)
def test_table_and_its_partition_are_refused_together(application: Application, tables: str, part: str) -> None:
    """Their rows would count twice."""
    application.sql(tables)
    fill(application)
    for targets in ((*DEALS, TargetSetting(table=part)), (TargetSetting(table=part), *DEALS)):
        with pytest.raises(TargetError, match=f"public.{part}.stage is a part of public.deals.stage") as caught:
            application.plan(targets=targets)
        assert f"Leave public.{part}.stage out" in (caught.value.remedy or "")
        (error,) = [
            f
            for f in run_preflight(application.database, targets, stages=CANONICAL_STAGES)
            if f.level is PreflightLevel.ERROR
        ]
        assert (error.message, error.remedy) == (caught.value.message, caught.value.remedy)


def test_foreign_table_is_refused_by_name(application: Application) -> None:
    application.sql("CREATE FOREIGN DATA WRAPPER elsewhere; CREATE SERVER far FOREIGN DATA WRAPPER elsewhere")
    application.sql("CREATE FOREIGN TABLE deals (id int, stage text) SERVER far")
    with pytest.raises(TargetError, match="deals is not a table"):
        application.plan(targets=DEALS)
    (finding,) = [
        f
        for f in run_preflight(application.database, DEALS, stages=CANONICAL_STAGES)
        if f.level is PreflightLevel.ERROR
    ]
    assert "rows are on another server" in finding.message
