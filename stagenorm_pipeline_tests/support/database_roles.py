"""The roles of sql/roles.sql, made as a DBA makes them."""

import os
import subprocess

import sqlalchemy as sa

from stagenorm_pipeline.engine.postgres.sql_files import sql_directory
from stagenorm_pipeline.local.server_files import binaries
from stagenorm_pipeline_tests.support.application import Application


def apply_roles(application: Application, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run sql/roles.sql as a DBA would, with psql."""
    settings = [part for name, value in variables.items() for part in ("-v", f"{name}={value}")]
    return subprocess.run(
        [binaries() / "psql", "-X", "-q", application.url, "-f", sql_directory() / "roles.sql", *settings],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PGOPTIONS": "-c client_min_messages=warning"},
    )


def url_as(url: str, role: str) -> str:
    """The URL of the same database for another role."""
    return sa.make_url(url).set(username=role, password=None).render_as_string(hide_password=False)
