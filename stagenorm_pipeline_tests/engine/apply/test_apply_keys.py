"""Whole runs over every kind of primary key: each row is found by its key."""

import pytest

from stagenorm_pipeline.config.settings import TargetSetting
from stagenorm_pipeline_tests.support.application import Application

DEALS = (TargetSetting(table="deals"),)
HOSTILE = [
    "",
    " ",
    "a,b",
    "{a}",
    '"',
    "'; DROP TABLE deals; --",
    "\\",
    "NULL",
    "null",
    "é",
    "e\u0301",
    "\U0001f600",
    "%s",
]


@pytest.mark.parametrize(
    ("type_", "keys"),
    [
        ("smallint", ["-32768", "-1", "0", "32767"]),
        ("integer", ["-2147483648", "10", "9", "2147483647"]),
        ("bigint", ["-9223372036854775808", "9223372036854775807", "4294967296"]),
        ("uuid", ["00000000-0000-0000-0000-000000000001", "ffffffff-ffff-ffff-ffff-ffffffffffff"]),
        ("text", HOSTILE),
        ("varchar(50)", HOSTILE),
    ],
)
def test_every_row_is_found_by_its_key(application: Application, type_: str, keys: list[str]) -> None:
    application.sql(f"CREATE TABLE deals (id {type_} PRIMARY KEY, fund_id int, stage text)")
    application.sql(f"INSERT INTO deals SELECT k::{type_}, 1, 'Seed' FROM unnest(%s::text[]) k", keys)
    plan = application.plan(targets=DEALS, batch_size=2)
    result = application.apply(plan_id=plan.plan_id)
    assert (result.rows.rows_updated, result.rows.rows_skipped) == (len(keys), 0)
    assert sorted(application.column("SELECT row_id FROM stage_normalization_log")) == sorted(keys)
    assert application.sql("SELECT DISTINCT stage FROM deals") == [("seed",)]
    assert application.verify(targets=DEALS).verdict == "passed"


@pytest.mark.parametrize(("type_", "column"), [("integer", "row_numbers"), ("uuid", "row_keys"), ("text", "row_keys")])
def test_rows_of_a_batch_are_ordered_by_key(application: Application, type_: str, column: str) -> None:
    value = {"integer": "i", "uuid": "gen_random_uuid()", "text": "md5(i::text)"}[type_]
    application.sql(f"CREATE TABLE deals (id {type_} PRIMARY KEY, fund_id int, stage text)")
    application.sql(
        f"INSERT INTO deals SELECT {value}, i %% 2, 'Seed' FROM generate_series(50, 1, -1) i WHERE %s", True
    )
    application.plan(targets=DEALS, batch_size=7)
    for fund in ("0", "1"):
        in_order = [
            str(key) for key in application.column("SELECT id FROM deals WHERE fund_id = %s ORDER BY id", int(fund))
        ]
        batches = application.sql(
            f"SELECT {column}::text[], range_start, range_end FROM stage_migration_batches "
            "JOIN stage_migration_batch_members USING (batch_id) WHERE fund_id = %s ORDER BY batch_number",
            fund,
        )
        assert [len(keys) for keys, _, _ in batches] == [7, 7, 7, 4]
        assert [key for keys, _, _ in batches for key in keys] == in_order
        assert all((keys[0], keys[-1]) == (first, last) for keys, first, last in batches)
