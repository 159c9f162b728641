"""Fixtures of all tests: a PostgreSQL server for the session, and a database or an application for each test.

`STAGENORM_TEST_DATABASE_URL` names another server: any of its databases, with a role that may create databases. Without
it the tests use an embedded server of their own, which all processes of a session share.
"""

import gc
import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa
from hypothesis import settings

from stagenorm_pipeline.engine.postgres.connection import Database
from stagenorm_pipeline.local.embedded_postgres import EmbeddedPostgres
from stagenorm_pipeline_tests.support.application import Application
from stagenorm_pipeline_tests.support.private_server import PrivateServer
from stagenorm_pipeline_tests.support.recycled_database import RecycledApplications, RecycledDatabase
from stagenorm_pipeline_tests.support.server_homes import new_server_home, remove_leftovers

# Few examples and always the same ones: a failure is reproducible, and random search is for `make soak`.
settings.register_profile("quick", deadline=None, derandomize=True, max_examples=25)
settings.register_profile("thorough", deadline=None, max_examples=1_000)
settings.load_profile("quick")

# Where the embedded server of this session is. Its first process sets it, and the others inherit it.
_SERVER_HOME = "STAGENORM_TEST_SERVER_HOME"


def pytest_configure(config: pytest.Config) -> None:
    """Let Ctrl-C reach the programs that tests start, and choose where the server is.

    A script's shell starts background jobs with SIGINT ignored, and child processes inherit that.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if _SERVER_HOME not in os.environ:
        remove_leftovers()
        home = new_server_home()
        os.environ[_SERVER_HOME] = str(home)
        config.add_cleanup(lambda: shutil.rmtree(home))


def pytest_collection_finish() -> None:
    """Spare what the imports made from the garbage collector: it would look through all of it every few tests."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


@pytest.fixture(scope="session")
def postgres_server_url() -> Iterator[str]:
    """The URL of the server, for libpq and with a role that may create databases."""
    named = os.environ.get("STAGENORM_TEST_DATABASE_URL")
    if named:
        yield sa.make_url(named).set(drivername="postgresql").render_as_string(hide_password=False)
        return
    with EmbeddedPostgres.start(Path(os.environ[_SERVER_HOME])) as server:
        url = server.url("postgres")
        _configure(url)
        yield url


@pytest.fixture(scope="session")
def recycled_database(postgres_server_url: str) -> Iterator[RecycledDatabase]:
    """The database behind `database_url`, which test after test uses."""
    database = RecycledDatabase(postgres_server_url, f"stagenorm_test_{os.getpid()}_1")
    yield database
    database.drop()


@pytest.fixture
def database_url(recycled_database: RecycledDatabase) -> Iterator[str]:
    """The URL of an empty database that only this test uses, for libpq."""
    with recycled_database.one() as url:
        yield url


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """The engine's connection to an empty database."""
    opened = Database.at(database_url)
    yield opened
    opened.close()


@pytest.fixture
def bare(database_url: str) -> Iterator[Application]:
    """An application in an empty database: the test creates the tables and applies our migrations."""
    application = Application(database_url)
    yield application
    application.close()


@pytest.fixture(scope="session")
def recycled_applications(postgres_server_url: str) -> Iterator[RecycledApplications]:
    """The database behind `application`, which test after test uses."""
    prefix = f"stagenorm_test_{os.getpid()}"
    applications = RecycledApplications(postgres_server_url, name=f"{prefix}_2", template=f"{prefix}_3")
    yield applications
    applications.drop()


@pytest.fixture
def application(recycled_applications: RecycledApplications) -> Iterator[Application]:
    """An application with its two empty tables and our migrations."""
    with recycled_applications.one() as application:
        yield application


@pytest.fixture(scope="session")
def clone_server() -> Iterator[PrivateServer]:
    """A second server, for clones of an application."""
    with PrivateServer() as server:
        yield server


def _configure(server_url: str) -> None:
    """Turn off what only protects data from a power failure, and autovacuum.

    Autovacuum would collect statistics at a random moment, so that a test's queries are sometimes planned otherwise.
    """
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute("ALTER SYSTEM SET fsync = off")
        connection.execute("ALTER SYSTEM SET full_page_writes = off")
        connection.execute("ALTER SYSTEM SET autovacuum = off")
        connection.execute("SELECT pg_reload_conf()")
