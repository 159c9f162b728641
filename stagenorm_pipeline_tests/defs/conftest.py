"""A Dagster instance, and an application's database behind it."""

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import psycopg
import pytest
import sqlalchemy as sa

from stagenorm_pipeline_tests.support.application import Application
from stagenorm_pipeline_tests.support.dagster_project import DagsterProject


@pytest.fixture
def project(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[DagsterProject]:
    """The definitions without a database and without a configuration file."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("STAGENORM_CONFIG", raising=False)
    monkeypatch.delenv("DATABASE_URL", raising=False)
    with dg.DagsterInstance.ephemeral() as instance:
        yield DagsterProject(instance)


@pytest.fixture
def application(project: DagsterProject, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Application]:
    """The application's database, with the tracking tables. `project` uses it."""
    monkeypatch.setenv("DATABASE_URL", database_url)
    opened = Application(database_url)
    opened.set_up()
    yield opened
    opened.close()


@pytest.fixture
def storage_url(database_url: str) -> Iterator[str]:
    """A second database on the same server, for Dagster."""
    url = sa.make_url(database_url)
    name = f"{url.database}_dagster"
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
        yield url.set(database=name).render_as_string(hide_password=False)
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())
