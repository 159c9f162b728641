"""Fixtures of the tests of the Dagster definitions."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import psycopg
import pytest
import sqlalchemy as sa

from stagenorm_pipeline_tests.support.application import Application
from stagenorm_pipeline_tests.support.dagster_project import DagsterProject
from stagenorm_pipeline_tests.support.server_homes import directory_in_memory


@pytest.fixture(scope="session")
def shared_instance() -> Iterator[dg.DagsterInstance]:
    """An instance in memory, empty before each test. Making one takes 0.2 s of CPU."""
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


@pytest.fixture
def project(
    shared_instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[DagsterProject]:
    """The definitions, in a directory without a configuration file and without DATABASE_URL. Retries do not wait."""
    monkeypatch.setattr("stagenorm_pipeline.engine.postgres.retry._LONGEST_WAIT_S", 0.01)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("STAGENORM_CONFIG", raising=False)
    monkeypatch.delenv("DATABASE_URL", raising=False)
    yield DagsterProject(shared_instance)
    shared_instance.wipe()
    shutil.rmtree(shared_instance.storage_directory(), ignore_errors=True)


@pytest.fixture
def application(project: DagsterProject, application: Application, monkeypatch: pytest.MonkeyPatch) -> Application:
    """The application that `project` works on: DATABASE_URL names it."""
    monkeypatch.setenv("DATABASE_URL", application.url)
    return application


@pytest.fixture
def memory_path() -> Iterator[Path]:
    """A directory in memory, for an instance of Dagster."""
    with directory_in_memory() as directory:
        yield directory


@pytest.fixture
def storage_url(database_url: str) -> Iterator[str]:
    """A second database on the same server, for Dagster."""
    url = sa.make_url(database_url)
    name = f"{url.database}_dagster"
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
        yield url.set(database=name).render_as_string(hide_password=False)
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())
