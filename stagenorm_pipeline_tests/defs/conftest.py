"""Fixtures of the tests of the Dagster definitions."""

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from stagenorm_pipeline_tests.support.application import Application
from stagenorm_pipeline_tests.support.dagster_project import Face


@pytest.fixture
def face(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Face]:
    """The definitions, in a directory without a configuration file and without DATABASE_URL."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("STAGENORM_CONFIG", raising=False)
    monkeypatch.delenv("DATABASE_URL", raising=False)
    with dg.DagsterInstance.ephemeral() as instance:
        yield Face(instance)


@pytest.fixture
def application(face: Face, application: Application, monkeypatch: pytest.MonkeyPatch) -> Application:
    """The application that `face` works on: DATABASE_URL names it."""
    monkeypatch.setenv("DATABASE_URL", application.url)
    return application
