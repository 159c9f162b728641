"""The SQL that the runbook prints for people with psql runs as it stands, and says what the runbook promises."""

import pytest

from stagenorm_pipeline.engine.targets.funds import FundScope
from stagenorm_pipeline_tests.support.application import COMPANIES, DEALS, Application

MONITORING = [
    "SELECT * FROM stage_migration_progress;",
    "SELECT * FROM stage_migration_progress_by_fund;",
    "SELECT * FROM stage_migration_failures;",
    """SELECT batch_id, fund_id, rows_updated, rows_skipped, rows_failed, duration_ms
       FROM stage_migration_batches
       WHERE status = 'completed'
       ORDER BY completed_at DESC
       LIMIT 10;""",
    "SELECT estimated_minutes_remaining, completion_percent, pending_batches FROM stage_migration_progress;",
    """SELECT table_name, row_id, stage_before, stage_after, run_at
       FROM stage_normalization_log
       WHERE run_at > '2025-10-30 00:00:00+00'  -- Adjust timestamp
       ORDER BY run_at DESC;""",
    """SELECT DISTINCT stage, COUNT(*)
       FROM portfoliocompanies
       GROUP BY stage
       ORDER BY stage;""",
    """SELECT DISTINCT stage
       FROM portfoliocompanies
       WHERE LOWER(stage) NOT IN ('pre-seed', 'seed', 'series-a', 'series-b', 'series-c', 'series-c+');""",
]

RESTORE_COMPANIES = """
UPDATE portfoliocompanies p
SET stage = l.stage_before
FROM stage_normalization_log l
WHERE l.table_name = 'portfoliocompanies'
  AND l.row_id = p.id::text
  AND l.run_at > '2025-10-30 00:00:00+00';  -- Adjust timestamp
"""
RESTORE_DEALS = """
UPDATE deal_opportunities d
SET stage = l.stage_before
FROM stage_normalization_log l
WHERE l.table_name = 'deal_opportunities'
  AND l.row_id = d.id::text
  AND l.run_at > '2025-10-30 00:00:00+00';  -- Adjust timestamp
"""
CLEAR_FAILED_AND_PENDING = """
DELETE FROM stage_migration_batches
WHERE status IN ('failed', 'pending')
  AND created_at > '2025-10-30 00:00:00+00';  -- Adjust timestamp
"""


@pytest.mark.parametrize("query", MONITORING)
def test_monitoring_queries_run_at_any_time(application: Application, query: str) -> None:
    application.sql(query)
    application.add(COMPANIES, [(1, "Seed"), (2, "Series A"), (None, "growth")])
    plan = application.plan()
    application.sql(query)
    application.apply(plan_id=plan.plan_id)
    application.sql(query)


def test_last_completed_batches_are_listed_with_counts(application: Application) -> None:
    application.add(COMPANIES, [(1, "Seed"), (1, "Series A"), (2, "Seed")])
    application.run()
    rows = application.sql(MONITORING[3])
    assert sorted(row[1:5] for row in rows) == [("1", 2, 0, 0), ("2", 1, 0, 0)]


def test_runbook_rollback_statements_restore_every_spelling(application: Application) -> None:
    companies = application.add(COMPANIES, [(1, "Seed"), (2, " Series A"), (2, "seed"), (3, "growth")])
    deals = application.add(DEALS, [(1, "SERIES_B"), (None, "Series C+"), (None, None)])
    before = application.stages(COMPANIES), application.stages(DEALS)
    application.run()
    assert application.stages(COMPANIES)[companies[0]] == "seed"
    assert application.stages(DEALS)[deals[0]] == "series-b"
    application.sql(RESTORE_COMPANIES)
    application.sql(RESTORE_DEALS)
    assert (application.stages(COMPANIES), application.stages(DEALS)) == before


def test_new_plan_works_after_runbook_clears_tracking(application: Application) -> None:
    application.add(COMPANIES, [(1, "Seed"), (2, "Series A")])
    application.plan()
    application.apply(scope=FundScope.one("1"))
    application.sql(CLEAR_FAILED_AND_PENDING)
    application.run()
    assert list(application.stages(COMPANIES).values()) == ["seed", "series-a"]
    assert application.sql("SELECT stage_before, stage_after FROM stage_normalization_log ORDER BY id") == [
        ("Seed", "seed"),
        ("Series A", "series-a"),
    ]
    assert application.verify().verdict == "passed"
