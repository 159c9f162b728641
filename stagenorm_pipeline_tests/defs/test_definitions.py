"""Loading the definitions, and what the graph and the launchpad say before anything has run."""

import itertools
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import dagster as dg
import pytest

from stagenorm_pipeline.defs import definitions
from stagenorm_pipeline.defs.assets.asset_names import NORMALIZED_STAGES, STAGE_INVENTORY, VERIFICATION_REPORT
from stagenorm_pipeline.defs.definitions import build_defs
from stagenorm_pipeline.defs.jobs.cancel_plan_job import CancelConfig
from stagenorm_pipeline.defs.jobs.pause_job import PauseConfig
from stagenorm_pipeline.defs.jobs.rehearse_job import RehearseConfig
from stagenorm_pipeline.defs.jobs.rollback_job import RollbackConfig
from stagenorm_pipeline.defs.jobs.tune_job import TuneConfig
from stagenorm_pipeline.defs.run_config import ApplyConfig, DryRunConfig, NormalizeAllConfig, PlanConfig, VerifyConfig
from stagenorm_pipeline.errors import ConfigurationError
from stagenorm_pipeline_tests.support.dagster_project import DagsterProject, failure_of


def test_workspace_loads_without_environment_and_network(tmp_path: Path) -> None:
    code = """
import sys

def refuse(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.bind"):
        raise RuntimeError(f"{event} {arguments}")

sys.addaudithook(refuse)
import dagster as dg
import pytest
from stagenorm_pipeline.defs import definitions
dg.Definitions.validate_loadable(definitions())
print(sorted(job.name for job in definitions().resolve_all_job_defs()))
print([name for name in ("pandas", "openpyxl", "dagster_webserver") if name in sys.modules])
"""
    done = subprocess.run(
        [sys.executable, "-c", code], env={}, cwd=tmp_path, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
    assert "BetaWarning" not in done.stderr
    jobs, heavy = done.stdout.splitlines()
    names = [
        "cancel_plan",
        "dry_run",
        "normalize_all",
        "normalize",
        "pause",
        "plan",
        "rehearse",
        "rollback",
        "tune",
        "unpause",
        "verify",
    ]
    assert jobs == str(["__ASSET_JOB", *(f"{name}_job" for name in names)])
    assert heavy == "[]"


def test_assets_depend_in_order_of_the_flow() -> None:
    graph = build_defs().resolve_asset_graph()

    chain = ["stage_inventory", "batch_plan", "normalized_stages", "verification_report"]
    keys = [dg.AssetKey(["stagenorm", name]) for name in chain]
    assert [key for key in graph.toposorted_asset_keys if key in keys] == keys
    for before, after in itertools.pairwise(keys):
        assert graph.get(after).parent_keys == {before}


_CONFIGURED = """
[[target]]
schema = "crm"
table = "rounds"

[[target]]
table = "a/b"
column = "phase"

[dagster]
owners = ["team:data", "me@example.com"]
freshness_hours = 36
"""


def test_configuration_gives_tables_owners_and_freshness(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("STAGENORM_CONFIG", raising=False)
    Path("stagenorm.toml").write_text(_CONFIGURED)

    graph = definitions().resolve_asset_graph()

    rounds, odd = (
        dg.AssetKey(["stagenorm", "targets", *path]) for path in (["crm", "rounds.stage"], ["a_x2f_b.phase"])
    )
    assert graph.get(STAGE_INVENTORY).parent_keys == {rounds, odd}
    assert not graph.get(rounds).is_executable
    assert graph.get(rounds).metadata["dagster/table_name"] == "crm.rounds"
    assert graph.get(rounds).metadata["changed by"].value == NORMALIZED_STAGES
    assert graph.get(NORMALIZED_STAGES).metadata["changes 1"].value == rounds
    assets = [graph.get(key) for key in graph.get_all_asset_keys()]
    assert {tuple(asset.owners or ()) for asset in assets} == {("team:data", "me@example.com")}
    policy = dg.FreshnessPolicy.time_window(fail_window=timedelta(hours=36))
    assert graph.get(VERIFICATION_REPORT).freshness_policy == policy


def test_wrong_configuration_names_file_and_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STAGENORM_CONFIG", str(tmp_path / "wrong.toml"))
    (tmp_path / "wrong.toml").write_text('[dagster]\nowners = ["nobody"]\n')

    with pytest.raises(ConfigurationError, match=r"wrong\.toml: `owners` in \[dagster\] must be a list of e-mail"):
        definitions().resolve_asset_graph()


def test_every_definition_and_config_field_is_described() -> None:
    repository = build_defs().get_repository_def()
    graph = repository.asset_graph
    assets = [graph.get(key) for key in graph.get_all_asset_keys()]
    checks = [graph.get_check_spec(key) for key in graph.asset_check_keys]
    jobs = [job for job in repository.get_all_jobs() if not job.name.startswith("__")]

    assert len(checks) == 7 + 4
    assert all(asset.description and asset.kinds and asset.group_name for asset in assets)
    assert all(check.description for check in checks)
    assert all(job.description for job in jobs)
    assert all(sensor.description for sensor in repository.sensor_defs)
    assert all(schedule.description for schedule in repository.schedule_defs)
    configs = (
        DryRunConfig,
        PlanConfig,
        ApplyConfig,
        NormalizeAllConfig,
        VerifyConfig,
        PauseConfig,
        CancelConfig,
        TuneConfig,
        RollbackConfig,
        RehearseConfig,
    )
    fields = [field for config in configs for field in config.model_fields.values()]
    assert all(field.description for field in fields)


def test_only_the_sensor_that_reconciles_pages_is_on_by_default() -> None:
    repository = build_defs().get_repository_def()

    assert {sensor.name for sensor in repository.sensor_defs} == {
        "discover_funds",
        "spelling_drift",
        "verify_when_done",
        "send_alerts",
        "reconcile_pages",
    }
    assert {schedule.name for schedule in repository.schedule_defs} == {
        "nightly_plan",
        "nightly_backfill",
        "nightly_run",
    }
    running = [s.name for s in repository.sensor_defs if s.default_status is dg.DefaultSensorStatus.RUNNING]
    assert running == ["reconcile_pages"]
    assert all(schedule.default_status is dg.DefaultScheduleStatus.STOPPED for schedule in repository.schedule_defs)


def test_build_defs_replaces_resources(project: DagsterProject) -> None:
    class Unreachable(dg.ConfigurableResource[None]):
        def open(self) -> None:
            raise dg.Failure("the service is unreachable")

    project.defs = build_defs(service=Unreachable())

    assert failure_of(project.run("verify_job"))[0] == "the service is unreachable"
