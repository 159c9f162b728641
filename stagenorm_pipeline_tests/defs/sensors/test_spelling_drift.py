"""The sensor that looks for messy spellings after a verification."""

from typing import Any

import pytest
from dagster._core.definitions.sensor_definition import SensorExecutionData

from stagenorm_pipeline.defs.sensors import spelling_drift as drift_sensor
from stagenorm_pipeline_tests.support.application import COMPANIES, Application
from stagenorm_pipeline_tests.support.dagster_project import Face


def _tick(face: Face, cursor: str | None = None) -> SensorExecutionData:
    return face.sensor("spelling_drift", cursor=cursor)


def _reason(tick: SensorExecutionData) -> str:
    assert not tick.run_requests
    return tick.skip_message or ""


def _verify(application: Application, *, all_funds: bool = True) -> None:
    """Note a verification, which is all that the sensor knows of one."""
    application.sql(
        "INSERT INTO stage_verifications (created_by, scope, strict, verdict, checks_passed, checks_failed, "
        "checks_warned, report_sha256) "
        "VALUES ('me', jsonb_build_object('all_funds', %s::bool), false, 'passed', 7, 0, 0, '')",
        all_funds,
    )


def _counted(application: Application, rows: int) -> None:
    """Wait until PostgreSQL's counters, which lag behind, have all that was written."""
    application.sql("SELECT pg_stat_force_next_flush()")
    counted = "SELECT pg_stat_get_tuples_inserted('portfoliocompanies'::regclass)"
    while application.value(counted) < rows:
        application.sql("SELECT pg_sleep(0.01), pg_stat_clear_snapshot()")


@pytest.fixture
def verified(face: Face, application: Application) -> Face:
    """A migration that was done and verified."""
    application.add(COMPANIES, [(1, "Seed"), (2, "Series A")])
    application.run()
    _verify(application)
    _counted(application, 2)
    return face


def test_a_messy_spelling_after_a_verification_becomes_a_draft_and_no_change(
    verified: Face, application: Application
) -> None:
    application.add(COMPANIES, [(3, "SEED")])
    before = application.stages(COMPANIES)

    (request,) = _tick(verified).run_requests or []
    verified.plan(**request.run_config["ops"]["batch_plan"]["config"])

    assert application.sql("SELECT status, rows_to_change FROM stage_migration_plans WHERE plan_id = 2") == [
        ("draft", 1)
    ]
    assert application.stages(COMPANIES) == before
    assert "Plan 2 is a draft" in _reason(_tick(verified))


def test_clean_tables_ask_for_nothing(verified: Face) -> None:
    assert "canonical" in _reason(_tick(verified))


def test_unwritten_tables_are_not_read(verified: Face, monkeypatch: pytest.MonkeyPatch) -> None:
    first = _tick(verified)

    def read(*_: Any) -> None:
        pytest.fail("the tables were read")

    monkeypatch.setattr(drift_sensor, "read_drift", read)

    assert "Nothing was written" in _reason(_tick(verified, first.cursor))


def test_a_written_row_is_looked_at(verified: Face, application: Application) -> None:
    first = _tick(verified)
    application.add(COMPANIES, [(3, "SEED")])
    _counted(application, 3)

    assert _tick(verified, first.cursor).run_requests


def test_where_the_server_does_not_count_the_tables_are_read_each_time(
    verified: Face, application: Application
) -> None:
    application.sql(
        "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET track_counts = off', current_database()); END $$"
    )
    first = _tick(verified)
    application.add(COMPANIES, [(3, "SEED")])

    assert _tick(verified, first.cursor).run_requests


def test_a_spelling_that_a_person_decided_since_is_drift_without_a_written_row(
    verified: Face, application: Application
) -> None:
    application.add(COMPANIES, [(3, "growth")])
    _counted(application, 3)
    first = _tick(verified)
    assert not first.run_requests
    with open("stage_decisions.yaml", "w") as file:  # noqa: PTH123
        file.write('- spelling: "growth"\n  stage: series-c+\n')

    assert _tick(verified, first.cursor).run_requests


def test_the_same_spellings_ask_once_after_each_verification(verified: Face, application: Application) -> None:
    application.add(COMPANIES, [(3, "SEED")])
    (first,) = _tick(verified).run_requests or []
    application.add(COMPANIES, [(4, "SEED")])
    (again,) = _tick(verified).run_requests or []
    application.add(COMPANIES, [(4, "SEED A"), (4, "Series B")])
    (another,) = _tick(verified).run_requests or []
    _verify(application)
    (later,) = _tick(verified).run_requests or []

    assert first.run_key == again.run_key
    assert len({first.run_key, another.run_key, later.run_key}) == 3


def test_before_the_first_verification_there_is_no_drift(face: Face, application: Application) -> None:
    application.add(COMPANIES, [(1, "Seed")])

    assert "no verification" in _reason(_tick(face))


def test_a_verification_of_one_fund_does_not_count(face: Face, application: Application) -> None:
    _verify(application, all_funds=False)

    assert "no verification" in _reason(_tick(face))


def test_what_an_open_plan_has_left_is_no_drift(verified: Face, application: Application) -> None:
    application.add(COMPANIES, [(3, "SEED")])
    application.plan()

    assert "Plan 2 has batches that wait or failed" in _reason(_tick(verified))
