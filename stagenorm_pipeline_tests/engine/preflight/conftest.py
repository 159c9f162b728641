"""Fixtures of the pre-flight tests."""

import itertools
import os
import secrets
from collections.abc import Callable, Iterator

import psycopg
import pytest
import sqlalchemy as sa

from stagenorm_pipeline_tests.support.application import Application

# Apart from the numbers of the suite's own fixture, in the form that its sweep of leftovers knows.
_NUMBERS = itertools.count(700_001)


@pytest.fixture(scope="session")
def template_url(postgres_server_url: str) -> Iterator[str]:
    """A database with the application's two empty tables and our migrations, to be copied."""
    url = _create(postgres_server_url, template="template0")
    application = Application(url)
    application.set_up()
    application.close()
    yield url
    _drop(postgres_server_url, url)


@pytest.fixture
def application(postgres_server_url: str, template_url: str) -> Iterator[Application]:
    """An application with its two empty tables and our migrations."""
    url = _create(postgres_server_url, template=str(sa.make_url(template_url).database))
    opened = Application(url)
    yield opened
    opened.close()
    _drop(postgres_server_url, url)


@pytest.fixture
def new_role(application: Application) -> Iterator[Callable[..., str]]:
    """Makes roles with the attributes asked for; they belong to the server, so each has a name of its own."""
    made: list[str] = []

    def make(attributes: str = "LOGIN") -> str:
        name = f"stagenorm_test_{secrets.token_hex(6)}"
        application.sql(f"CREATE ROLE {name} {attributes}")
        made.append(name)
        return name

    yield make
    for name in made:
        application.sql(f"DROP OWNED BY {name}")
        application.sql(f"DROP ROLE {name}")


@pytest.fixture
def url_of(application: Application) -> Callable[[str], str]:
    """The application's database as another role."""
    return lambda role: (
        sa.make_url(application.url).set(username=role, password=None).render_as_string(hide_password=False)
    )


def _create(server_url: str, *, template: str) -> str:
    name = f"stagenorm_test_{os.getpid()}_{next(_NUMBERS)}"
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template} ENCODING 'UTF8' LOCALE 'C'".encode())
    return sa.make_url(server_url).set(database=name).render_as_string(hide_password=False)


def _drop(server_url: str, url: str) -> None:
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {sa.make_url(url).database} WITH (FORCE)".encode())
