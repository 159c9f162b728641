"""The sensor `spelling_drift`."""

from typing import Any

import dagster as dg
import pytest

from stagenorm_pipeline.defs.sensors import spelling_drift as drift_sensor
from stagenorm_pipeline_tests.support.application import COMPANIES, Application
from stagenorm_pipeline_tests.support.dagster_internals import SensorExecutionData
from stagenorm_pipeline_tests.support.dagster_project import DagsterProject, checked


def _tick(project: DagsterProject, cursor: str | None = None) -> SensorExecutionData:
    return project.sensor("spelling_drift", cursor=cursor)


def _reason(tick: SensorExecutionData) -> str:
    assert not tick.run_requests
    return tick.skip_message or ""


def _verify(application: Application, *, all_funds: bool = True) -> None:
    """Record a verification. The sensor reads nothing else of it."""
    application.sql(
        "INSERT INTO stage_verifications (created_by, scope, strict, verdict, checks_passed, checks_failed, "
        "checks_warned, report_sha256) "
        "VALUES ('me', jsonb_build_object('all_funds', %s::bool), false, 'passed', 7, 0, 0, '')",
        all_funds,
    )


def _wait_for_counters(application: Application, rows: int) -> None:
    """Wait until PostgreSQL's counters show all inserted rows."""
    application.flush_counters()
    counted = "SELECT pg_stat_get_tuples_inserted('portfoliocompanies'::regclass)"
    while application.value(counted) < rows:
        application.sql("SELECT pg_sleep(0.01), pg_stat_clear_snapshot()")


@pytest.fixture
def verified(project: DagsterProject, application: Application) -> DagsterProject:
    """An applied and verified migration."""
    application.add(COMPANIES, [(1, "Seed"), (2, "Series A")])
    application.run()
    _verify(application)
    _wait_for_counters(application, 2)
    return project


def test_new_known_spelling_is_planned_as_draft(verified: DagsterProject, application: Application) -> None:
    application.add(COMPANIES, [(3, "SEED")])
    before = application.stages(COMPANIES)

    (request,) = _tick(verified).run_requests or []
    verified.plan(**request.run_config["ops"]["stagenorm__batch_plan"]["config"])

    assert application.sql("SELECT status, rows_to_change FROM stage_migration_plans WHERE plan_id = 2") == [
        ("draft", 1)
    ]
    assert application.stages(COMPANIES) == before
    assert "Plan 2 is a draft" in _reason(_tick(verified))


def _drift(tick: SensorExecutionData) -> dg.AssetCheckEvaluation:
    (evaluation,) = tick.asset_events
    assert isinstance(evaluation, dg.AssetCheckEvaluation)
    return evaluation


def test_new_unknown_spelling_fails_check_and_old_one_does_not(
    project: DagsterProject, application: Application
) -> None:
    application.add(COMPANIES, [(1, "Seed"), (2, "old | unknown")])
    application.run()
    _verify(application)
    application.add(COMPANIES, [(1, "old | unknown"), (2, "new | <b>unknown"), (3, "new | <b>unknown")])

    tick = _tick(project)

    assert "Every known spelling is canonical" in _reason(tick)
    evaluation = _drift(tick)
    assert (evaluation.passed, evaluation.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert evaluation.description == "Since the last verification: 1 new unknown spelling in 2 rows."
    examples = str(evaluation.metadata["examples"].value)
    assert '| `"new \\x7c <b>unknown"` | unknown | 2 |' in examples
    assert "old" not in examples
    # The asset counts the same, with its own scan.
    inventory = checked(project.plan(draft=True))["no_drift"]
    assert (inventory.passed, inventory.description) == (False, evaluation.description)
    assert inventory.metadata["examples"] == evaluation.metadata["examples"]


def test_draft_stops_the_request_but_not_the_check(verified: DagsterProject, application: Application) -> None:
    application.add(COMPANIES, [(3, "SEED")])
    application.plan(as_draft=True)

    tick = _tick(verified)

    assert "Plan 2 is a draft" in _reason(tick)
    assert _drift(tick).description == "Since the last verification: 1 known spelling in 1 row."


def test_check_passes_before_first_verification(project: DagsterProject, application: Application) -> None:
    application.add(COMPANIES, [(1, "Seed"), (1, "what?")])

    assert checked(project.plan())["no_drift"].passed


def test_canonical_tables_request_no_run(verified: DagsterProject) -> None:
    assert "canonical" in _reason(_tick(verified))


def test_unwritten_tables_are_not_read(verified: DagsterProject, monkeypatch: pytest.MonkeyPatch) -> None:
    first = _tick(verified)

    def read(*_: Any) -> None:
        pytest.fail("the tables were read")

    monkeypatch.setattr(drift_sensor, "read_drift", read)

    assert "Nothing was written" in _reason(_tick(verified, first.cursor))


def test_tables_are_read_after_a_write(verified: DagsterProject, application: Application) -> None:
    first = _tick(verified)
    application.add(COMPANIES, [(3, "SEED")])
    _wait_for_counters(application, 3)

    assert _tick(verified, first.cursor).run_requests


def test_tables_are_read_each_time_without_counters(verified: DagsterProject, application: Application) -> None:
    application.sql(
        "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET track_counts = off', current_database()); END $$"
    )
    first = _tick(verified)
    application.add(COMPANIES, [(3, "SEED")])

    assert _tick(verified, first.cursor).run_requests


def test_new_decision_is_drift_without_any_write(verified: DagsterProject, application: Application) -> None:
    application.add(COMPANIES, [(3, "growth")])
    _wait_for_counters(application, 3)
    first = _tick(verified)
    assert not first.run_requests
    with open("stage_decisions.yaml", "w") as file:  # noqa: PTH123
        file.write('- spelling: "growth"\n  stage: series-c+\n')

    assert _tick(verified, first.cursor).run_requests


def test_same_spellings_request_one_run_per_verification(verified: DagsterProject, application: Application) -> None:
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


def test_no_drift_before_first_verification(project: DagsterProject, application: Application) -> None:
    application.add(COMPANIES, [(1, "Seed")])

    assert "No verification" in _reason(_tick(project))


def test_partial_verification_does_not_start_drift_detection(project: DagsterProject, application: Application) -> None:
    _verify(application, all_funds=False)

    assert "No verification" in _reason(_tick(project))


def test_rows_of_open_plan_are_no_drift(verified: DagsterProject, application: Application) -> None:
    application.add(COMPANIES, [(3, "SEED")])
    application.plan()

    assert "Plan 2 has pending or failed batches" in _reason(_tick(verified))
