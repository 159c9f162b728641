"""Warn of a DATABASE_URL that cannot be reached, beside the start of the UI and without delaying it.

Only a warning: the pages of earlier runs are useful without the database.
"""

import sys
import threading
from typing import Final

from sqlalchemy.exc import DBAPIError

from stagenorm_pipeline.config.database_url import without_password
from stagenorm_pipeline.engine.postgres.bounded_connection import WaitBounds
from stagenorm_pipeline.engine.postgres.connection import Database, first_line
from stagenorm_pipeline.errors import StagenormError
from stagenorm_pipeline.report.escape import sentence_for_terminal

_WAITS: Final = WaitBounds(connect_s=5, short_s=5)


def warn_if_unreachable(url: str, *, until_then: str) -> threading.Thread:
    """Try to connect in the background. `until_then`: what does not work without the database.

    The thread ends in about 10 s at the latest, and keeps no process alive.
    """
    thread = threading.Thread(target=_try, args=(url, until_then), daemon=True)
    thread.start()
    return thread


def _try(url: str, until_then: str) -> None:
    database = Database.at(url, waits=_WAITS)
    try:
        with database.transaction(is_short=True):
            pass
    except StagenormError as error:
        _warn(error.message, until_then)
    except DBAPIError as error:
        said = without_password(first_line(error), database.engine.url)
        _warn(f"The database {database.name} said: {said}", until_then)
    finally:
        database.close()


def _warn(what: str, until_then: str) -> None:
    remedy = "Check that the server is up and that DATABASE_URL names it."
    print(f"[WARN] {sentence_for_terminal(what)}\n  {until_then} {remedy}", file=sys.stderr, flush=True)  # noqa: T201
