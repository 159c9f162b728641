"""Killed runs and daemons, with the real web server, daemon and code server. Slow, so behind the soak marker."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest

from stagenorm_pipeline_tests.support import waiting
from stagenorm_pipeline_tests.support.application import COMPANIES, Application

pytestmark = pytest.mark.soak

_ASSET = {"path": ["stagenorm", "normalized_stages"]}
_BACKFILL = """mutation($p: LaunchBackfillParams!) { launchPartitionBackfill(backfillParams: $p) {
    ... on LaunchBackfillSuccess { backfillId } ... on PythonError { message } } }"""
_ADD = """mutation($s: RepositorySelector!, $k: String!) { addDynamicPartition(
    partitionsDefName: "stagenorm_funds", partitionKey: $k, repositorySelector: $s) { __typename } }"""
_SELECTOR = {"repositoryName": "__repository__", "repositoryLocationName": "stagenorm"}


class Ui:
    """`stagenorm ui` in a process of its own, over an application's database."""

    def __init__(self, home: Path, url: str) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = probe.getsockname()[1]
        self._environment = {**os.environ, "STAGENORM_HOME": str(home), "DATABASE_URL": url}
        self._environment.pop("STAGENORM_DAGSTER_URL", None)
        self.process = self._start()

    def _start(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "stagenorm_pipeline.cli.main", "ui", "--port", str(self._port)]
        return subprocess.Popen(command, env=self._environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def restart(self) -> None:
        self.stop()
        self.process = self._start()
        wait_until(self.answers, "the page answers")

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        self.process.wait(60)

    def answers(self) -> bool:
        try:
            return bool(self.ask("{ version }"))
        except OSError:
            return False

    def ask(self, query: str, **variables: Any) -> Any:
        request = urllib.request.Request(
            f"http://127.0.0.1:{self._port}/graphql",
            json.dumps({"query": query, "variables": variables}).encode(),
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
            return json.load(answer)["data"]

    def backfill(self, keys: list[str]) -> None:
        for key in keys:
            self.ask(_ADD, s=_SELECTOR, k=key)
        answer = self.ask(_BACKFILL, p={"assetSelection": [_ASSET], "partitionNames": keys})
        assert "backfillId" in answer["launchPartitionBackfill"], answer

    def runs(self) -> list[str]:
        """The statuses of the runs, newest first."""
        found = self.ask("{ runsOrError { ... on Runs { results { status } } } }")
        return [run["status"] for run in found["runsOrError"]["results"]]

    def backfills(self) -> list[str]:
        found = self.ask("{ partitionBackfillsOrError { ... on PartitionBackfills { results { status } } } }")
        return [backfill["status"] for backfill in found["partitionBackfillsOrError"]["results"]]

    def processes(self, words: str) -> list[psutil.Process]:
        """Those of ours whose command line holds `words`."""
        children = psutil.Process(self.process.pid).children(recursive=True)
        return [child for child in children if words in " ".join(child.cmdline())]


wait_until = partial(waiting.wait_until, seconds=150, poll_s=0.3)


@pytest.fixture
def application(database_url: str) -> Iterator[Application]:
    """Forty rows in each of four funds, planned one row a batch: each fund takes four seconds at the default rest."""
    opened = Application(database_url)
    opened.set_up()
    opened.add(COMPANIES, [(fund, "Seed") for fund in range(1, 5) for _ in range(40)])
    opened.plan(batch_size=1)
    yield opened
    opened.close()


@pytest.fixture
def ui(application: Application) -> Iterator[Ui]:
    home = Path(tempfile.mkdtemp(prefix="stagenorm-home-")).resolve()
    started = Ui(home, application.url)
    wait_until(started.answers, "the page answers")
    yield started
    started.stop()
    shutil.rmtree(home)


def changed(application: Application) -> int:
    return int(application.value("SELECT count(*) FROM stage_normalization_log"))


def test_killed_run_fails_and_frees_its_pool_slot(application: Application, ui: Ui) -> None:
    ui.backfill(["fund-1"])
    wait_until(lambda: changed(application) > 3, "the run is at work")
    for worker in ui.processes("multiprocessing"):
        worker.kill()
    wait_until(lambda: ui.runs() == ["FAILURE"], "the dead run is reported as failed")
    ui.backfill(["fund-2", "fund-3"])
    ui.backfill(["fund-1"])
    wait_until(lambda: ui.runs()[:2] == ["SUCCESS", "SUCCESS"], "later runs get through")
    assert (
        changed(application) == application.value("SELECT count(DISTINCT row_id) FROM stage_normalization_log") == 120
    )


def test_backfill_continues_after_killed_daemon_and_restart(application: Application, ui: Ui) -> None:
    ui.backfill(["fund-1", "fund-2", "fund-3", "fund-4"])
    wait_until(lambda: changed(application) > 3, "the backfill is at work")
    for daemon in ui.processes("dagster._daemon"):
        daemon.kill()
    assert ui.process.wait(60) == 1, "the command says that its daemon died"
    assert changed(application) < 160
    ui.restart()
    wait_until(lambda: "STARTED" not in ui.runs(), "no run is left as if it were at work")
    wait_until(lambda: ui.backfills()[0] not in ("REQUESTED", "IN_PROGRESS"), "the backfill has ended")
    ui.backfill(["fund-1", "fund-2", "fund-3", "fund-4"])
    wait_until(lambda: changed(application) == 160, "the rest is done")
    assert application.value("SELECT count(DISTINCT row_id) FROM stage_normalization_log") == 160
