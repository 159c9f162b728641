"""Each index of the tracking tables has a query for which PostgreSQL uses it when the tables are full."""

from typing import Any

import pytest
from psycopg import sql

from stagenorm_pipeline.engine.postgres.sql_files import statement
from stagenorm_pipeline.engine.receipts.check import compare_receipts_statement
from stagenorm_pipeline.engine.targets.funds import FundScope
from stagenorm_pipeline_tests.support.application import Application
from stagenorm_pipeline_tests.support.query_plans import explain, explained

# 40 plans of 500 batches over 200 funds, nearly all done; 100,000 audit rows.
_FULL = """
INSERT INTO stage_migration_plans (created_by, vocabulary_version, code_version, batch_size, scope, status, opened_at)
SELECT 'me', 'v', '1', 100, '{"all_funds": true, "targets": []}', CASE p WHEN 40 THEN 'open' ELSE 'completed' END, now()
FROM generate_series(1, 40) p;
INSERT INTO stage_migration_plan_targets (plan_id, target_no, schema_name, table_name, column_name, key_column)
SELECT p, 1, 'public', 'deals', 'stage', 'id' FROM generate_series(1, 40) p;
INSERT INTO stage_migration_baseline (plan_id, target_no, fund_id, kind, rows_counted)
SELECT p, 1, f::text, 'null', 1 FROM generate_series(1, 40) p, generate_series(1, 500) f;
INSERT INTO stage_migration_batches (plan_id, batch_number, schema_name, table_name, column_name, fund_id, range_start,
    range_end, rows_planned, status)
SELECT p, b, 'public', 'deals', 'stage', mod(b, 200)::text, '1', '5', 5,
    CASE p WHEN 40 THEN 'pending' ELSE 'completed' END
FROM generate_series(1, 40) p, generate_series(1, 500) b;
INSERT INTO stage_migration_receipts (plan_id, batch_id, attempt, action, schema_name, table_name, column_name,
    rows_planned, rows_updated, rows_skipped, rows_failed, log_sha256)
SELECT p, b, 1, 'normalize', 'public', 'deals', 'stage', 5, 0, 5, 0, sha256('')
FROM generate_series(1, 39) p, generate_series(1, 500) b;
INSERT INTO stage_migration_quarantine (plan_id, batch_id, schema_name, table_name, column_name, row_id, stage_before,
    stage_after, error_message, resolved_at, resolution)
SELECT 1, b, 'public', 'deals', 'stage', r::text, 'Seed', 'seed', 'no', CASE WHEN b > 50 THEN now() END,
    CASE WHEN b > 50 THEN 'updated' END
FROM generate_series(1, 2000) b, generate_series(1, 10) r;
INSERT INTO stage_normalization_log (schema_name, table_name, column_name, row_id, stage_before, stage_after, action,
    run_at, plan_id, batch_id)
SELECT 'public', 'deals', 'stage', b || '-' || r, 'Seed', 'seed', 'normalize',
    timestamptz '2025-10-30' + b * interval '1 min', 1 + b / 500, b
FROM generate_series(1, 20000) b, generate_series(1, 5) r;
INSERT INTO stage_migration_receipts (plan_id, batch_id, attempt, action, schema_name, table_name, column_name, fund_id,
    rows_planned, rows_updated, rows_skipped, rows_failed, first_log_id, last_log_id, log_sha256)
SELECT 1 + b / 500, b, 1, 'normalize', 'public', 'deals', 'stage', mod(b, 200)::text, 5, 5, 0, 0, b * 5 - 4, b * 5,
    sha256('')
FROM generate_series(1, 20000) b;
VACUUM ANALYZE;
"""
_SCOPE = {"all_funds": True, "fund_id": None, "targets": ["public.deals.stage"], "shown": 50}
_TARGET = {"schema_name": "public", "table_name": "deals", "column_name": "stage"}

WRONG_STATUS = sql.SQL(statement("verify/wrong_status"))

