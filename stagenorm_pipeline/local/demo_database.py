"""The demo's database, ready for any command: with its rows and with stagenorm's own tables."""

from collections.abc import Iterator
from contextlib import contextmanager

from stagenorm_pipeline.engine.postgres.connection import Database
from stagenorm_pipeline.engine.postgres.migrations import apply_migrations
from stagenorm_pipeline.local.demo import prepare_demo
from stagenorm_pipeline.local.embedded_postgres import EmbeddedPostgres
from stagenorm_pipeline.local.home import home_directory


@contextmanager
def demo_database() -> Iterator[str]:
    """Start the embedded server for as long as the caller works, and yield the URL of the demo's database."""
    with EmbeddedPostgres.start(home_directory()) as server:
        yield ready_demo_database(server)


def ready_demo_database(server: EmbeddedPostgres) -> str:
    """Create what the demo's database lacks, and return its URL."""
    url, _ = prepare_demo(server)
    database = Database.at(url)
    try:
        apply_migrations(database)
    finally:
        database.close()
    return url
