"""Fixtures of the report's tests, for those that make a report of a real verification."""

import os
from collections.abc import Iterator

import pytest

from stagenorm_pipeline_tests.support.application import Application
from stagenorm_pipeline_tests.support.recycling import RecycledApplications


@pytest.fixture(scope="session")
def recycled_for_reports(postgres_server_url: str) -> Iterator[RecycledApplications]:
    # The engine's tests of the same session have one of their own, which ends in 0; the others count from 1.
    applications = RecycledApplications(postgres_server_url, f"stagenorm_test_{os.getpid()}_{10**6}")
    yield applications
    applications.drop()


@pytest.fixture
def application(recycled_for_reports: RecycledApplications) -> Iterator[Application]:
    """An application with its two empty tables and our migrations."""
    with recycled_for_reports.one() as application:
        yield application
