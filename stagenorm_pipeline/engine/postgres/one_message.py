"""Send several statements as one message: one round trip, and one transaction that the server begins and ends.

Without BEGIN and COMMIT the statements are one implicit transaction. Each has its own snapshot, `SET LOCAL` works, and
the server commits after the last one. After an error the session is idle and its locks are free, even if the client
hangs. (With an explicit BEGIN it would stay `idle in transaction (aborted)` and occupy a session of the pooler.)
"""

from collections.abc import Mapping, Sequence
from typing import Any

import psycopg

from stagenorm_pipeline.engine.postgres.bounded_connection import SilentServerError
from stagenorm_pipeline.engine.postgres.connection import Database, driver_of
from stagenorm_pipeline.engine.postgres.tracking_schema import own_prefix, qualified

# The database's default may be stricter, and its snapshots older than our locks. It must come first.
_READ_COMMITTED = "SET TRANSACTION ISOLATION LEVEL READ COMMITTED"

# What the guards of sql/apply/require_*.sql write into their error.
_GUARD = '"stagenorm: '


class GuardError(Exception):
    """A guard ended the transaction, because something was not as the following statements need it."""


class OverdueError(Exception):
    """The message as a whole took longer than the client waits, so it was cancelled."""


def send_message(
    database: Database, statements: Sequence[str], values: Mapping[str, object], *, wait_ms: int
) -> list[list[Any]]:
    """Run the statements in one READ COMMITTED transaction, and return the rows of each.

    Waits for `wait_ms` plus a margin (0: an hour). psycopg quotes the values, because a message of several statements
    cannot carry parameters. Raises GuardError, OverdueError, or what `Database.transaction` raises.
    """
    text = ";\n".join(one.rstrip().removesuffix(";") for one in (_READ_COMMITTED, *statements))
    with database.autocommit() as connection:
        driver = driver_of(connection)
        if wait_ms:
            driver.bound_s = wait_ms / 1_000 + driver.bounds.margin_s
        try:
            return driver.execute_message(qualified(text, own_prefix(connection)), values)[1:]
        except SilentServerError as error:
            if not driver.closed:
                raise OverdueError from error
            raise
        except psycopg.errors.InvalidTextRepresentation as error:
            if not error.diag.context and _GUARD in (error.diag.message_primary or ""):
                raise GuardError(error.diag.message_primary) from error
            raise
        finally:
            if driver.closed:
                # SQLAlchemy has not seen the error, and would go on with the dead connection.
                connection.invalidate()
