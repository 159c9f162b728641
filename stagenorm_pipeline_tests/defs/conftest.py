"""Fixtures of the Dagster face's tests."""

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from stagenorm_pipeline_tests.support.application import Application
from stagenorm_pipeline_tests.support.dagster_project import Face


@pytest.fixture
def face(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Face]:
    """The definitions, where there is no database and no configuration file."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("STAGENORM_CONFIG", raising=False)
    monkeypatch.delenv("DATABASE_URL", raising=False)
    with dg.DagsterInstance.ephemeral() as instance:
        yield Face(instance)


@pytest.fixture
def application(face: Face, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Application]:
    """An application with its tables and our migrations, which `face` works on."""
    monkeypatch.setenv("DATABASE_URL", database_url)
    opened = Application(database_url)
    opened.set_up()
    yield opened
    opened.close()