# Index -> the queries that want it. Those of primary keys and constraints are wanted by what they forbid.
WANTED: dict[str, list[tuple[str, dict[str, Any]]]] = {
    "stage_migration_baseline_plan": [(statement("verify/baseline"), {"plans": [3], **_SCOPE, **_TARGET})],
    "stage_migration_batches_number": [
        (statement("verify/batches", wrong_status=WRONG_STATUS), {"plans": [3], **_SCOPE}),
    ],
    "stage_migration_quarantine_open": [
        (statement("verify/open_batches", wrong_status=WRONG_STATUS), {"plans": [1], **_SCOPE}),
        ("SELECT 1 FROM stage_migration_quarantine WHERE batch_id = 7 AND resolved_at IS NULL", {}),
    ],
    "stage_normalization_log_run_at": [
        ("SELECT * FROM stage_normalization_log WHERE run_at > '2025-11-12'", {}),
    ],
    "stage_normalization_log_batch": [
        (statement("apply/release_quarantine"), {"batch_id": 7, "refused": [1]}),
        ("SELECT * FROM stage_normalization_log WHERE plan_id = 3 AND batch_id = 1007", {}),
    ],
    # As sql/receipts/plan_digest.sql asks.
    "stage_migration_receipts_plan": [("SELECT * FROM stage_migration_receipts WHERE plan_id = 3", {})],
}
_INDEXES = """
SELECT c.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
WHERE c.relnamespace = 'public'::regnamespace AND c.relname LIKE 'stage%'
  AND NOT EXISTS (SELECT 1 FROM pg_constraint k WHERE k.conindid = i.indexrelid)
"""


@pytest.fixture
def full(application: Application) -> Application:
    for part in _FULL.split(";\n"):
        application.sql(part)
    return application


def test_each_index_is_used_by_its_queries(full: Application) -> None:
    assert set(full.column(_INDEXES)) == {*WANTED, "stage_migration_batches_waiting"}
    left = []
    with full.database.transaction() as connection:
        for index, queries in WANTED.items():
            for query, values in queries:
                taken = {node["Index Name"] for node in explain(connection, query, values) if "Index Name" in node}
                if index not in taken:
                    left.append((index, query.strip(), taken))
    assert left == []


@pytest.mark.parametrize("fund_id", ["7", None])
def test_first_waiting_batch_of_a_fund_is_found_by_index(full: Application, fund_id: str | None) -> None:
    with explained(full, containing="ORDER BY b.plan_id, b.batch_number") as plans:
        assert full.apply(scope=FundScope.one(fund_id), should_stop=lambda: True).batches == 0
    (scan,) = [node for node in plans[0] if node.get("Index Name") == "stage_migration_batches_waiting"]
    assert "fund_id" in scan["Index Cond"]


@pytest.mark.parametrize(
    ("table", "condition"),
    [
        ("stage_migration_plan_spellings", "plan_id = 7"),
        ("stage_migration_batch_members", "batch_id = 7"),
        ("stage_migration_spellings", "spelling_sha256 = '\\x00'"),
    ],
)
def test_look_up_by_a_constraint_uses_its_index(application: Application, table: str, condition: str) -> None:
    with application.database.transaction() as connection:
        connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
        plan = explain(connection, f"SELECT * FROM {table} WHERE {condition}", {})
    assert any("Index Name" in node for node in plan)


def test_receipts_look_up_their_entries_by_id(full: Application) -> None:
    values = {**_SCOPE, "since": 0, "legacy": 0}
    with full.database.transaction() as connection:
        nodes = explain(connection, compare_receipts_statement(), values)
    on_log = [node for node in nodes if node.get("Relation Name") == "stage_normalization_log"]
    indexes = {node["Index Name"] for node in nodes if "normalization_log" in node.get("Index Name", "")}
    # The block ranges of a log that several sessions wrote name nearly all batches: each receipt would read all of it.
    assert indexes == {"stage_normalization_log_pkey"}
    assert "Seq Scan" not in {node["Node Type"] for node in on_log}
    # Sorts one receipt's entries at a time.
    assert {node["Node Type"] for node in nodes}.isdisjoint({"Hash Join", "Merge Join"})
