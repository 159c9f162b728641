"""The sensor that keeps the partitions in step with the database."""

import dagster as dg
from dagster._core.definitions.sensor_definition import SensorExecutionData

from stagenorm_pipeline_tests.support.application import COMPANIES, DEALS, Application
from stagenorm_pipeline_tests.support.dagster_project import Face


def _added(tick: SensorExecutionData) -> list[str]:
    (request,) = tick.dynamic_partitions_requests or []
    assert isinstance(request, dg.AddDynamicPartitionsRequest)
    assert request.partitions_def_name == "funds"
    return list(request.partition_keys)


def test_new_funds_are_added_and_nothing_is_launched(face: Face, application: Application) -> None:
    application.add(COMPANIES, [(10, "Seed"), (2, "seed")])
    application.add(DEALS, [(10, None), (None, None)])

    tick = face.sensor("discover_funds")

    assert _added(tick) == ["fund-2", "fund-10", "no-fund"]
    assert not tick.run_requests


def test_known_funds_are_passed_over_and_gone_ones_are_kept(face: Face, application: Application) -> None:
    application.add(COMPANIES, [(1, "Seed")])
    face.instance.add_dynamic_partitions("funds", ["fund-1", "fund-99"])

    tick = face.sensor("discover_funds")

    assert not tick.dynamic_partitions_requests
    assert "No new fund" in (tick.skip_message or "")
    assert face.funds == ["fund-1", "fund-99"]


def test_a_table_without_a_fund_column_has_the_key_for_rows_without_a_fund(
    face: Face, application: Application
) -> None:
    application.sql("ALTER TABLE portfoliocompanies DROP COLUMN fund_id")
    application.sql("INSERT INTO portfoliocompanies (stage) VALUES ('Seed'), ('Seed')")

    assert _added(face.sensor("discover_funds")) == ["no-fund"]
