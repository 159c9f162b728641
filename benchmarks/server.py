"""The server for the measurements: `STAGENORM_BENCH_DATABASE_URL`, or an embedded one in its own home directory."""

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

# Settings that avoid checkpoints during a contestant. Each contestant starts after an explicit checkpoint.
_EMBEDDED = {"max_wal_size": "16GB", "checkpoint_timeout": "1h", "autovacuum": "off"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A server on which databases can be created. `url` names any of its databases, with a role that may create them."""

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
        """Make a fresh copy and a checkpoint, so that no contestant pays for another's dirty pages."""
        with self.connect() as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
            copy = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy")
            connection.execute(copy.format(sql.Identifier(name), sql.Identifier(template)))
            connection.execute("CHECKPOINT")

    def drop(self, name: str) -> None:
        with self.connect() as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def describe(self) -> dict[str, str]:
        """Return the machine and the settings, so that a reader can judge the figures."""
        with self.connect() as connection:
            rows = connection.execute(
                "SELECT name, current_setting(name) FROM unnest(%s::text[]) AS name", [list(_SETTINGS)]
            )
            settings: dict[str, str] = dict(rows.fetchall())
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
        return {"machine": f"{platform.machine()}, {cores} cores", "python": platform.python_version(), **settings}


@contextmanager
def server(shared_buffers: str = "128MB") -> Iterator[Server]:
    """Provide the server. `shared_buffers` applies only to the embedded one; its default is 128MB."""
    named = os.environ.get("STAGENORM_BENCH_DATABASE_URL")
    if named:
        yield Server(url=sa.make_url(named).set(drivername="postgresql").render_as_string(hide_password=False))
        return
    with EmbeddedPostgres.start(_HOME) as embedded, Server(url=embedded.url("postgres")).connect() as connection:
        for name, value in {**_EMBEDDED, "shared_buffers": shared_buffers}.items():
            connection.execute(sql.SQL("ALTER SYSTEM SET {} = {}").format(sql.Identifier(name), sql.Literal(value)))
    # Started a second time, because some settings need a restart. It stopped when the block above ended.
    with EmbeddedPostgres.start(_HOME) as embedded:
        yield Server(url=embedded.url("postgres"))
