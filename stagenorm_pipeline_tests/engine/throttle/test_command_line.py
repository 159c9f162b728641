"""The options of throttle and pacer on run, resume and rollback."""

from pathlib import Path

import pytest

from stagenorm_pipeline_tests.support.application import COMPANIES, Application
from stagenorm_pipeline_tests.support.command_line import Ran, stagenorm_here

_SHARED = (
    "SELECT count(*) - count(DISTINCT xmin::text) FROM stage_migration_batches WHERE status = 'completed' "
    "AND plan_id = (SELECT max(plan_id) FROM stage_migration_plans)"
)


@pytest.fixture
def messy(application: Application) -> Application:
    application.add(COMPANIES, [(1, "Seed")] * 2_000)
    return application


def do(application: Application, *arguments: str, directory: Path | None = None) -> Ran:
    return stagenorm_here(*arguments, url=application.url, directory=directory)


def test_auto_batch_size_groups_small_batches(messy: Application) -> None:
    """A run groups small batches, and its rollback too."""
    ran = do(messy, "run", "--yes", "--batch-size", "auto", "--sleep-ms", "0", "--no-lag-check")
    assert ran.code == 0, ran.all
    assert messy.column("SELECT DISTINCT rows_planned FROM stage_migration_batches") == [500]
    assert messy.value(_SHARED) > 0
    assert "Not watched" not in ran.all

    ran = do(messy, "rollback", "--plan", "1", "--yes", "--batch-size", "auto", "--sleep-ms", "0", "--no-lag-check")
    assert ran.code == 0, ran.all
    assert messy.value(_SHARED) > 0
    assert set(messy.stages(COMPANIES).values()) == {"Seed"}


def test_unwatched_throttler_is_reported_once(messy: Application) -> None:
    """A dry run names the command that runs what it showed."""
    assert "stagenorm run --batch-size auto" in do(messy, "dry-run", "--batch-size", "auto").out
    ran = do(messy, "run", "--yes", "--batch-size", "500", "--sleep-ms", "0")
    assert ran.code == 0, ran.all
    assert ran.all.count("Not watched (replica_lag): no replica is connected") == 1
    # Many a server has none, and nothing is wrong with it.
    assert ran.all.count("[INFO] Not watched (replica_lag)") == 1
    assert "STAGENORM_REPLICA_URLS" in ran.all


def test_recorded_plan_can_be_run_and_resumed_in_groups(messy: Application, tmp_path: Path) -> None:
    (tmp_path / "stagenorm.toml").write_text('[throttle]\nignore = ["replica_lag"]\nmax_rows = 500\n')
    plan = messy.plan(as_draft=True, batch_size=100).plan_id
    ran = do(messy, "run", "--plan", str(plan), "--yes", "--batch-size", "auto", directory=tmp_path)
    assert ran.code == 0, ran.all
    assert "Not watched" not in ran.all
    # Five of a hundred rows: the file's limit.
    assert messy.value(_SHARED) == 16
    ran = do(messy, "resume", "--batch-size", "auto", "--max-lag-seconds", "2.5", "--no-lag-check")
    assert ran.code == 0
    assert "Nothing to do" in ran.out


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["run", "--batch-size", "some"], "neither a number of rows nor auto"),
        (["resume", "--batch-size", "500"], "auto"),
        (["run", "--max-lag-seconds", "0"], "max-lag-seconds"),
        (["run", "--plan", "1", "--batch-size", "500"], "--plan has its batches already"),
    ],
)
def test_wrong_throttle_option_is_an_error(messy: Application, arguments: list[str], named: str) -> None:
    ran = do(messy, *arguments, "--yes") if arguments[0] == "run" else do(messy, *arguments)
    assert ran.code == 2
    assert named in ran.err
