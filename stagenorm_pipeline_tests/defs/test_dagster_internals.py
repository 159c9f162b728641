"""What `dagster_internals` relies on in Dagster. These tests fail if an upgrade changes it."""

import inspect
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dagster as dg
import psycopg
import pytest
import sqlalchemy as sa
from dagster._grpc.server import DagsterApiServer

from stagenorm_pipeline.defs.dagster_internals import (
    create_pool,
    failing_checks,
    failing_ticks,
    is_run_of,
    lineage_tags,
    newest_events,
    newest_partition_verdicts,
    partition_range_tags,
    report_runless_events,
)
from stagenorm_pipeline_tests.support.dagster_internals import (
    CachingStaleStatusResolver,
    LoadingContextForTest,
    StaleStatus,
)
from stagenorm_pipeline_tests.support.failed_ticks import record_failed_tick

_ASSET = dg.AssetKey("a")


@contextmanager
def _instance_at(url: str, home: Path) -> Iterator[dg.DagsterInstance]:
    (home / "dagster.yaml").write_text(
        f"storage: {{postgres: {{postgres_url: 'postgresql+psycopg2://{url.partition('://')[2]}'}}}}\n"
        "telemetry: {enabled: false}\nconcurrency: {pools: {default_limit: 3}}\n"
    )
    with dg.DagsterInstance.from_config(str(home)) as opened:
        yield opened


