"""A clone of an application on another server, as a restored backup of the time before `init-db` has it."""

from collections.abc import Iterator
from contextlib import contextmanager

from stagenorm_pipeline_tests.support.application import COMPANIES, DEALS, TABLES, Application
from stagenorm_pipeline_tests.support.private_server import PrivateServer


@contextmanager
def cloned(application: Application, server: PrivateServer) -> Iterator[Application]:
    """Copy the application's two tables to a new database of the server, without our tables."""
    url = server.create_database()
    clone = Application(url)
    clone.sql(TABLES)
    for table in (COMPANIES, DEALS):
        columns = "id, fund_id, stage"
        rows = application.sql(f"SELECT {columns} FROM {table} ORDER BY id")
        for row in rows:
            clone.sql(f"INSERT INTO {table} ({columns}) VALUES (%s, %s, %s)", *row)
    yield clone
    clone.close()
    server.drop_database(url)
