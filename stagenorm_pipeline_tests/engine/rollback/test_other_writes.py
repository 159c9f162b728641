"""A rollback never goes back past another session's write, and never trusts a log that does not match its receipts."""

import secrets
from datetime import datetime
from typing import Any

import pytest
import sqlalchemy as sa

from stagenorm_pipeline.config.configuration import TargetSetting
from stagenorm_pipeline.engine.apply.runner import ApplyResult
from stagenorm_pipeline.engine.postgres.connection import Database
from stagenorm_pipeline.engine.rollback.rollback import (
    RollbackPreview,
    RollbackRequest,
    preview_rollback,
    record_rollback,
    rows_left,
)
from stagenorm_pipeline.engine.targets.funds import FundScope
from stagenorm_pipeline.errors import PlanError, RefusedError
from stagenorm_pipeline_tests.support.application import COMPANIES, DEALS, Application

_ALL = RollbackRequest(by_table=True)
# An entry about a company of fund 1, with values for (row, before, after, action, plan) to follow.
_LOG_ENTRY = """
INSERT INTO stage_normalization_log
    (schema_name, table_name, column_name, fund_id, row_id, stage_before, stage_after, action, plan_id)
SELECT 'public', 'portfoliocompanies', 'stage', '1', * FROM (VALUES
"""


def _preview(application: Application, **asked: Any) -> RollbackPreview:
    return preview_rollback(application.database, RollbackRequest(**asked))


def _roll_back(application: Application, **asked: Any) -> ApplyResult:
    plan = record_rollback(application.database, RollbackRequest(**asked), created_by="operator")
    return application.apply(plan_id=plan)


def _plan_status(application: Application, plan_id: int | None) -> str:
    status: str = application.value("SELECT status FROM stage_migration_plans WHERE plan_id = %s", plan_id)
    return status