@pytest.fixture(scope="module")
def storage_template(postgres_server_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The name of a database with Dagster's own tables: creating them takes 0.4 s of CPU, copying them 0.02."""
    name = f"stagenorm_test_{os.getpid()}_dagster"
    url = sa.make_url(postgres_server_url).set(database=name).render_as_string(hide_password=False)
    with psycopg.connect(postgres_server_url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
        with _instance_at(url, tmp_path_factory.mktemp("dagster")):
            pass
        yield name
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


@pytest.fixture
def instance(postgres_server_url: str, storage_template: str, tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    """An instance with its storage in PostgreSQL, whose batch insert differs from that of other storages."""
    name = f"{storage_template}_copy"
    url = sa.make_url(postgres_server_url).set(database=name).render_as_string(hide_password=False)
    with psycopg.connect(postgres_server_url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {storage_template}".encode())
        with _instance_at(url, tmp_path) as opened:
            yield opened
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


@contextmanager
def _inserts() -> Iterator[list[str]]:
    statements: list[str] = []

    def record(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if statement.startswith("INSERT INTO event_logs"):
            statements.append(statement)

    sa.event.listen(sa.Engine, "before_cursor_execute", record)
    yield statements
    sa.event.remove(sa.Engine, "before_cursor_execute", record)


def test_batched_events_equal_events_reported_one_by_one(instance: dg.DagsterInstance) -> None:
    metadata: dict[str, dg.MetadataValue | int] = {"rows": 3, "what next": dg.MetadataValue.md("nothing")}
    materialization = dg.AssetMaterialization(_ASSET, partition="fund-1", metadata=metadata)
    observation = dg.AssetObservation(_ASSET, partition="fund-1", metadata=metadata)

    for event in (materialization, observation):
        instance.report_runless_asset_event(event)
    report_runless_events(instance, [materialization, observation])

    for records in (instance.fetch_materializations(_ASSET, 5), instance.fetch_observations(_ASSET, 5)):
        batched, single = (record.event_log_entry for record in records.records)
        assert batched._replace(timestamp=single.timestamp) == single
    assert instance.get_materialized_partitions(_ASSET) == {"fund-1"}


def test_many_events_are_one_insert_per_type(instance: dg.DagsterInstance) -> None:
    """Pins why `report_runless_events` exists: 5,000 funds must not be 5,000 statements."""
    funds = [f"fund-{number}" for number in range(40)]
    events = [kind(_ASSET, partition=fund) for fund in funds for kind in (dg.AssetMaterialization, dg.AssetObservation)]

    with _inserts() as statements:
        report_runless_events(instance, events)

    assert len(statements) == 2
    assert instance.get_materialized_partitions(_ASSET) == set(funds)
    assert len(instance.fetch_observations(_ASSET, 100).records) == 40


def test_batched_evaluations_equal_ones_reported_singly(instance: dg.DagsterInstance) -> None:
    check = dg.AssetCheckKey(_ASSET, "clean")
    funds = [f"fund-{number}" for number in range(40)]

    def evaluations(*, passed: bool) -> list[dg.AssetCheckEvaluation]:
        return [
            dg.AssetCheckEvaluation(asset_key=_ASSET, check_name="clean", passed=passed, partition=fund)
            for fund in funds
        ]

    instance.report_runless_asset_event(dg.AssetMaterialization(_ASSET, partition="fund-0"))
    with _inserts() as statements:
        report_runless_events(instance, evaluations(passed=False))
    failed = newest_partition_verdicts(instance, check)
    # Dagster's table is unique by run and partition, so a second evaluation must replace the first.
    report_runless_events(instance, evaluations(passed=True))
    report_runless_events(instance, [dg.AssetMaterialization(_ASSET, partition="fund-1")])

    assert len(statements) == 1
    assert set(failed) == set(funds)
    assert not any(verdict.passed for verdict in failed.values())
    passed = newest_partition_verdicts(instance, check)
    assert all(verdict.passed for verdict in passed.values())
    assert [fund for fund, verdict in passed.items() if not verdict.is_current] == ["fund-1"]
    record = instance.event_log_storage.get_latest_asset_check_execution_by_key([check])[check]
    single = dg.AssetCheckEvaluation(asset_key=_ASSET, check_name="single", passed=True)
    instance.report_runless_asset_event(single)
    one = instance.event_log_storage.get_latest_asset_check_execution_by_key([single.asset_check_key])
    assert record.run_id == one[single.asset_check_key].run_id
    assert record.event is not None


def test_newest_event_of_partition_is_what_its_page_shows(instance: dg.DagsterInstance) -> None:
    made = dg.AssetMaterialization(_ASSET, partition="fund-1", metadata={"n": 1})
    seen = dg.AssetObservation(_ASSET, partition="fund-1", metadata={"n": 2})
    other = dg.AssetMaterialization(_ASSET, partition="fund-2", metadata={"n": 3})
    for event in (made, seen, other):
        report_runless_events(instance, [event])

    shown = newest_events(instance, _ASSET)

    assert {key: (event.is_materialization, event.metadata["n"]) for key, event in shown.items()} == {
        "fund-1": (False, 2),
        "fund-2": (True, 3),
    }
    assert list(newest_events(instance, _ASSET, {"fund-2"})) == ["fund-2"]


def test_pool_gets_default_limit_and_is_created_once(instance: dg.DagsterInstance) -> None:
    create_pool(instance, "writers")
    create_pool(instance, "writers")

    assert {limit.name: limit.limit for limit in instance.event_log_storage.get_pool_limits()} == {"writers": 3}


def test_range_tags_select_partitions_of_one_run() -> None:
    @dg.asset(
        partitions_def=dg.StaticPartitionsDefinition(list("abcd")), backfill_policy=dg.BackfillPolicy.single_run()
    )
    def letters(context: dg.AssetExecutionContext) -> None:
        assert context.partition_keys == ["b", "c"]

    assert dg.materialize([letters], tags=partition_range_tags("b", "c")).success


def test_failing_checks_ticks_and_runs_of_the_location_are_found(instance: dg.DagsterInstance) -> None:
    letters = dg.StaticPartitionsDefinition(["a", "b"])

    @dg.asset(
        check_specs=[
            dg.AssetCheckSpec("whole", asset="a"),
            dg.AssetCheckSpec("by_letter", asset="a", partitions_def=letters),
        ],
        partitions_def=letters,
    )
    def a() -> dg.MaterializeResult:  # type: ignore[type-arg] # Beside checks, Dagster accepts only the bare class.
        raise AssertionError

    @dg.asset
    def of_another_team() -> None:
        raise ValueError

    for name, partition, passed in (
        ("whole", None, True),
        ("whole", None, False),
        ("by_letter", "a", False),
        ("by_letter", "b", True),
    ):
        evaluation = dg.AssetCheckEvaluation(_ASSET, name, passed=passed, partition=partition)
        report_runless_events(instance, [evaluation])
    record_failed_tick(instance, "sensor", "quotes a row")
    other = dg.materialize([of_another_team], instance=instance, raise_on_error=False).dagster_run
    repository = dg.Definitions(assets=[a]).get_repository_def()

    with dg.build_sensor_context(instance=instance, repository_def=repository) as context:
        assert [(failing.key.name, failing.partition) for failing in failing_checks(context)] == [
            ("by_letter", "a"),
            ("whole", None),
        ]
        assert [(tick.name, tick.error_class) for tick in failing_ticks(context, recent_s=60)] == [
            ("sensor", "ValueError")
        ]
        assert not is_run_of(context, other)


def test_code_server_starts_runs_by_the_attribute_that_is_replaced() -> None:
    """Pins what `fork_runs_from_warm_process` relies on. To call it would change this process."""
    assert "self._mp_ctx.Process(" in inspect.getsource(DagsterApiServer.StartRun)


def test_fund_stays_in_sync_when_its_plan_is_reported_again(instance: dg.DagsterInstance) -> None:
    letters = dg.StaticPartitionsDefinition(["a"])

    @dg.asset
    def plan() -> dg.MaterializeResult[None]:
        return dg.MaterializeResult(data_version=dg.DataVersion("constant"))

    @dg.asset(deps=[plan], partitions_def=letters)
    def fund() -> None: ...

    @dg.asset(deps=[fund])
    def report() -> None: ...

    def statuses() -> list[StaleStatus]:
        graph = dg.Definitions(assets=[plan, fund, report]).resolve_asset_graph()
        resolver = CachingStaleStatusResolver(instance, graph, LoadingContextForTest(instance))
        return [resolver.get_status(fund.key, "a"), resolver.get_status(report.key)]

    def applied(version: str) -> dg.AssetMaterialization:
        return dg.AssetMaterialization(fund.key, partition="a", tags=lineage_tags(version, {plan.key: "constant"}))

    dg.materialize([plan], instance=instance)
    report_runless_events(instance, [applied("1")])
    dg.materialize([report], instance=instance)
    reported_again = dg.AssetMaterialization(plan.key, tags=lineage_tags("constant", {}))
    report_runless_events(instance, [reported_again, applied("1")])
    in_sync = statuses()
    report_runless_events(instance, [applied("2")])

    assert in_sync == [StaleStatus.FRESH, StaleStatus.FRESH]
    # Rows changed after the report.
    assert statuses() == [StaleStatus.FRESH, StaleStatus.STALE]
