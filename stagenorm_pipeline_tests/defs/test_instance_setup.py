"""Preparing a Dagster instance before its daemon starts."""

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from stagenorm_pipeline.defs.instance_setup import add_first_fund_keys, fail_orphaned_runs
from stagenorm_pipeline.defs.partitions import FUNDS, copy_fund_keys_of_old_name
from stagenorm_pipeline_tests.support.application import COMPANIES, Application
from stagenorm_pipeline_tests.support.dagster_internals import create_run_for_test


@pytest.fixture
def instance(memory_path: Path) -> Iterator[dg.DagsterInstance]:
    (memory_path / "dagster.yaml").write_text("telemetry: {enabled: false}\nconcurrency: {pools: {default_limit: 3}}\n")
    with dg.DagsterInstance.from_config(str(memory_path)) as made:
        yield made


def test_orphaned_runs_fail_and_other_runs_stay(
    instance: dg.DagsterInstance,
) -> None:
    statuses = [dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.NOT_STARTED, dg.DagsterRunStatus.SUCCESS]
    started, waiting, done = [create_run_for_test(instance, status=status).run_id for status in statuses]

    assert fail_orphaned_runs(instance) == [started]

    now = {run_id: instance.get_run_by_id(run_id) for run_id in (started, waiting, done)}
    assert {run_id: run.status for run_id, run in now.items() if run} == {
        started: dg.DagsterRunStatus.FAILURE,
        waiting: dg.DagsterRunStatus.NOT_STARTED,
        done: dg.DagsterRunStatus.SUCCESS,
    }
    assert fail_orphaned_runs(instance) == []


def test_partitions_are_seeded_once_from_the_tables(instance: dg.DagsterInstance, application: Application) -> None:
    application.add(COMPANIES, [(10, "Seed"), (2, "seed"), (None, "Seed")])

    add_first_fund_keys(instance)
    application.add(COMPANIES, [(3, "Seed")])
    add_first_fund_keys(instance)

    assert instance.get_dynamic_partitions(FUNDS) == ["fund-2", "fund-10", "no-fund"]


def test_missing_database_adds_no_partition(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)

    add_first_fund_keys(instance)

    assert "No partitions were added: DATABASE_URL is not set." in capsys.readouterr().out


def test_fund_keys_of_old_partition_name_are_copied_once(instance: dg.DagsterInstance) -> None:
    instance.add_dynamic_partitions("funds", ["fund-10", "fund-2", "eu-buyout", "no-fund"])

    copy_fund_keys_of_old_name(instance)
    instance.add_dynamic_partitions("funds", ["fund-3"])
    copy_fund_keys_of_old_name(instance)

    assert instance.get_dynamic_partitions(FUNDS) == ["fund-2", "fund-10", "no-fund"]
