"""The database that DATABASE_URL names, open for as long as a command works."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from stagenorm_pipeline.errors import ConfigurationError

if TYPE_CHECKING:
    from stagenorm_pipeline.engine.postgres.connection import Database


@contextmanager
def open_database(*, to_record: bool = False) -> Iterator[Database]:
    """Raises ConfigurationError when DATABASE_URL is missing or is not PostgreSQL's.

    `to_record`: for a command that reads much before it writes. Raises ReadOnlyServerError where it could not write.
    """
    from stagenorm_pipeline.config.settings import load_configuration
    from stagenorm_pipeline.engine.postgres.connection import Database

    url = os.environ.get("DATABASE_URL", "")
    if not url.strip():
        raise ConfigurationError(
            "DATABASE_URL is not set.",
            remedy="export DATABASE_URL=postgresql://USER:PASSWORD@HOST:5432/DATABASE "
            "(or try `stagenorm demo`, which needs none).",
        )
    database = Database.at(url, tracking_schema=load_configuration().tracking_schema)
    try:
        if to_record:
            from stagenorm_pipeline.engine.preflight.checks.read_only_server import require_writable

            require_writable(database)
        yield database
    finally:
        database.close()
