"""The clone of a rehearsal: make sure that it is not the primary, and say which errors are about the clone."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

import sqlalchemy as sa

from stagenorm_pipeline.engine.postgres.connection import Database
from stagenorm_pipeline.engine.postgres.migrations import apply_migrations, require_migrations
from stagenorm_pipeline.engine.postgres.sql_files import statement
from stagenorm_pipeline.errors import (
    ConnectionFailedError,
    MissingMigrationError,
    ReadOnlyServerError,
    RefusedError,
    StagenormError,
)


class CloneError(StagenormError):
    """A clone cannot be used for a rehearsal."""


def require_clone(primary: Database, clone: Database) -> None:
    """Raise CloneError if the clone is the primary's own server, or takes no writes."""
    with primary.transaction(is_short=True) as connection:
        ours = _identity(connection)
    with on_clone(clone), clone.transaction(is_short=True) as connection:
        theirs = _identity(connection)
    # Not the system identifier: a physical clone has the primary's. Not address and port: a server has several
    # addresses and a socket. The start has microseconds, so two servers do not share it.
    if theirs.started_at == ours.started_at:
        raise CloneError(
            f"{clone.name} is on the server of the primary itself, so the rehearsal would burden or change it.",
            remedy="Restore a backup to another server, or start a thin clone, and name that one with --on.",
        )
    if theirs.is_standby:
        raise CloneError(
            f"The clone {clone.name} is a standby, which takes no writes.",
            remedy="Promote it, if nobody needs it as a standby: SELECT pg_promote()",
        )


def create_missing_tables(clone: Database) -> None:
    """Create stagenorm's own tables in the clone, if its backup is from before `init-db` or an upgrade."""
    try:
        with clone.transaction() as connection:
            require_migrations(connection)
    except MissingMigrationError:
        apply_migrations(clone)


@contextmanager
def on_clone(clone: Database) -> Iterator[None]:
    """Say of an error that it is about the clone, with what to do there."""
    try:
        yield
    except ConnectionFailedError as error:
        raise CloneError(
            f"On the clone: {error.message}", remedy="Check that the clone is up and that --on names it."
        ) from error
    except ReadOnlyServerError as error:
        raise CloneError(f"On the clone: {error.message}", remedy="Let the clone take writes.") from error
    except RefusedError as error:
        raise CloneError(
            f"On the clone: {error.message}",
            remedy="Name a role with --on that owns the tables of the clone, or a superuser there.",
        ) from error
    except CloneError:
        raise
    except StagenormError as error:
        raise CloneError(
            f"On the clone {clone.name}: {error.message}", remedy="Restore a newer backup, or connect to its database."
        ) from error


def _identity(connection: sa.Connection) -> sa.Row[tuple[datetime, bool]]:
    return connection.exec_driver_sql(statement("apply/server_identity")).one()