@pytest.mark.parametrize("looked_up", [0, 50_000])
@pytest.mark.parametrize("by", ["since", "table", "fund"])
def test_rollback_over_two_runs_keeps_what_a_user_wrote_between(
    application: Application, by: str, looked_up: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stagenorm_pipeline.engine.rollback.rollback._LOOKED_UP", looked_up)
    start: datetime = application.value("SELECT clock_timestamp()")
    ids = application.add(COMPANIES, [(1, "Series A")] * 10)
    application.run()
    application.sql("UPDATE portfoliocompanies SET stage = 'Series B' WHERE id = ANY (%s)", ids[:3])
    application.run()
    scopes: dict[str, dict[str, Any]] = {
        "since": {"since": start},
        "table": {"by_table": True, "targets": (TargetSetting(table=COMPANIES),)},
        "fund": {"scope": FundScope.one("1")},
    }
    asked = scopes[by]

    preview = _preview(application, **asked)
    assert preview.counts == {"restorable": 7, "kept_other_write": 3}
    assert (preview.restorable, preview.left) == (10, 0)
    left = [(row.row_id, row.state, row.restore) for row in rows_left(application.database, RollbackRequest(**asked))]
    assert left == [(str(row), "kept_other_write", "Series B") for row in ids[:3]]

    _roll_back(application, **asked)
    assert application.stages(COMPANIES) == {row: "Series B" if row in ids[:3] else "Series A" for row in ids}
    assert _preview(application, **asked).counts == {"undone": 10}


def test_plan_before_another_write_has_nothing_to_restore(application: Application) -> None:
    (row,) = application.add(COMPANIES, [(1, "Seed")])
    first = application.run()
    application.sql("UPDATE portfoliocompanies SET stage = 'Series A'")
    second = application.run()
    assert _preview(application, plan_id=first.plan_id).counts == {"later": 1}
    _roll_back(application, plan_id=second.plan_id)
    assert _preview(application, plan_id=first.plan_id).counts == {"changed": 1}, "not undone: a user wrote over it"
    assert _preview(application, plan_id=second.plan_id).counts == {"undone": 1}
    assert application.stages(COMPANIES) == {row: "Series A"}


def test_rollback_between_two_runs_is_no_break(application: Application) -> None:
    (row,) = application.add(COMPANIES, [(1, "Seed")])
    application.run()
    _roll_back(application, by_table=True)
    application.run()
    assert _preview(application, by_table=True).counts == {"restorable": 1}
    _roll_back(application, by_table=True)
    assert application.stages(COMPANIES) == {row: "Seed"}


def test_break_before_the_scope_is_not_mentioned(application: Application) -> None:
    application.add(COMPANIES, [(1, "Seed")])
    application.run()
    application.sql("UPDATE portfoliocompanies SET stage = 'Series A'")
    between: datetime = application.value("SELECT clock_timestamp()")
    application.run()
    assert _preview(application, since=between).counts == {"restorable": 1}


def test_rollback_by_an_older_version_past_a_user_is_not_repeated(application: Application) -> None:
    (row,) = application.add(COMPANIES, [(1, "Seed")])
    application.run()
    application.sql("UPDATE portfoliocompanies SET stage = 'Series A'")
    application.run()
    # As versions before this rule restored: past what the user wrote.
    application.sql("UPDATE portfoliocompanies SET stage = 'Seed'")
    application.sql(
        f"{_LOG_ENTRY} (%s, 'series-a', 'Seed', 'rollback', 2)) AS entry",
        str(row),
    )
    application.sql(
        "UPDATE stage_migration_versions SET last_log_id = (SELECT max(id) FROM stage_normalization_log) "
        "WHERE file_name = '20261126_stage_receipts.sql'"
    )
    application.run()
    assert _preview(application, by_table=True).counts == {"kept_other_write": 1}
    _roll_back(application, by_table=True)
    assert application.stages(COMPANIES) == {row: "Series A"}


def test_write_by_another_tool_in_the_log_is_a_break(application: Application) -> None:
    (row,) = application.add(COMPANIES, [(1, "Seed")])
    application.run()
    application.sql("UPDATE portfoliocompanies SET stage = 'Series A'")
    application.sql(
        f"{_LOG_ENTRY} (%s, 'seed', 'Series A', 'force_through', NULL::bigint)) AS entry",
        str(row),
    )
    application.run()
    _roll_back(application, by_table=True)
    assert application.stages(COMPANIES) == {row: "Series A"}


def test_row_edited_after_its_rollback_is_not_called_rolled_back(application: Application) -> None:
    ids = application.add(DEALS, [(1, "Seed")] * 4)
    plan = application.run()
    _roll_back(application, plan_id=plan.plan_id)
    application.sql("UPDATE deal_opportunities SET stage = 'growth' WHERE id = %s", ids[0])
    application.sql("UPDATE deal_opportunities SET stage = NULL WHERE id = %s", ids[1])
    application.sql("DELETE FROM deal_opportunities WHERE id = %s", ids[2])
    assert _preview(application, plan_id=plan.plan_id).counts == {"changed": 1, "null": 1, "gone": 1, "undone": 1}


def test_reused_key_of_a_normalized_row_keeps_its_own_stage(application: Application) -> None:
    (row,) = application.add(COMPANIES, [(1, "Series A")])
    application.run()
    application.sql("DELETE FROM portfoliocompanies")
    application.sql("INSERT INTO portfoliocompanies (id, fund_id, stage) VALUES (%s, 1, 'SEED')", row)
    application.run()
    assert _preview(application, by_table=True).counts == {"kept_other_write": 1}
    _roll_back(application, by_table=True)
    assert application.stages(COMPANIES) == {row: "SEED"}


def test_touched_rows_are_counted_and_left_if_asked(application: Application) -> None:
    ids = application.add(COMPANIES, [(1, "Seed"), (1, "Seed"), (1, "Seed"), (2, "Seed")])
    plan = application.run()
    application.sql("DELETE FROM portfoliocompanies WHERE id = %s", ids[0])
    application.sql("INSERT INTO portfoliocompanies (id, fund_id, name, stage) VALUES (%s, 1, 'new', 'seed')", ids[0])
    application.sql("UPDATE portfoliocompanies SET name = 'renamed' WHERE id = %s", ids[1])

    preview = _preview(application, plan_id=plan.plan_id)
    assert (preview.counts, preview.touched) == ({"restorable": 4}, 2)
    assert {row.row_id for row in preview.examples if row.touched} == {str(ids[0]), str(ids[1])}
    assert _preview(application, plan_id=plan.plan_id, only_untouched=True).counts == {"restorable": 2, "touched": 2}

    _roll_back(application, plan_id=plan.plan_id, only_untouched=True)
    assert list(application.stages(COMPANIES).values()) == ["seed", "seed", "Seed", "Seed"]
    statuses = "SELECT fund_id, status FROM stage_migration_batches WHERE plan_id = %s ORDER BY fund_id"
    assert application.sql(statuses, plan.plan_id) == [("1", "completed"), ("2", "rolled_back")]
    assert _plan_status(application, plan.plan_id) == "completed", "touched rows still hold what the plan wrote"

    _roll_back(application, plan_id=plan.plan_id)
    assert set(application.stages(COMPANIES).values()) == {"Seed"}
    assert _plan_status(application, plan.plan_id) == "rolled_back"


def test_row_versions_of_ours_are_known_in_savepoints_and_after_a_freeze(application: Application) -> None:
    application.add(COMPANIES, [(1, "Seed"), (1, "Series A"), (1, "seriesb"), (1, "pre seed")])
    # One refused row: the others are written in savepoints of a narrowed batch.
    application.sql("ALTER TABLE portfoliocompanies ADD CONSTRAINT no CHECK (stage <> 'series-a') NOT VALID")
    application.run()
    assert application.value("SELECT count(*) FROM stage_migration_quarantine") == 1
    savepoints = "SELECT count(DISTINCT xmin::text) FROM stage_normalization_log"
    assert application.value(savepoints) > 1, "written in several subtransactions"
    assert _preview(application, by_table=True).touched == 0

    application.sql("VACUUM FREEZE portfoliocompanies, stage_normalization_log")
    preview = _preview(application, by_table=True)
    assert (preview.restorable, preview.touched) == (3, 0)
    application.sql("UPDATE portfoliocompanies SET name = 'renamed'")
    application.sql("VACUUM FREEZE portfoliocompanies")
    assert _preview(application, by_table=True).touched == 3


def test_role_without_row_versions_says_what_to_grant(application: Application) -> None:
    application.add(COMPANIES, [(1, "Seed")])
    application.run()
    role = f"stagenorm_test_{secrets.token_hex(6)}"
    application.sql(f"CREATE ROLE {role} LOGIN; GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA public TO {role}")
    application.sql(f"REVOKE ALL ON portfoliocompanies FROM {role}")
    application.sql(f"GRANT SELECT (id, fund_id, stage) ON portfoliocompanies TO {role}")
    database = Database.at(sa.make_url(application.url).set(drivername="postgresql+psycopg", username=role))
    request = RollbackRequest(targets=(TargetSetting(table=COMPANIES),), by_table=True, only_untouched=True)
    try:
        preview = preview_rollback(database, RollbackRequest(targets=(TargetSetting(table=COMPANIES),), by_table=True))
        assert (preview.counts, preview.touched) == ({"restorable": 1}, 0)
        assert preview.grants_wanted == (f"GRANT SELECT (xmin) ON public.portfoliocompanies TO {role};",)
        with pytest.raises(RefusedError, match="row versions"):
            preview_rollback(database, request)
        application.sql(preview.grants_wanted[0])
        assert preview_rollback(database, request).counts == {"restorable": 1}
    finally:
        database.close()
        application.sql(f"DROP OWNED BY {role}; DROP ROLE {role}")


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE stage_normalization_log SET stage_before = 'Series B' WHERE row_id = '1'",
        "UPDATE stage_normalization_log SET stage_before = trim(stage_before) WHERE row_id = '1'",
        "UPDATE stage_normalization_log SET stage_before = NULL WHERE row_id = '1'",
        "UPDATE stage_normalization_log SET stage_after = 'series-c' WHERE row_id = '1';"
        "UPDATE portfoliocompanies SET stage = 'series-c' WHERE id = 1",
        "DELETE FROM stage_normalization_log WHERE row_id = '1'",
    ],
)
@pytest.mark.parametrize("is_legacy", [False, True])
def test_rollback_refuses_a_log_that_was_altered(application: Application, damage: str, is_legacy: bool) -> None:
    application.add(COMPANIES, [(1, " Seed "), (1, "Seed"), (2, "Seed")])
    application.run()
    if is_legacy:
        application.sql("DELETE FROM stage_migration_receipts")
        application.sql(
            "UPDATE stage_migration_versions SET last_log_id = (SELECT max(id) FROM stage_normalization_log)"
        )
    application.sql(damage)
    if is_legacy and damage.startswith("DELETE"):
        assert _preview(application, by_table=True).counts == {"restorable": 2}, "no receipt tells of the lost entry"
        return
    before = application.contents()
    for call in (
        lambda: preview_rollback(application.database, _ALL),
        lambda: list(rows_left(application.database, _ALL)),
        lambda: record_rollback(application.database, _ALL, created_by="operator"),
    ):
        with pytest.raises(PlanError, match=r"does not match .*batch 1"):
            call()
    assert application.contents() == before
    assert _preview(application, scope=FundScope.one("2")).counts == {"restorable": 1}, "its entries are intact"


def test_entries_of_deleted_legacy_batches_can_be_undone(application: Application) -> None:
    application.add(COMPANIES, [(1, "Seed")])
    application.run()
    application.sql("DELETE FROM stage_migration_receipts; DELETE FROM stage_migration_plans")
    application.sql("UPDATE stage_migration_versions SET last_log_id = (SELECT max(id) FROM stage_normalization_log)")
    assert _preview(application, by_table=True).counts == {"restorable": 1}
