"""Fixtures of the command line's tests."""

import psycopg
import pytest

# As the runbook's application has them, with a few rows of each kind.
_TABLES = b"""
CREATE TABLE portfoliocompanies (
    id serial PRIMARY KEY, fund_id integer, name text, sector text, stage text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now());
CREATE TABLE deal_opportunities (
    id serial PRIMARY KEY, fund_id integer, company_name text, stage text, status text DEFAULT 'open');
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
        connection.execute(_TABLES)
    return database_url
