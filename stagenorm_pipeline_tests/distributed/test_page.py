"""The files in docs/several-machines.md are complete and agree with the project's own."""

import ast

import yaml

from stagenorm_pipeline.defs.assets.normalized_stages import POOL
from stagenorm_pipeline_tests.support.celery_machines import REPOSITORY, documented_files


def test_page_gives_three_files_that_can_be_parsed() -> None:
    files = documented_files()
    assert set(files) == {"dagster.yaml", "worker.yaml", "celery_runs.py"}
    (launcher,) = [node for node in ast.parse(files["celery_runs.py"]).body if isinstance(node, ast.ClassDef)]
    named = yaml.safe_load(files["dagster.yaml"])["run_launcher"]
    assert (named["module"], named["class"]) == ("celery_runs", launcher.name)


def test_launcher_and_workers_use_the_same_celery_settings() -> None:
    files = documented_files()
    launcher = yaml.safe_load(files["dagster.yaml"])["run_launcher"]["config"]
    worker = yaml.safe_load(files["worker.yaml"])["execution"]["config"]
    assert launcher["broker"] == worker["broker"]
    assert launcher["backend"] == worker["backend"]
    assert launcher["config_source"].items() <= worker["config_source"].items()


def test_runs_end_before_redis_redelivers_and_pool_limits_agree() -> None:
    several = yaml.safe_load(documented_files()["dagster.yaml"])
    one = yaml.safe_load((REPOSITORY / "stagenorm_pipeline" / "local" / "dagster.yaml").read_text())
    options = several["run_launcher"]["config"]["config_source"]["broker_transport_options"]
    assert options["visibility_timeout"] > several["run_monitoring"]["max_runtime_seconds"]
    assert several["concurrency"]["pools"] == one["concurrency"]["pools"]
    assert POOL in (REPOSITORY / "docs" / "several-machines.md").read_text()
