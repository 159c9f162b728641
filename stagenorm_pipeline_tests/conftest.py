"""The PostgreSQL that the tests run on: a server for the session, and a fresh database for each test.

`STAGENORM_TEST_DATABASE_URL` names another server (any database of it, with a role that may create databases);
without it the embedded one under `.stagenorm` is used. Nothing of one room of the package belongs here.
"""

import itertools
import os
import re
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa
from psycopg import sql

from stagenorm_pipeline.local.embedded_postgres import EmbeddedPostgres

_REPOSITORY = Path(__file__).parents[1]
_NUMBERS = itertools.count(1)
# The same order and case rules on every machine; the provider exists from PostgreSQL 17 on.
_BUILTIN_LOCALE = sql.SQL(" ENCODING 'UTF8' LOCALE 'C' LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8'")


@pytest.fixture(scope="session")
def postgres_server_url() -> Iterator[str]:
    """A URL for libpq that may create databases."""
    named = os.environ.get("STAGENORM_TEST_DATABASE_URL")
    if named:
        yield sa.make_url(named).set(drivername="postgresql").render_as_string(hide_password=False)
        return
    with EmbeddedPostgres.start(_REPOSITORY / ".stagenorm") as server:
        url = server.url("postgres")
        _drop_leftovers(url)
        yield url


@pytest.fixture
def database_url(postgres_server_url: str) -> Iterator[str]:
    """A URL for libpq of an empty database that is this test's alone."""
    name = f"stagenorm_test_{os.getpid()}_{next(_NUMBERS)}"
    with psycopg.connect(postgres_server_url, autocommit=True) as connection:
        create = sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name))
        connection.execute(create + _BUILTIN_LOCALE if connection.info.server_version >= 170000 else create)
    try:
        yield sa.make_url(postgres_server_url).set(database=name).render_as_string(hide_password=False)
    finally:
        _drop(postgres_server_url, name)


def _drop(server_url: str, name: str) -> None:
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def _drop_leftovers(server_url: str) -> None:
    """Drops the databases of test processes that were killed; for a server that only this machine's tests use."""
    with psycopg.connect(server_url) as connection:
        names = [name for (name,) in connection.execute("SELECT datname FROM pg_database")]
    for name in names:
        owner = re.fullmatch(r"stagenorm_test_(\d+)_\d+", name)
        if owner and not _is_alive(int(owner[1])):
            _drop(server_url, name)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
