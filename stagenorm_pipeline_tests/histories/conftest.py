"""One database for all histories of a test process."""

import os
from collections.abc import Iterator

import psycopg
import pytest
import sqlalchemy as sa
from psycopg import sql

from stagenorm_pipeline_tests.histories.world import World


@pytest.fixture(scope="session")
def world(postgres_server_url: str) -> Iterator[World]:
    """The database that the histories use one after the other."""
    name = sql.Identifier(f"stagenorm_test_{os.getpid()}_900002")
    with psycopg.connect(postgres_server_url, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(name))
    url = sa.make_url(postgres_server_url).set(database=name.as_string(None).strip('"'))
    world = World(url.render_as_string(hide_password=False))
    yield world
    world.close()
    with psycopg.connect(postgres_server_url, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(name))
