"""`stagenorm metrics`."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from stagenorm_pipeline.cli import exit_codes
from stagenorm_pipeline.cli.database import open_database
from stagenorm_pipeline.cli.outputs import read_output_path, write_standard_output
from stagenorm_pipeline.errors import ConfigurationError, StagenormError

if TYPE_CHECKING:
    from pathlib import Path

    from prometheus_client import CollectorRegistry
    from prometheus_client.core import Metric

    from stagenorm_pipeline.engine.monitor.metrics import MetricsFacts
    from stagenorm_pipeline.engine.postgres.connection import Database

_ADDRESS = "127.0.0.1"


@click.command("metrics")
@click.option("--output", metavar="PATH", help="Write a file, whole or not at all; - is standard output.")
@click.option("--port", type=click.IntRange(1, 65_535), help="Serve on this port of 127.0.0.1 until Ctrl-C.")
def command(output: str | None, port: int | None) -> None:
    """Print metrics in Prometheus' text format: rows, batches, refusals, holds, verdicts, backups.

    Reads stagenorm's own tables only. Where the database cannot be read the metrics say `stagenorm_up 0`.

    \b
    Examples:
      stagenorm metrics
      stagenorm metrics --output /var/lib/node_exporter/textfile/stagenorm.prom    from cron
      stagenorm metrics --port 9187                                                for Prometheus to scrape
    """
    if output is not None and port is not None:
        raise ConfigurationError("--output and --port exclude each other.", remedy="Give one of them.")
    path = None if output is None else read_output_path(output)
    with open_database() as database:
        if port is not None:
            _serve(database, port)
        else:
            _write(database, path)


def _write(database: Database, path: Path | None) -> None:
    from stagenorm_pipeline.cli.log_lines import show_error
    from stagenorm_pipeline.report.metrics_text import metrics_text
    from stagenorm_pipeline.service.output_files import replace_file

    facts = _read(database)
    text = metrics_text(None if isinstance(facts, StagenormError) else facts)
    if path is None:
        write_standard_output(text, sys.stdout)
    else:
        replace_file(path, text)
    if isinstance(facts, StagenormError):
        show_error(facts)
        sys.exit(exit_codes.FAILED)


def _read(database: Database) -> MetricsFacts | StagenormError:
    """The facts, or why there are none."""
    from sqlalchemy.exc import SQLAlchemyError

    from stagenorm_pipeline.engine.monitor.metrics import read_metrics
    from stagenorm_pipeline.engine.postgres.connection import first_line

    try:
        return read_metrics(database)
    except StagenormError as error:
        return error
    except SQLAlchemyError as error:
        return StagenormError(f"The database said: {first_line(error)}")
    finally:
        # No session idles between two scrapes, and none is there that a restart of the server has cut off.
        database.close()


def _serve(database: Database, port: int) -> None:
    from prometheus_client import start_http_server

    from stagenorm_pipeline.cli.log_lines import say

    is_over = threading.Event()
    for signum in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signum, lambda *_: is_over.set())
    try:
        server, thread = start_http_server(port, _ADDRESS, _registry(database))
    except OSError as error:
        raise StagenormError(
            f"Port {port} of {_ADDRESS} cannot be had: {error.strerror}.", remedy="Choose another --port."
        ) from error
    say(f"Serving metrics on http://{_ADDRESS}:{port}/metrics; Ctrl-C stops it")
    is_over.wait()
    server.shutdown()
    thread.join()


def _registry(database: Database) -> CollectorRegistry:
    """A registry of its own: the library's default one would add figures of this process."""
    from prometheus_client import CollectorRegistry
    from prometheus_client.registry import Collector

    from stagenorm_pipeline.cli.log_lines import show_error
    from stagenorm_pipeline.report.metrics_text import metric_families

    class _Scrapes(Collector):
        was_up = True

        def collect(self) -> Iterator[Metric]:
            facts = _read(database)
            is_up = not isinstance(facts, StagenormError)
            if isinstance(facts, StagenormError) and self.was_up:
                show_error(facts)
            self.was_up = is_up
            return metric_families(None if isinstance(facts, StagenormError) else facts)

    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Scrapes())
    return registry
