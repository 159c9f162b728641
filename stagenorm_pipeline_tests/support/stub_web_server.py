"""Stands in for Dagster's web server, which takes 4 s of CPU to start: answers with what it was started with."""

import json
import os
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer


class _Answer(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps({"arguments": sys.argv[1:], "environment": dict(os.environ)}).encode())


if __name__ == "__main__":
    port = int(sys.argv[sys.argv.index("-p") + 1])
    HTTPServer(("127.0.0.1", port), _Answer).serve_forever()
