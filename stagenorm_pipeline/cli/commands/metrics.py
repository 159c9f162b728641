"""`stagenorm metrics`."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import click
from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from stagenorm_pipeline.cli import exit_codes
from stagenorm_pipeline.cli.log_lines import say, show_error
from stagenorm_pipeline.cli.outputs import StandardOutput, read_output_place, write_text
from stagenorm_pipeline.engine.monitor.metrics import MetricsFacts
from stagenorm_pipeline.errors import ConfigurationError, StagenormError
from stagenorm_pipeline.report.metrics_text import metric_families, metrics_text
from stagenorm_pipeline.service import monitoring
from stagenorm_pipeline.service.context import ServiceContext, open_service

_ADDRESS = "127.0.0.1"


@click.command("metrics")
@click.option("--output", metavar="PATH", help="Write a file, as a whole or not at all; - is standard output.")
@click.option("--port", type=click.IntRange(1, 65_535), help="Serve on this port of 127.0.0.1 until Ctrl-C.")
def command(output: str | None, port: int | None) -> None:
    """Print metrics in Prometheus' text format: rows, batches, refused rows, throttling, verdicts, backups.

    Reads stagenorm's own tables only. If the database cannot be read, the metrics say `stagenorm_up 0`.

    \b
    Examples:
      stagenorm metrics
      stagenorm metrics --output /var/lib/node_exporter/stagenorm.prom    cron
      stagenorm metrics --port 9187                         Prometheus scrapes
    """
    if output is not None and port is not None:
        raise ConfigurationError("--output and --port exclude each other.", remedy="Give one of them.")
    place = StandardOutput() if output is None else read_output_place(output)
    with open_service(interface="cli") as context:
        if port is not None:
            _serve(context, port)
        else:
            _write(context, place)


def _write(context: ServiceContext, place: Path | StandardOutput) -> None:
    found = _read(context)
    write_text(place, metrics_text(found), sys.stdout)
    if isinstance(found, StagenormError):
        show_error(found)
        sys.exit(exit_codes.FAILED)


def _read(context: ServiceContext) -> MetricsFacts | StagenormError:
    """Return the facts, or why they cannot be read."""
    try:
        return monitoring.read_metrics(context)
    except StagenormError as error:
        return error


def _serve(context: ServiceContext, port: int) -> None:
    is_over = threading.Event()
    for signum in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signum, lambda *_: is_over.set())
    # A registry of its own: the library's default one would add figures of this process.
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Scrapes(context))
    try:
        server, thread = start_http_server(port, _ADDRESS, registry)
    except OSError as error:
        raise StagenormError(
            f"Cannot listen on port {port} of {_ADDRESS}: {error.strerror}.", remedy="Choose another --port."
        ) from error
    say(f"Serving metrics on http://{_ADDRESS}:{port}/metrics; Ctrl-C stops it")
    is_over.wait()
    server.shutdown()
    thread.join()


class _Scrapes(Collector):
    """Reads the facts at each scrape. An error is shown once, until a scrape succeeds."""

    def __init__(self, context: ServiceContext) -> None:
        self._context = context
        self._was_up = True

    def collect(self) -> Iterator[Metric]:
        found = _read(self._context)
        is_up = not isinstance(found, StagenormError)
        if isinstance(found, StagenormError) and self._was_up:
            show_error(found)
        self._was_up = is_up
        return metric_families(found)
