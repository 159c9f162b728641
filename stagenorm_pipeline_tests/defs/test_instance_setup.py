"""Preparing a Dagster instance before its daemon starts."""

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.test_utils import create_run_for_test

from stagenorm_pipeline.defs.instance_setup import fail_orphaned_runs
from stagenorm_pipeline.defs.partitions import FUNDS, copy_fund_keys_of_old_name


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    (tmp_path / "dagster.yaml").write_text("telemetry: {enabled: false}\nconcurrency: {pools: {default_limit: 3}}\n")
    with dg.DagsterInstance.from_config(str(tmp_path)) as made:
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


def test_fund_keys_of_old_partition_name_are_copied_once(instance: dg.DagsterInstance) -> None:
    instance.add_dynamic_partitions("funds", ["fund-10", "fund-2", "eu-buyout", "no-fund"])

    copy_fund_keys_of_old_name(instance)
    instance.add_dynamic_partitions("funds", ["fund-3"])
    copy_fund_keys_of_old_name(instance)

    assert instance.get_dynamic_partitions(FUNDS) == ["fund-2", "fund-10", "no-fund"]
