"""How often a table is scanned: a constant number of times to plan, and never as a whole to apply."""

import re

import pytest

from stagenorm_pipeline.engine.rollback.rollback import RollbackRequest, preview_rollback
from stagenorm_pipeline.engine.targets.funds import FundScope
from stagenorm_pipeline_tests.support.application import COMPANIES, DEALS, Application
from stagenorm_pipeline_tests.support.query_plans import Reads, explained, reads

ROWS = 6_000


def fill(application: Application, funds: int) -> None:
    """ROWS companies over `funds` funds, half of them messy, with no index on fund_id."""
    application.sql(
        f"INSERT INTO {COMPANIES} (fund_id, stage) SELECT mod(i, {funds}), "
        f"(ARRAY['Seed', 'seed'])[1 + mod(i / {funds}, 2)] FROM generate_series(0, {ROWS - 1}) i"
    )
    application.sql(f"ANALYZE {COMPANIES}")
    assert application.column(f"SELECT indexdef FROM pg_indexes WHERE tablename = '{COMPANIES}'") == [
        f"CREATE UNIQUE INDEX {COMPANIES}_pkey ON public.{COMPANIES} USING btree (id)"
    ]


@pytest.mark.parametrize("funds", [5, 200])
def test_planning_scans_a_table_once_for_all_funds(application: Application, funds: int) -> None:
    fill(application, funds)
    before = reads(application, COMPANIES)
    plan = application.plan(batch_size=50)
    assert len(plan.funds_to_change) == funds
    assert reads(application, COMPANIES) - before == Reads(seq_scans=1, seq_rows=ROWS, index_scans=0, index_rows=0)


@pytest.mark.parametrize("funds", [5, 200])
def test_preview_scans_a_table_once(application: Application, funds: int) -> None:
    fill(application, funds)
    before = reads(application, COMPANIES)
    application.preview(batch_size=50)
    assert reads(application, COMPANIES) - before == Reads(seq_scans=1, seq_rows=ROWS, index_scans=0, index_rows=0)


def test_applying_a_fund_reads_only_its_rows(application: Application) -> None:
    fill(application, funds=200)
    application.plan(batch_size=10)
    before = reads(application, COMPANIES)
    result = application.apply(scope=FundScope.one("7"))
    assert (result.batches, result.rows.rows_updated) == (2, 15)
    assert reads(application, COMPANIES) - before == Reads(seq_scans=0, seq_rows=0, index_scans=15, index_rows=15)


def test_batch_finds_its_rows_by_primary_key(application: Application) -> None:
    fill(application, funds=5)
    application.plan(batch_size=200)
    with explained(application, containing="INSERT INTO stage_normalization_log") as plans:
        assert application.apply().batches == 15
    assert len(plans) == 15
    for plan in plans:
        scans = [node for node in plan if node.get("Relation Name") == COMPANIES and "Scan" in node["Node Type"]]
        assert [(node["Node Type"], node["Index Name"]) for node in scans] == [("Index Scan", f"{COMPANIES}_pkey")]
        assert re.fullmatch(r"\(id = m\w*\.row_key\)", scans[0]["Index Cond"])


def test_batch_updates_its_rows_in_key_order(application: Application) -> None:
    fill(application, funds=5)
    application.sql(f"UPDATE {COMPANIES} SET stage = 'Series A' WHERE stage = 'Seed' AND mod(id, 3) = 0")
    application.sql(f"ANALYZE {COMPANIES}")
    application.plan(batch_size=400)
    application.apply(scope=FundScope.one("3"))
    rows = application.column("SELECT row_id::int FROM stage_normalization_log ORDER BY id")
    assert len(rows) == 600
    assert rows == sorted(rows)


def test_search_for_unchanged_rows_reads_only_the_batch(application: Application) -> None:
    fill(application, funds=200)
    application.plan(batch_size=10)
    application.sql(f"UPDATE {COMPANIES} SET stage = 'growth' WHERE fund_id = 7 AND stage = 'Seed'")
    application.sql(f"DELETE FROM {COMPANIES} WHERE fund_id = 8 AND stage = 'Seed'")
    application.sql(f"VACUUM ANALYZE {COMPANIES}")
    before = reads(application, COMPANIES)
    assert application.apply(scope=FundScope.one("7")).rows.rows_skipped_changed == 15
    assert application.apply(scope=FundScope.one("8")).rows.rows_skipped_deleted == 15
    after = reads(application, COMPANIES) - before
    assert (after.seq_scans, after.index_scans) == (0, 60)


def test_rollback_plan_fits_the_number_of_rows(application: Application, monkeypatch: pytest.MonkeyPatch) -> None:
    """Undoing many rows runs no loop over them; undoing few does not read the table."""
    fill(application, 20)
    # As right after a large run: nobody has counted the log yet, and the planner takes it for nearly empty.
    application.sql("ALTER TABLE stage_normalization_log SET (autovacuum_enabled = off)")
    application.run(batch_size=50)
    assert application.value("SELECT reltuples FROM pg_class WHERE relname = 'stage_normalization_log'") == -1
    few, many = RollbackRequest(scope=FundScope.one("3")), RollbackRequest(by_table=True)
    for request, most_looked_up, read_by in ((few, 50_000, "Index Scan"), (many, 0, "Seq Scan")):
        monkeypatch.setattr("stagenorm_pipeline.engine.rollback.rollback._LOOKED_UP", most_looked_up)
        with explained(application, "candidates AS MATERIALIZED") as plans:
            preview_rollback(application.database, request)
        companies = next(plan for plan in plans if any(node.get("Relation Name") == COMPANIES for node in plan))
        assert {node["Node Type"] for node in companies if node.get("Relation Name") == COMPANIES} == {read_by}
        assert any(node["Node Type"] == "Nested Loop" for node in companies) is (request is few)


@pytest.mark.parametrize("most_looked_up", [0, 50_000])
def test_rollback_of_rows_with_histories_reads_the_log_three_times(
    application: Application, monkeypatch: pytest.MonkeyPatch, most_looked_up: int
) -> None:
    fill(application, 20)
    application.sql("ALTER TABLE stage_normalization_log SET (autovacuum_enabled = off)")
    application.run(batch_size=50)
    application.sql(f"UPDATE {COMPANIES} SET stage = 'Series B' WHERE mod(id, 3) = 0")
    application.run(batch_size=50)
    monkeypatch.setattr("stagenorm_pipeline.engine.rollback.rollback._LOOKED_UP", most_looked_up)
    with explained(application, "candidates AS MATERIALIZED") as plans:
        preview_rollback(application.database, RollbackRequest(by_table=True))
    companies = next(plan for plan in plans if any(node.get("Relation Name") == COMPANIES for node in plan))
    log = [node["Node Type"] for node in companies if node.get("Relation Name") == "stage_normalization_log"]
    assert len(log) == 3, log
    loops = [node for node in companies if node["Node Type"] == "Nested Loop"]
    assert len(loops) == (1 if most_looked_up else 0), "only the rows of the target are looked up one by one"


def test_verify_scans_a_table_a_constant_number_of_times(application: Application) -> None:
    seen = set()
    for fund_count in (5, 200):
        ours = "stage_migration_plans, stage_normalization_log, stage_migration_receipts, stage_migration_plan_digests"
        application.sql(f"TRUNCATE {COMPANIES}, {DEALS}, {ours} CASCADE")
        fill(application, fund_count)
        application.run(batch_size=50)
        before = reads(application, COMPANIES)
        assert application.verify().verdict == "passed"
        seen.add((reads(application, COMPANIES) - before).seq_scans)
    assert len(seen) == 1
    assert seen.pop() <= 3
