"""What is put right in Dagster's instance before the daemon starts."""

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.test_utils import create_run_for_test

from stagenorm_pipeline.defs.assets.normalized_stages import POOL
from stagenorm_pipeline.defs.instance_setup import limit_the_pool, report_leftovers


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    (tmp_path / "dagster.yaml").write_text("telemetry: {enabled: false}\nconcurrency: {pools: {default_limit: 3}}\n")
    with dg.DagsterInstance.from_config(str(tmp_path)) as made:
        yield made


def test_runs_that_a_crash_left_unfinished_are_reported_as_failed_and_others_are_left(
    instance: dg.DagsterInstance,
) -> None:
    statuses = [dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.NOT_STARTED, dg.DagsterRunStatus.SUCCESS]
    started, waiting, done = [create_run_for_test(instance, status=status).run_id for status in statuses]

    assert report_leftovers(instance) == [started]

    now = {run_id: instance.get_run_by_id(run_id) for run_id in (started, waiting, done)}
    assert {run_id: run.status for run_id, run in now.items() if run} == {
        started: dg.DagsterRunStatus.FAILURE,
        waiting: dg.DagsterRunStatus.NOT_STARTED,
        done: dg.DagsterRunStatus.SUCCESS,
    }
    assert report_leftovers(instance) == []


def test_the_pool_has_its_limit_before_the_first_run(instance: dg.DagsterInstance) -> None:
    assert POOL not in instance.event_log_storage.get_concurrency_keys()
    limit_the_pool(instance)
    limits = {limit.name: limit.limit for limit in instance.event_log_storage.get_pool_limits()}
    assert limits == {POOL: 3}
