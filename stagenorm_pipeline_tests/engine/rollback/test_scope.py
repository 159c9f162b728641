"""What a rollback is about: conditions that make no sense are refused by name, times are read as people type them."""

import re
from datetime import UTC, datetime, timedelta, timezone

import pytest

from stagenorm_pipeline.config.configuration import TargetSetting
from stagenorm_pipeline.engine.rollback.rollback import RollbackRequest, preview_rollback, record_rollback
from stagenorm_pipeline.engine.rollback.scope import parse_since
from stagenorm_pipeline.engine.targets.funds import FundScope
from stagenorm_pipeline.errors import ConfigurationError, PlanError, StagenormError, TargetError
from stagenorm_pipeline_tests.support.application import COMPANIES, DEALS, Application

_MIDNIGHT = datetime(2025, 10, 30, tzinfo=UTC)
_ONLY_DEALS = (TargetSetting(table=DEALS),)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("2025-10-30 00:00:00+00", _MIDNIGHT),
        ("2025-10-30 00:00:00+00:00", _MIDNIGHT),
        ("2025-10-30T00:00:00Z", _MIDNIGHT),
        ("2025-10-30 00:00:00 UTC", _MIDNIGHT),
        ("2025-10-30 00:00 gmt", _MIDNIGHT),
        (" 2025-10-30T00:00+0000 ", _MIDNIGHT),
        ("2025-10-30 00:00:00 +00", _MIDNIGHT),
        ("2025-10-30 02:00:00+02", _MIDNIGHT),
        ("2025-10-29 19:00:00.000 -05:00", _MIDNIGHT),
        ("2025-10-30 00:00:00.123456+00", _MIDNIGHT + timedelta(microseconds=123_456)),
        ("2025-10-30 05:45+0545", datetime(2025, 10, 30, 5, 45, tzinfo=timezone(timedelta(hours=5, minutes=45)))),
    ],
)
def test_times_are_read_as_people_and_psql_write_them(text: str, meant: datetime) -> None:
    assert parse_since(text) == meant


@pytest.mark.parametrize("text", ["2025-10-30 00:00:00", "2025-10-30", "2025-10-30T14:00"])
def test_time_without_a_zone_is_refused_with_advice(text: str) -> None:
    with pytest.raises(ConfigurationError, match="has no time zone") as raised:
        parse_since(text)
    suggested = re.findall("'(.*?)'", str(raised.value.remedy))
    assert [parse_since(time).utcoffset() for time in suggested] == [timedelta(0), timedelta(hours=2)]


@pytest.mark.parametrize("text", ["", "yesterday", "30.10.2025 00:00+00", "2025-13-01T00:00Z", "2025-10-30 00:00 CET"])
def test_invalid_time_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError, match="not a valid time"):
        parse_since(text)


def test_rollback_without_a_condition_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="needs a condition"):
        RollbackRequest()
    with pytest.raises(ConfigurationError, match="no time zone"):
        RollbackRequest(since=datetime(2025, 10, 30))
    with pytest.raises(ConfigurationError, match="batch size of 0"):
        RollbackRequest(plan_id=1, batch_size=0)


def test_impossible_conditions_are_refused(application: Application) -> None:
    application.add(COMPANIES, [(1, "Seed"), (2, "Seed")])
    application.run(scope=FundScope.one("1"))
    application.run(scope=FundScope.one("2"))
    undone = record_rollback(application.database, RollbackRequest(plan_id=2), created_by="operator")
    application.apply(plan_id=undone)
    draft = application.plan(as_draft=True).plan_id
    now: datetime = application.value("SELECT now()")

    def error_of(request: RollbackRequest) -> str:
        with pytest.raises(StagenormError) as raised:
            preview_rollback(application.database, request)
        assert raised.value.remedy
        return f"{type(raised.value).__name__}: {raised.value.message}"

    assert error_of(RollbackRequest(plan_id=7)) == "PlanError: There is no plan 7."
    assert error_of(RollbackRequest(batch_id=7)) == "PlanError: There is no batch 7, or it was deleted."
    assert error_of(RollbackRequest(plan_id=undone)) == "PlanError: Plan 3 is itself a rollback."
    assert error_of(RollbackRequest(plan_id=draft)) == "PlanError: Plan 4 is a draft: it has changed nothing."
    assert "Batch 1 belongs to plan 1, not to plan 2" in error_of(RollbackRequest(plan_id=2, batch_id=1))
    assert "Batch 1 is about fund-1, not about fund-2" in error_of(
        RollbackRequest(plan_id=None, batch_id=1, scope=FundScope.one("2"))
    )
    assert "Plan 1 is about fund-1, not about no-fund" in error_of(
        RollbackRequest(plan_id=1, scope=FundScope.one(None))
    )
    assert "not about the tables asked for" in error_of(RollbackRequest(batch_id=1, targets=_ONLY_DEALS))
    assert "is in the future" in error_of(RollbackRequest(since=now + timedelta(hours=1)))


def test_plan_of_other_tables_is_refused(application: Application) -> None:
    application.add(COMPANIES, [(1, "Seed")])
    application.add(DEALS, [(1, "Seed")])
    application.run(targets=(TargetSetting(table=COMPANIES),))
    application.run(targets=application.request().targets)
    with pytest.raises(ConfigurationError, match=r"about public\.portfoliocompanies\.stage, not about"):
        preview_rollback(application.database, RollbackRequest(plan_id=1, targets=_ONLY_DEALS))
    preview = preview_rollback(application.database, RollbackRequest(plan_id=2, targets=_ONLY_DEALS))
    assert preview.restorable == 1
    assert preview.left_out == ("public.portfoliocompanies.stage",)


def test_table_with_a_new_primary_key_is_refused(application: Application) -> None:
    application.add(COMPANIES, [(1, "Seed"), (1, "Series A")])
    plan = application.run()
    application.sql("ALTER TABLE portfoliocompanies ADD number int; UPDATE portfoliocompanies SET number = 3 - id")
    application.sql("ALTER TABLE portfoliocompanies DROP CONSTRAINT portfoliocompanies_pkey, ADD PRIMARY KEY (number)")
    with pytest.raises(TargetError, match="by their key 'id'; its primary key is 'number' now"):
        record_rollback(application.database, RollbackRequest(plan_id=plan.plan_id), created_by="operator")


def test_missing_plan_records_nothing(application: Application) -> None:
    with pytest.raises(PlanError):
        record_rollback(application.database, RollbackRequest(plan_id=7), created_by="operator")
    assert application.value("SELECT count(*) FROM stage_migration_plans") == 0
