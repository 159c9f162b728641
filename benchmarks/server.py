"""The server that is measured on: `STAGENORM_BENCH_DATABASE_URL`, or the embedded one in a home of its own."""

import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
import sqlalchemy as sa
from psycopg import sql

from stagenorm_pipeline.engine.postgres.connection import Database
from stagenorm_pipeline.engine.postgres.migrations import apply_migrations
from stagenorm_pipeline.local.embedded_postgres import EmbeddedPostgres

_HOME = Path(__file__).parents[1] / ".stagenorm" / "bench"
_SETTINGS = (
    "server_version", "fsync", "synchronous_commit", "full_page_writes", "shared_buffers", "work_mem",
    "max_wal_size", "checkpoint_timeout",
)  # fmt: skip

# One checkpoint before each contestant, by our hand, and none by chance in the middle of another.
_EMBEDDED = {"max_wal_size": "16GB", "checkpoint_timeout": "1h", "autovacuum": "off"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """Where databases are made; `url` is any database of it, by a role that may create databases."""

    url: str

    def database_url(self, name: str) -> str:
        return sa.make_url(self.url).set(database=name).render_as_string(hide_password=False)

    def connect(self, name: str | None = None) -> psycopg.Connection:
        return psycopg.connect(self.database_url(name) if name else self.url, autocommit=True)

    def create(self, name: str) -> None:
        with self.connect() as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
            connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name)))

    def add_tracking_tables(self, name: str) -> None:
        database = Database.at(self.database_url(name))
        apply_migrations(database)
        database.close()

    def copy(self, template: str, name: str) -> None:
        """A fresh copy, checkpointed, so that no contestant pays for another's dirty pages."""
        with self.connect() as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
            copy = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy")
            connection.execute(copy.format(sql.Identifier(name), sql.Identifier(template)))
            connection.execute("CHECKPOINT")

    def drop(self, name: str) -> None:
        with self.connect() as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def describe(self) -> dict[str, str]:
        """The machine and the settings that a reader needs to judge a figure."""
        with self.connect() as connection:
            rows = connection.execute(
                "SELECT name, current_setting(name) FROM unnest(%s::text[]) AS name", [list(_SETTINGS)]
            )
            settings: dict[str, str] = dict(rows.fetchall())
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
        return {"machine": f"{platform.machine()}, {cores} cores", "python": platform.python_version(), **settings}


@contextmanager
def server(shared_buffers: str = "128MB") -> Iterator[Server]:
    """The server, for as long as it is needed. `shared_buffers` is for the embedded one alone; 128MB is its default."""
    named = os.environ.get("STAGENORM_BENCH_DATABASE_URL")
    if named:
        yield Server(url=sa.make_url(named).set(drivername="postgresql").render_as_string(hide_password=False))
        return
    with EmbeddedPostgres.start(_HOME) as embedded, Server(url=embedded.url("postgres")).connect() as connection:
        for name, value in {**_EMBEDDED, "shared_buffers": shared_buffers}.items():
            connection.execute(sql.SQL("ALTER SYSTEM SET {} = {}").format(sql.Identifier(name), sql.Literal(value)))
    # Anew: some take effect at a start alone, and the server stops when nobody uses it.
    with EmbeddedPostgres.start(_HOME) as embedded:
        yield Server(url=embedded.url("postgres"))
