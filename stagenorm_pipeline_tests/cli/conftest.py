"""Fixtures of the command line's tests."""

import os
from collections.abc import Iterator

import psycopg
import pytest

from stagenorm_pipeline.engine.postgres.connection import Database
from stagenorm_pipeline.engine.postgres.migrations import apply_migrations
from stagenorm_pipeline_tests.support.application import Application
from stagenorm_pipeline_tests.support.command_line import stagenorm_here
from stagenorm_pipeline_tests.support.recycled_database import RecycledApplications
from stagenorm_pipeline_tests.support.saved_rows import SavedRows
from stagenorm_pipeline_tests.support.slow_database import SlowDatabase

# As the runbook's application has them, and a few rows of each kind.
_TABLES = """
CREATE TABLE portfoliocompanies (
    id serial PRIMARY KEY, fund_id integer, name text, sector text, stage text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now());
CREATE TABLE deal_opportunities (
    id serial PRIMARY KEY, fund_id integer, company_name text, stage text, status text DEFAULT 'open');
"""
_ROWS = """
INSERT INTO portfoliocompanies (fund_id, name, stage)
SELECT nullif(i % 4, 0), 'company ' || i, (ARRAY['Seed', 'seed', 'Series A', 'pre seed', 'Seed Round'])[1 + i % 5]
FROM generate_series(1, 100) i;
INSERT INTO deal_opportunities (fund_id, company_name, stage)
SELECT nullif(i % 4, 0), 'deal ' || i, (ARRAY['SERIES B', 'series-b', NULL])[1 + i % 3] FROM generate_series(1, 30) i;
"""


@pytest.fixture
def application_url(database_url: str) -> str:
    """A database with the application's two tables: 70 messy rows, 20 unknown, 10 NULL."""
    with psycopg.connect(database_url) as connection:
        connection.execute(_TABLES.encode())
        connection.execute(_ROWS.encode())
    return database_url


@pytest.fixture(scope="session")
def recycled_portfolio(postgres_server_url: str) -> Iterator[RecycledApplications]:
    """The database behind `ready_url`, which test after test uses."""
    prefix = f"stagenorm_test_{os.getpid()}"
    portfolio = RecycledApplications(postgres_server_url, name=f"{prefix}_4", template=f"{prefix}_5", tables=_TABLES)
    yield portfolio
    portfolio.drop()


@pytest.fixture
def ready_url(recycled_portfolio: RecycledApplications) -> Iterator[str]:
    """As `application_url`, and after `stagenorm init-db`."""
    with recycled_portfolio.one() as application:
        application.sql(_ROWS)
        yield application.url


def _run(application: Application) -> None:
    application.sql(_ROWS)
    assert stagenorm_here("run", "--yes", "--sleep-ms", "0", url=application.url).code == 0


@pytest.fixture(scope="session")
def rows_of_a_run() -> SavedRows:
    return SavedRows(_run)


@pytest.fixture
def migrated_url(recycled_portfolio: RecycledApplications, rows_of_a_run: SavedRows) -> Iterator[str]:
    """As `ready_url`, and after `stagenorm run`: plan 1 is applied."""
    with recycled_portfolio.one() as application:
        rows_of_a_run.fill(application)
        yield application.url


@pytest.fixture
def slow(database_url: str) -> Iterator[SlowDatabase]:
    """Eight messy rows, ready to run, of which each takes the database as long as the test says."""
    database = Database.at(database_url)
    with psycopg.connect(database_url, autocommit=True) as user:
        user.execute(_TABLES.encode())
        apply_migrations(database)
        yield SlowDatabase(database_url, user)
    database.close()
