"""Runs on Celery workers, with the files of docs/several-machines.md. Slow, so marked `soak`.

Skipped without dagster-celery and Redis, which the project itself does not need.
"""

import importlib.util
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from stagenorm_pipeline_tests.support.application import COMPANIES, Application
from stagenorm_pipeline_tests.support.celery_machines import Machines, wait_for_machines
from stagenorm_pipeline_tests.support.private_server import PrivateServer

pytestmark = [
    pytest.mark.soak,
    pytest.mark.skipif(
        importlib.util.find_spec("dagster_celery") is None or shutil.which("redis-server") is None,
        reason="needs dagster-celery and redis-server; docs/several-machines.md says how",
    ),
]

# A batch is five rows, and then a rest of 100 ms: 25 funds take a run half a minute, which is time to interfere.
ROWS_IN_A_FUND, ROWS_IN_A_BATCH = 50, 5


@pytest.fixture
def server() -> Iterator[PrivateServer]:
    with PrivateServer() as started:
        yield started


@pytest.fixture
def application(server: PrivateServer) -> Iterator[Application]:
    opened = Application(server.create_database())
    opened.set_up()
    yield opened
    opened.close()


@pytest.fixture
def machines(server: PrivateServer, application: Application) -> Iterator[Machines]:
    home = Path(tempfile.mkdtemp(prefix="stagenorm-machines-"))
    with Machines(home, app_url=application.url, dagster_url=server.create_database()) as started:
        yield started


def plan_funds(application: Application, count: int) -> list[str]:
    """Plan that many funds; their partitions."""
    funds = range(1, count + 1)
    application.add(COMPANIES, [(fund, "Seed") for fund in funds for _ in range(ROWS_IN_A_FUND)])
    application.plan(batch_size=ROWS_IN_A_BATCH)
    return [f"fund-{fund}" for fund in funds]


def runners(application: Application) -> int:
    """How many different runs have done a batch."""
    counted = "SELECT count(DISTINCT worker) FROM stage_migration_batches WHERE status = 'completed'"
    return int(application.value(counted))


def assert_each_row_was_changed_once(application: Application, rows: int) -> None:
    counted = "SELECT count(*), count(DISTINCT row_id) FROM stage_normalization_log"
    assert application.sql(counted) == [(rows, rows)]
    assert application.sql("SELECT status, sum(rows_updated) FROM stage_migration_batches GROUP BY 1") == [
        ("completed", rows)
    ]
    assert application.sql("SELECT stage, count(*) FROM portfoliocompanies GROUP BY 1") == [("seed", rows)]


def test_backfill_of_50_funds_survives_the_loss_of_a_worker(application: Application, machines: Machines) -> None:
    machines.backfill(plan_funds(application, 50))
    wait_for_machines(lambda: runners(application) == 2, "both workers are at work")
    machines.kill("w1")
    wait_for_machines(lambda: machines.backfill_status().startswith("COMPLETED"), "the backfill has ended", seconds=480)
    assert machines.backfill_status() == "COMPLETED_SUCCESS"
    # The killed run, its retry, and the run of the other 25 funds.
    assert sorted(machines.runs().values()) == ["FAILURE", "SUCCESS", "SUCCESS"]
    assert machines.partitions() == {"numMaterialized": 50, "numFailed": 0}
    assert_each_row_was_changed_once(application, 50 * ROWS_IN_A_FUND)


def test_pool_limits_all_workers_and_a_terminated_run_stays_canceled(
    application: Application, machines: Machines
) -> None:
    machines.backfill(plan_funds(application, 75))
    wait_for_machines(lambda: runners(application) == 2, "both workers are at work")
    assert sorted(machines.runs().values()) == ["QUEUED", "STARTED", "STARTED"]

    terminated = next(run for run, status in machines.runs().items() if status == "STARTED")
    machines.terminate(terminated)

    wait_for_machines(lambda: machines.runs()[terminated] == "CANCELED", "the run has stopped")
    finished = {"SUCCESS", "CANCELED"}
    wait_for_machines(lambda: set(machines.runs().values()) == finished, "the two others are through")
    assert len(machines.runs()) == 3
    assert application.value("SELECT count(*) FROM stage_migration_batches WHERE status = 'running'") == 0
    rows = application.value("SELECT count(*) FROM stage_normalization_log")
    assert 50 * ROWS_IN_A_FUND < rows < 75 * ROWS_IN_A_FUND
