"""A webhook on this machine that stores the messages it receives."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

SECRET = "T0KEN-B0T"  # noqa: S105 - a made-up one


class Webhook(HTTPServer):
    """`received`: the accepted messages. `refuses_after`: how many it accepts before it returns 500."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.received: list[dict[str, Any]] = []
        self.refuses_after: int | None = None
        self.url = f"http://127.0.0.1:{self.server_port}/services/{SECRET}"

    def take(self) -> list[dict[str, Any]]:
        """Return the messages since the last call."""
        taken, self.received = self.received, []
        return taken


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        assert isinstance(self.server, Webhook)
        assert self.headers["Content-Type"] == "application/json"
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        limit = self.server.refuses_after
        is_accepted = limit is None or len(self.server.received) < limit
        if is_accepted:
            self.server.received.append(body)
        self.send_response(200 if is_accepted else 500)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Log nothing."""


@contextmanager
def open_webhook() -> Iterator[Webhook]:
    with Webhook() as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()
