"""Fixtures of the safety tests: databases with an application in them, copied from a template made once."""

import itertools
import os
from collections.abc import Iterator

import psycopg
import pytest
import sqlalchemy as sa
from psycopg import sql

from stagenorm_pipeline_tests.support import engine_calls as work
from stagenorm_pipeline_tests.support import safety_laws as laws
from stagenorm_pipeline_tests.support.application import Application
from stagenorm_pipeline_tests.support.private_server import PrivateServer

# Apart from the numbers of the suite's own fixture, in the form that its sweep of leftovers knows.
_NUMBERS = itertools.count(500_001)


@pytest.fixture(scope="session")
def template_url(postgres_server_url: str) -> Iterator[str]:
    """A database with the application's empty tables and our migrations, to be copied."""
    url = _create(postgres_server_url, template="template0")
    application = Application(url)
    application.set_up()
    application.close()
    yield url
    _drop(postgres_server_url, url)


@pytest.fixture
def application(postgres_server_url: str, template_url: str) -> Iterator[Application]:
    """An application with its two empty tables and our migrations, on the suite's server."""
    url = _create(postgres_server_url, template=str(sa.make_url(template_url).database))
    application = Application(url)
    yield application
    application.close()
    _drop(postgres_server_url, url)


@pytest.fixture(scope="session")
def server() -> Iterator[PrivateServer]:
    """A server that a test may stop."""
    with PrivateServer() as started:
        template = Application(started.create_database(name="small_portfolio"))
        template.set_up()
        laws.fill(template)
        template.close()
        yield started


@pytest.fixture(scope="session")
def undisturbed(server: PrivateServer) -> laws.Undisturbed:
    """What a migration of the small portfolio does when nobody disturbs it."""
    application = Application(server.create_database(template="small_portfolio"))
    before = laws.contents(application)
    work.migrate(application.database)
    after = laws.contents(application)
    application.close()
    return laws.Undisturbed(before=before, after=after)


@pytest.fixture
def portfolio(server: PrivateServer) -> Iterator[Application]:
    """The small portfolio, not migrated yet, on the server that may be stopped."""
    url = server.create_database(template="small_portfolio")
    application = Application(url)
    yield application
    application.close()
    server.drop_database(url)


def _create(server_url: str, *, template: str) -> str:
    name = f"stagenorm_test_{os.getpid()}_{next(_NUMBERS)}"
    create = sql.SQL("CREATE DATABASE {} TEMPLATE {} ENCODING 'UTF8' LOCALE 'C'")
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(create.format(sql.Identifier(name), sql.Identifier(template)))
    return sa.make_url(server_url).set(database=name).render_as_string(hide_password=False)


def _drop(server_url: str, url: str) -> None:
    name = str(sa.make_url(url).database)
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
