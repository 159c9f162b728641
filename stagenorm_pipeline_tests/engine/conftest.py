"""Fixtures of the engine's tests."""

import os
from collections.abc import Iterator

import pytest

from stagenorm_pipeline.engine.postgres.connection import Database
from stagenorm_pipeline_tests.support.application import Application
from stagenorm_pipeline_tests.support.recycling import RecycledApplications


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """An empty database."""
    opened = Database.at(database_url)
    yield opened
    opened.close()


@pytest.fixture
def bare(database_url: str) -> Iterator[Application]:
    """An application whose tables a test makes itself, without our migrations."""
    application = Application(database_url)
    yield application
    application.close()


@pytest.fixture(scope="session")
def recycled_applications(postgres_server_url: str) -> Iterator[RecycledApplications]:
    # The root conftest drops databases with such a name that a killed run left behind.
    applications = RecycledApplications(postgres_server_url, f"stagenorm_test_{os.getpid()}_0")
    yield applications
    applications.drop()


@pytest.fixture
def application(recycled_applications: RecycledApplications) -> Iterator[Application]:
    """An application with its two empty tables and our migrations."""
    with recycled_applications.one() as application:
        yield application
