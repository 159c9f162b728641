"""The sensor `alert_on_failure` with a webhook on this machine."""

import json
import socket
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import dagster as dg
import pytest

from stagenorm_pipeline.defs.sensors.alert_on_failure import WEBHOOK, alert_on_failure
from stagenorm_pipeline_tests.support.application import COMPANIES, Application
from stagenorm_pipeline_tests.support.dagster_project import DagsterProject

_SECRET = "T0KEN-B0T"  # noqa: S105 - a made-up one


class Webhook(HTTPServer):
    """Stores the messages it receives. Paths below /refused return 500."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.received: list[dict[str, Any]] = []
        self.url = f"http://127.0.0.1:{self.server_port}/services/{_SECRET}"


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        assert isinstance(self.server, Webhook)
        assert self.headers["Content-Type"] == "application/json"
        self.server.received.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(500 if self.path.startswith("/refused") else 200)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Log nothing."""


@pytest.fixture
def webhook(monkeypatch: pytest.MonkeyPatch) -> Iterator[Webhook]:
    with Webhook() as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        monkeypatch.setenv(WEBHOOK, server.url)
        monkeypatch.setenv("STAGENORM_UI_URL", "http://127.0.0.1:3000/")
        yield server
        server.shutdown()
        thread.join()


def _alert(project: DagsterProject, result: dg.ExecuteInProcessResult) -> dg.SkipReason | None:
    (event,) = [event for event in result.all_events if event.is_run_failure]
    context = dg.build_run_status_sensor_context(
        "alert_on_failure", event, project.instance, result.dagster_run
    ).for_run_failure()
    answer = alert_on_failure(context)
    assert answer is None or isinstance(answer, dg.SkipReason)
    return answer


def _failed(project: DagsterProject, application: Application) -> dg.ExecuteInProcessResult:
    application.add(COMPANIES, [(1, "Seed"), (2, "<!channel> & co"), (2, "Seed")])
    application.sql(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'not %', OLD.stage; END $$;"
        "CREATE TRIGGER refuse BEFORE UPDATE ON portfoliocompanies "
        "FOR EACH ROW WHEN (OLD.fund_id = 2) EXECUTE FUNCTION refuse()"
    )
    project.plan()
    return project.normalize_all()


def test_alert_names_failed_funds_and_run_url(
    project: DagsterProject, application: Application, webhook: Webhook
) -> None:
    result = _failed(project, application)

    assert _alert(project, result) is None

    (message,) = webhook.received
    assert message["job"] == "normalize_job"
    assert message["run_id"] == result.run_id
    assert message["funds"] == ["fund-2"]
    assert message["run_url"] == f"http://127.0.0.1:3000/runs/{result.run_id}"
    assert message["text"].startswith("stagenorm: normalize_job failed. 1 fund failed: fund-2.")
    assert message["text"].endswith(message["run_url"])
    assert "Seed" not in json.dumps(message)


def test_alert_covers_run_that_fails_at_start(project: DagsterProject, webhook: Webhook) -> None:
    _alert(project, project.run("verify_job"))

    assert "DATABASE_URL is not set" in webhook.received[0]["error"]
    assert webhook.received[0]["funds"] == []


@pytest.mark.parametrize(
    ("url", "error"),
    [
        ("http://127.0.0.1:{port}/refused/{secret}", "returned HTTP status 500"),
        ("http://127.0.0.1:{closed_port}/{secret}", "cannot be reached"),
        ("http://127.0.0.1:{secret}/", "cannot be reached: InvalidURL"),
        ("http://127.0.0.1/\x01{secret}", "cannot be reached: InvalidURL"),
        ("file:///etc/{secret}", "not an http or https URL"),
    ],
)
def test_failed_webhook_fails_tick_without_url(
    project: DagsterProject, webhook: Webhook, monkeypatch: pytest.MonkeyPatch, url: str, error: str
) -> None:
    ports = {"port": webhook.server_port, "closed_port": _closed_port()}
    monkeypatch.setenv(WEBHOOK, url.format(secret=_SECRET, **ports))

    with pytest.raises(dg.Failure, match=error) as raised:
        _alert(project, project.run("verify_job"))

    assert _SECRET not in (raised.value.description or "")
    assert raised.value.__cause__ is None


def test_tick_is_skipped_without_webhook(project: DagsterProject) -> None:
    skipped = _alert(project, project.run("verify_job"))

    assert skipped is not None
    assert WEBHOOK in (skipped.skip_message or "")


def _closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
