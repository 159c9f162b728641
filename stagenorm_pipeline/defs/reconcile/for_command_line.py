"""Reconcile the Dagster instance that the environment names, for the command line.

`cli.dagster_history` calls this after a command has printed its result, because importing Dagster takes seconds.
"""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg

from stagenorm_pipeline.defs.reconcile.reconcile import reconcile
from stagenorm_pipeline.service.context import ServiceContext

_URL = "STAGENORM_DAGSTER_URL"
_SETTINGS = "storage: {postgres: {postgres_url: {env: STAGENORM_DAGSTER_URL}}}\ntelemetry: {enabled: false}\n"


def reconcile_configured_instance(service: ServiceContext) -> None:
    """Report to the instance of the environment what its pages do not show yet."""
    with configured_instance() as instance:
        reconcile(instance, service)


@contextmanager
def configured_instance() -> Iterator[dg.DagsterInstance]:
    """Open the instance of DAGSTER_HOME or, if that is not set, the storage at STAGENORM_DAGSTER_URL."""
    if url := os.environ.get(_URL, "").strip():
        # Same driver as in local.dagster_services: with another one, the first event fails.
        os.environ[_URL] = "postgresql+psycopg2://" + url.partition("://")[2]
    if os.environ.get("DAGSTER_HOME", "").strip():
        with dg.DagsterInstance.get() as instance:
            yield instance
        return
    with tempfile.TemporaryDirectory(prefix="stagenorm-") as directory:
        (Path(directory) / "dagster.yaml").write_text(_SETTINGS)
        with dg.DagsterInstance.from_config(directory) as instance:
            yield instance
