"""What limits a run: the canary, the budget, funds that it leaves out."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest

from stagenorm_pipeline.config.configuration import Configuration, load_configuration
from stagenorm_pipeline.config.limits import Limits, parse_until
from stagenorm_pipeline.engine.apply.events import CanaryPassed, CanaryStarted, Event
from stagenorm_pipeline.engine.apply.run_limits import Budget, BudgetEnd, next_time
from stagenorm_pipeline.engine.plan.batch_types import PlanKind
from stagenorm_pipeline.errors import ConfigurationError
from stagenorm_pipeline.service import applying, rolling_back
from stagenorm_pipeline.service.applying import AppliedBatches, ApplyOutcome, Pace
from stagenorm_pipeline.service.canary import CanaryFailedError
from stagenorm_pipeline.service.context import ServiceContext, open_context
from stagenorm_pipeline.service.rolling_back import RollbackConditions
from stagenorm_pipeline.service.selecting import Selection, select
from stagenorm_pipeline_tests.support.application import COMPANIES, DEALS, Application

# 3 funds with 20 rows and one with 5, in batches of 10: the first batches of each fund have 35 rows.
_FUNDS = [1] * 20 + [2] * 20 + [3] * 20 + [None] * 5


@contextmanager
def service(application: Application, configuration: Configuration | None = None) -> Iterator[ServiceContext]:
    context = open_context(
        interface="test", database_url=application.url, configuration=configuration or Configuration()
    )
    try:
        yield context
    finally:
        context.close()


@pytest.fixture
def planned(application: Application) -> Application:
    application.add(COMPANIES, [(fund, "Seed") for fund in _FUNDS])
    application.plan(batch_size=10)
    return application


def run(application: Application, *, pace: Pace | None = None, **asked: Any) -> tuple[AppliedBatches, list[Event]]:
    events: list[Event] = []
    with service(application) as context:
        limits = Limits(**asked)
        applied = applying.apply(context, pace=pace or Pace(sleep_ms=0), limits=limits, watch=events.append)
    return applied, events


def changed(application: Application) -> dict[int | None, int]:
    return dict(application.sql("SELECT fund_id, count(*) FROM portfoliocompanies WHERE stage = 'seed' GROUP BY 1"))


@pytest.mark.parametrize("pace", [Pace(sleep_ms=0), Pace(sleep_ms=0, is_auto=True, parallel=2)])
def test_canary_that_passes_is_followed_by_the_rest_of_the_unchanged_plan(planned: Application, pace: Pace) -> None:
    batches = planned.sql("SELECT batch_id, rows_planned FROM stage_migration_batches ORDER BY 1")
    applied, events = run(planned, canary_rows=30, pace=pace)
    (started,) = [event for event in events if isinstance(event, CanaryStarted)]
    assert (started.batches, started.rows, started.funds) == (4, 35, 4)
    assert [event for event in events if isinstance(event, CanaryPassed)]
    assert (applied.outcome, applied.result.batches) == (ApplyOutcome.COMPLETED, 7)
    assert applied.result.rows.rows_updated == len(_FUNDS)
    assert planned.sql("SELECT batch_id, rows_planned FROM stage_migration_batches ORDER BY 1") == batches


def test_canary_has_a_batch_of_every_table(application: Application) -> None:
    application.add(COMPANIES, [(1, "Seed")] * 10)
    application.add(DEALS, [(fund, "Seed") for fund in range(1, 6)])
    application.plan(batch_size=10)
    _, events = run(application, canary_rows=2)
    (started,) = [event for event in events if isinstance(event, CanaryStarted)]
    assert (started.batches, started.rows) == (2, 11)


_PLANTED = {
    "refuses rows of fund 2": (
        "BEFORE UPDATE ON portfoliocompanies",
        "IF NEW.fund_id = 2 THEN RAISE 'no'; END IF; RETURN NEW",
        "failed rule 1 (10 rows refused by the database, 1 batch not completed).",
    ),
    "sets a row back after the batch's own checks": (
        "AFTER INSERT ON stage_migration_receipts",
        "UPDATE portfoliocompanies SET stage = 'Seed' WHERE id = 1; RETURN NEW",
        "failed rule 2 (1 changed row not canonical) and rule 5 (1 changed row not as the audit log says).",
    ),
    "deletes a changed row": (
        "AFTER INSERT ON stage_migration_receipts",
        "DELETE FROM portfoliocompanies WHERE id = 1; RETURN NEW",
        "rule 4 (1 changed row gone)",
    ),
    "writes to the audit log": (
        "AFTER INSERT ON stage_migration_receipts",
        "DELETE FROM stage_normalization_log WHERE row_id = '1'; RETURN NEW",
        "rule 5 (1 batch with other counts than the audit log",
    ),
}


@pytest.mark.parametrize("planted", _PLANTED.values(), ids=_PLANTED)
def test_canary_stops_by_itself_because_of_a_planted_trigger(
    planned: Application, planted: tuple[str, str, str]
) -> None:
    when, body, problem = planted
    planned.sql(f"CREATE FUNCTION planted() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body}; END $$")
    planned.sql(f"CREATE TRIGGER planted {when} FOR EACH ROW EXECUTE FUNCTION planted()")

    with pytest.raises(CanaryFailedError) as raised:
        run(planned, canary_rows=30)

    assert problem in raised.value.message
    assert "Its 4 batches of 4 funds are applied, and nothing else." in raised.value.message
    assert planned.value("SELECT count(*) FROM stage_migration_batches WHERE status = 'pending'") == 3


def test_remedy_of_a_failed_canary_undoes_the_canary_and_nothing_before(planned: Application) -> None:
    run(planned, max_rows=10)
    planned.sql("ALTER TABLE portfoliocompanies ADD CHECK (fund_id <> 3 OR stage = 'Seed') NOT VALID")
    with pytest.raises(CanaryFailedError) as raised:
        run(planned, canary_rows=30)
    command = (raised.value.remedy or "").partition("stagenorm rollback ")[2]
    since = command.split("'")[1]
    with service(planned) as context:
        selection = Selection(targets=context.targets())
        conditions = RollbackConditions(plan_id=1, since=datetime.fromisoformat(since))
        request = rolling_back.rollback_request(selection=selection, conditions=conditions)
        rolling_back.roll_back(context, request=request)
    assert changed(planned) == {1: 10}


def test_max_rows_stops_after_whole_batches_and_resume_continues(planned: Application) -> None:
    applied, _ = run(planned, max_rows=15)
    assert (applied.outcome, applied.result.ok) == (ApplyOutcome.BUDGET, True)
    assert (applied.result.budget_end, applied.result.rows.rows_updated) == (BudgetEnd.ROWS, 20)
    applied, _ = run(planned, max_rows=40, pace=Pace(sleep_ms=0, is_auto=True, parallel=2))
    assert applied.result.rows.rows_updated == 40
    applied, _ = run(planned, max_rows=40)
    assert (applied.outcome, applied.result.rows.rows_updated) == (ApplyOutcome.COMPLETED, 5)


def test_until_is_the_next_time_of_the_clock_and_ends_a_run() -> None:
    now = datetime(2026, 11, 27, 2, 30, tzinfo=UTC)
    assert next_time(parse_until("05:00"), now) == datetime(2026, 11, 27, 5, tzinfo=UTC)
    assert next_time(time(2, 30), now) == now + timedelta(days=1)
    budget = Budget(ends_at=now)
    assert (budget.end(0, now - timedelta(seconds=1)), budget.end(0, now)) == (BudgetEnd.NONE, BudgetEnd.TIME)
    with pytest.raises(ConfigurationError, match="not a time of day"):
        parse_until("5 am")


def test_protected_and_excluded_funds_are_left_out_and_cannot_be_named(planned: Application, tmp_path: Path) -> None:
    planned.add(DEALS, [(3, "Seed")])
    file = tmp_path / "stagenorm.toml"
    file.write_text('[apply]\nprotected_funds = ["fund-1", "no-fund"]\n[nightly]\nuntil = "05:00"\nmax_rows = 7\n')
    configuration = load_configuration(file, {})
    assert configuration.nightly == Limits(until=time(5), max_rows=7)
    limits = Limits(exclude_funds=("2",))
    with service(planned, configuration) as context:
        refused: list[Callable[[], object]] = [
            lambda: applying.apply(context, selection=select(context, fund="fund-1")),
            lambda: applying.apply(context, limits=Limits(exclude_funds=("22",))),
        ]
        for call in refused:
            with pytest.raises(ConfigurationError):
                call()
        assert changed(planned) == {}
        assert applying.apply(context, pace=Pace(sleep_ms=0), limits=limits).outcome is ApplyOutcome.COMPLETED
        fund = select(context, fund="no-fund").scope
        assert applying.apply_fund(context, scope=fund, kind=PlanKind.NORMALIZE).result.batches == 0
    assert changed(planned) == {3: 20}
