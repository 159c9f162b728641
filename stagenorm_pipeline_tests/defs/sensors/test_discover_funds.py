"""The sensor `discover_funds`."""

import dagster as dg

from stagenorm_pipeline_tests.support.application import COMPANIES, DEALS, Application
from stagenorm_pipeline_tests.support.dagster_internals import SensorExecutionData
from stagenorm_pipeline_tests.support.dagster_project import DagsterProject


def _added(tick: SensorExecutionData) -> list[str]:
    (request,) = tick.dynamic_partitions_requests or []
    assert isinstance(request, dg.AddDynamicPartitionsRequest)
    assert request.partitions_def_name == "stagenorm_funds"
    return list(request.partition_keys)


def test_sensor_adds_new_funds_and_launches_no_run(project: DagsterProject, application: Application) -> None:
    application.add(COMPANIES, [(10, "Seed"), (2, "seed")])
    application.add(DEALS, [(10, None), (None, None)])

    tick = project.sensor("discover_funds")

    assert _added(tick) == ["fund-2", "fund-10", "no-fund"]
    assert not tick.run_requests


def test_sensor_skips_known_funds_and_keeps_deleted_ones(project: DagsterProject, application: Application) -> None:
    application.add(COMPANIES, [(1, "Seed")])
    project.instance.add_dynamic_partitions("stagenorm_funds", ["fund-1", "fund-99"])

    tick = project.sensor("discover_funds")

    assert not tick.dynamic_partitions_requests
    assert "No new fund" in (tick.skip_message or "")
    assert project.funds == ["fund-1", "fund-99"]


def test_table_without_fund_column_gets_no_fund_partition(project: DagsterProject, application: Application) -> None:
    application.sql("ALTER TABLE portfoliocompanies DROP COLUMN fund_id")
    application.sql("INSERT INTO portfoliocompanies (stage) VALUES ('Seed'), ('Seed')")

    assert _added(project.sensor("discover_funds")) == ["no-fund"]
