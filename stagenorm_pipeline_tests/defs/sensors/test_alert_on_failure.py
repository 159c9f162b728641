"""The webhook that is told of a failed run, against a server on this machine."""

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
from stagenorm_pipeline_tests.support.dagster_project import Face

_SECRET = "T0KEN-B0T"  # noqa: S105 - a made-up one


class Webhook(HTTPServer):
    """Keeps what it gets; under /refused it answers 500."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.got: list[dict[str, Any]] = []
        self.url = f"http://127.0.0.1:{self.server_port}/services/{_SECRET}"


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        assert isinstance(self.server, Webhook)
        assert self.headers["Content-Type"] == "application/json"
        self.server.got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(500 if self.path.startswith("/refused") else 200)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Says nothing."""


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


def _alert(face: Face, result: dg.ExecuteInProcessResult) -> dg.SkipReason | None:
    (event,) = [event for event in result.all_events if event.is_run_failure]
    context = dg.build_run_status_sensor_context(
        "alert_on_failure", event, face.instance, result.dagster_run
    ).for_run_failure()
    answer = alert_on_failure(context)
    assert answer is None or isinstance(answer, dg.SkipReason)
    return answer


def _failed(face: Face, application: Application) -> dg.ExecuteInProcessResult:
    application.add(COMPANIES, [(1, "Seed"), (2, "<!channel> & co"), (2, "Seed")])
    application.sql(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'not %', OLD.stage; END $$;"
        "CREATE TRIGGER refuse BEFORE UPDATE ON portfoliocompanies "
        "FOR EACH ROW WHEN (OLD.fund_id = 2) EXECUTE FUNCTION refuse()"
    )
    face.plan()
    return face.normalize_all()


def test_a_failed_run_is_told_with_its_funds_and_where_to_look(
    face: Face, application: Application, webhook: Webhook
) -> None:
    result = _failed(face, application)

    assert _alert(face, result) is None

    (told,) = webhook.got
    assert told["job"] == "normalize_job"
    assert told["run_id"] == result.run_id
    assert told["funds"] == ["fund-2"]
    assert told["run_url"] == f"http://127.0.0.1:3000/runs/{result.run_id}"
    assert told["text"].startswith("stagenorm: normalize_job failed. 1 fund(s) failed: fund-2.")
    assert told["text"].endswith(told["run_url"])
    assert "Seed" not in json.dumps(told)


def test_a_run_that_fails_before_it_does_anything_is_told_too(face: Face, webhook: Webhook) -> None:
    _alert(face, face.run("verify_job"))

    assert "DATABASE_URL is not set" in webhook.got[0]["error"]
    assert webhook.got[0]["funds"] == []


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://127.0.0.1:{port}/refused/{secret}", "answered 500"),
        ("http://127.0.0.1:{closed_port}/{secret}", "not reached"),
        ("http://127.0.0.1:{secret}/", "not reached: InvalidURL"),
        ("http://127.0.0.1/\x01{secret}", "not reached: InvalidURL"),
        ("file:///etc/{secret}", "no http or https URL"),
    ],
)
def test_a_webhook_that_fails_is_said_on_the_tick_without_its_url(
    face: Face, webhook: Webhook, monkeypatch: pytest.MonkeyPatch, url: str, said: str
) -> None:
    ports = {"port": webhook.server_port, "closed_port": _closed_port()}
    monkeypatch.setenv(WEBHOOK, url.format(secret=_SECRET, **ports))

    with pytest.raises(dg.Failure, match=said) as raised:
        _alert(face, face.run("verify_job"))

    assert _SECRET not in (raised.value.description or "")
    assert raised.value.__cause__ is None


def test_without_a_webhook_the_tick_says_so(face: Face) -> None:
    skipped = _alert(face, face.run("verify_job"))

    assert skipped is not None
    assert WEBHOOK in (skipped.skip_message or "")


def _closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
