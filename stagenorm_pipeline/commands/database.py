"""The database that DATABASE_URL names, open for as long as a command works."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from stagenorm_pipeline.engine.errors import ConfigurationError

if TYPE_CHECKING:
    from stagenorm_pipeline.engine.connection import Database


@contextmanager
def open_database() -> Iterator[Database]:
    """Raises ConfigurationError when DATABASE_URL is missing or is not PostgreSQL's."""
    from stagenorm_pipeline.engine.connection import Database

    url = os.environ.get("DATABASE_URL", "")
    if not url.strip():
        raise ConfigurationError(
            "DATABASE_URL is not set.",
            remedy="export DATABASE_URL=postgresql://USER:PASSWORD@HOST:5432/DATABASE "
            "(or try `stagenorm demo`, which needs none).",
        )
    database = Database.at(url)
    try:
        yield database
    finally:
        database.close()
