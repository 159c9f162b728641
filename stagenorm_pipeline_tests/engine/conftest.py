"""Fixtures of the engine's tests."""

import itertools
import os
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest
import sqlalchemy as sa
from psycopg import sql

from stagenorm_pipeline.engine.connection import Database
from stagenorm_pipeline_tests.engine.application import Application

_NUMBERS = itertools.count(1)


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


@contextmanager
def created(server_url: str, name: str, template: str) -> Iterator[Application]:
    def run(statement: str, **names: str) -> None:
        with psycopg.connect(server_url, autocommit=True) as connection:
            connection.execute(sql.SQL(statement).format(**{key: sql.Identifier(n) for key, n in names.items()}))

    run("CREATE DATABASE {name} TEMPLATE {template}", name=name, template=template)
    application = Application(sa.make_url(server_url).set(database=name).render_as_string(hide_password=False))
    try:
        yield application
    finally:
        application.close()
        run("DROP DATABASE {name} WITH (FORCE)", name=name)


@pytest.fixture(scope="session")
def application_template(postgres_server_url: str) -> Iterator[str]:
    """A database to copy: made once, since the migrations take three times as long as a copy."""
    # The root conftest drops databases of this form that a killed run left behind.
    name = f"stagenorm_test_{os.getpid()}_0"
    with created(postgres_server_url, name, "template0") as application:
        application.set_up()
        application.close()
        yield name


@pytest.fixture
def application(postgres_server_url: str, application_template: str) -> Iterator[Application]:
    """An application with its two empty tables and our migrations."""
    with created(postgres_server_url, f"{application_template}{next(_NUMBERS)}", application_template) as application:
        yield application
