"""Simulate several machines: a control node and Celery workers, each a process group with its own directory.

They share PostgreSQL, Redis and the installed code. Their configuration comes from docs/several-machines.md.
"""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from stagenorm_pipeline_tests.support.waiting import wait_until

REPOSITORY = Path(__file__).parents[2]
_PAGE = REPOSITORY / "docs" / "several-machines.md"
_ASSET = {"path": ["stagenorm", "normalized_stages"]}
_SELECTOR = {"repositoryName": "__repository__", "repositoryLocationName": "stagenorm"}
_ADD = """mutation($s: RepositorySelector!, $k: String!) { addDynamicPartition(
    partitionsDefName: "stagenorm_funds", partitionKey: $k, repositorySelector: $s) { __typename } }"""
_BACKFILL = """mutation($p: LaunchBackfillParams!) { launchPartitionBackfill(backfillParams: $p) {
    ... on LaunchBackfillSuccess { backfillId } ... on PythonError { message } } }"""
_TERMINATE = """mutation($r: String!) { terminateRun(runId: $r) {
    __typename ... on TerminateRunFailure { message } ... on PythonError { message } } }"""
_RUNS = "{ runsOrError { ... on Runs { results { runId status } } } }"
_BACKFILLS = "{ partitionBackfillsOrError { ... on PartitionBackfills { results { status } } } }"
_PARTITIONS = """{ assetNodeOrError(assetKey: {path: ["stagenorm", "normalized_stages"]}) { ... on AssetNode {
    partitionStats { numMaterialized numFailed } } } }"""


def documented_files() -> dict[str, str]:
    """The configuration files in the page, by the name in the first line of each."""
    return dict(re.findall(r"```(?:yaml|python)\n# (\w+\.(?:yaml|py))\n(.*?)```", _PAGE.read_text(), re.DOTALL))


def wait_for_machines(is_so: Callable[[], bool], what: str, *, seconds: float = 240) -> None:
    """Wait for something that takes the machines seconds. Looks twice a second."""
    wait_until(is_so, what, seconds=seconds, poll_s=0.5)


class Machines:
    """Redis, Dagster's web server and daemon, and the workers `w1` and `w2`; use it as a context manager."""

    def __init__(self, home: Path, *, app_url: str, dagster_url: str) -> None:
        self._home = home
        self._port, redis_port = _free_ports(2)
        self._redis = ["redis-server", "--port", str(redis_port), "--bind", "127.0.0.1", "--save", ""]
        self._environment = {
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "PYTHONPATH": str(REPOSITORY),
            "DATABASE_URL": app_url,
            "STAGENORM_DAGSTER_URL": "postgresql+psycopg2://" + dagster_url.partition("://")[2],
            "STAGENORM_CELERY_URL": f"redis://127.0.0.1:{redis_port}/0",
        }
        self._groups: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> Self:
        try:
            self._start("redis", "redis", self._redis)
            for worker in ("w1", "w2"):
                self.start_worker(worker)
            instance = [sys.executable, "-m", "stagenorm_pipeline.defs.instance_setup"]
            subprocess.run(instance, env=self._at("control"), cwd=self._home / "control", check=True)
            (self._home / "control" / "workspace.yaml").write_text((REPOSITORY / "workspace.yaml").read_text())
            page = ["dagster-webserver", "-w", "workspace.yaml", "-h", "127.0.0.1", "-p", str(self._port)]
            self._start("webserver", "control", page)
            self._start("daemon", "control", ["dagster-daemon", "run", "-w", "workspace.yaml"])
            wait_for_machines(self._answers, "the page answers")
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    def start_worker(self, name: str) -> None:
        command = [
            "dagster-celery",
            "worker",
            "start",
            "-A",
            "dagster_celery.app",
            "-y",
            "worker.yaml",
            "-q",
            "dagster",
        ]
        self._start(name, name, [*command, "-n", name, "--", "--concurrency=1"])

    def kill(self, name: str) -> None:
        """Simulate the loss of a machine: send SIGKILL to all its processes."""
        os.killpg(self._groups[name].pid, signal.SIGKILL)
        self._groups.pop(name).wait()

    def backfill(self, keys: list[str]) -> None:
        for key in keys:
            self._ask(_ADD, s=_SELECTOR, k=key)
        answer = self._ask(_BACKFILL, p={"assetSelection": [_ASSET], "partitionNames": keys})
        assert "backfillId" in answer["launchPartitionBackfill"], answer

    def backfill_status(self) -> str:
        return str(self._ask(_BACKFILLS)["partitionBackfillsOrError"]["results"][0]["status"])

    def runs(self) -> dict[str, str]:
        """The status of each run by its id, newest first."""
        return {run["runId"]: run["status"] for run in self._ask(_RUNS)["runsOrError"]["results"]}

    def terminate(self, run_id: str) -> None:
        answer = self._ask(_TERMINATE, r=run_id)["terminateRun"]
        assert answer["__typename"] == "TerminateRunSuccess", answer

    def partitions(self) -> dict[str, int]:
        return dict(self._ask(_PARTITIONS)["assetNodeOrError"]["partitionStats"])

    def _start(self, name: str, place: str, command: list[str]) -> None:
        with (self._directory(place) / f"{name}.log").open("ab") as log:
            self._groups[name] = subprocess.Popen(
                command,
                env=self._at(place),
                cwd=self._home / place,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def _at(self, place: str) -> dict[str, str]:
        directory = self._directory(place)
        path = f"{directory}:{REPOSITORY}" if place == "control" else str(REPOSITORY)
        return {**self._environment, "DAGSTER_HOME": str(directory), "PYTHONPATH": path}

    def _directory(self, place: str) -> Path:
        directory = self._home / place
        directory.mkdir(exist_ok=True)
        for name, text in documented_files().items():
            (directory / name).write_text(text)
        return directory

    def _answers(self) -> bool:
        try:
            return bool(self._ask("{ version }"))
        except OSError:
            return False

    def _ask(self, query: str, **variables: Any) -> Any:
        request = urllib.request.Request(
            f"http://127.0.0.1:{self._port}/graphql",
            json.dumps({"query": query, "variables": variables}).encode(),
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310 - our own page
            return json.load(answer)["data"]

    def _stop(self) -> None:
        for process in self._groups.values():
            os.killpg(process.pid, signal.SIGTERM)
        for process in self._groups.values():
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        shutil.rmtree(self._home)


def _free_ports(count: int) -> list[int]:
    probes = [socket.socket() for _ in range(count)]
    try:
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [int(probe.getsockname()[1]) for probe in probes]
    finally:
        for probe in probes:
            probe.close()
