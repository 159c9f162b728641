"""`stagenorm ui`: the Dagster UI over the user's database or, where DATABASE_URL is not set, over the demo's.

Dagster's own storage is in STAGENORM_DAGSTER_URL or, where that is not set, in the embedded PostgreSQL: never in the
application's database.
"""

import os
from contextlib import ExitStack
from pathlib import Path

from stagenorm_pipeline.config.database_url import describe, parse_database_url
from stagenorm_pipeline.engine.postgres.connection import Database
from stagenorm_pipeline.engine.postgres.migrations import apply_migrations
from stagenorm_pipeline.errors import ConfigurationError, StagenormError
from stagenorm_pipeline.local.demo import prepare_demo
from stagenorm_pipeline.local.embedded_postgres import EmbeddedPostgres
from stagenorm_pipeline.local.file_lock import FileLock
from stagenorm_pipeline.local.home import home_directory
from stagenorm_pipeline.local.services import Address, run_read_only, run_services

_DAGSTER_DATABASE = "stagenorm_dagster"


def run_ui(address: Address) -> None:
    """Serve until Ctrl-C. Raises StagenormError when a database or a service cannot be had."""
    home = home_directory()
    app_url = os.environ.get("DATABASE_URL", "").strip()
    dagster_url = os.environ.get("STAGENORM_DAGSTER_URL", "").strip()
    owns_runs = not dagster_url
    with ExitStack() as stack:
        hold: tuple[int, ...] = (only_one(home, stack),)
        if not app_url or not dagster_url:
            server = stack.enter_context(EmbeddedPostgres.start(home))
            hold += (server.lease_fd,)
            dagster_url = dagster_url or _dagster_database(server)
            app_url = app_url or _demo_database(server, dagster_url)
        _refuse_one_database_for_both(app_url, dagster_url)
        run_services(
            home, dagster_url=dagster_url, app_url=app_url, say=_say, address=address, hold=hold, owns_runs=owns_runs
        )


def run_read_only_ui(address: Address) -> None:
    """Serve what is there for reading, until Ctrl-C, whether `run_ui` runs or not. Raises as it does."""
    home = home_directory()
    dagster_url = os.environ.get("STAGENORM_DAGSTER_URL", "").strip()
    with ExitStack() as stack:
        hold: tuple[int, ...] = ()
        if not dagster_url:
            server = stack.enter_context(EmbeddedPostgres.start(home))
            hold = (server.lease_fd,)
            dagster_url = _dagster_database(server)
        run_read_only(home, dagster_url=dagster_url, say=_say, address=address, hold=hold)


def only_one(home: Path, stack: ExitStack) -> int:
    """The lock of the one UI with a daemon that a home may have, which its services hold as well.

    A second one would report the runs of the first as left over from a crash, and its daemon would launch them again.
    Raises StagenormError when there is one.
    """
    lock = stack.enter_context(FileLock(home / "ui.lock"))
    if not lock.try_exclusive():
        raise StagenormError(
            f"Another `stagenorm ui` runs with {home}, or is just stopping.",
            remedy="Use its page, add --read-only for a second one to read, or name another home in STAGENORM_HOME.",
        )
    return lock.fd


def _dagster_database(server: EmbeddedPostgres) -> str:
    server.ensure_database(_DAGSTER_DATABASE)
    return server.url(_DAGSTER_DATABASE)


def _demo_database(server: EmbeddedPostgres, dagster_url: str) -> str:
    url, _ = prepare_demo(server)
    database = Database.at(url)
    apply_migrations(database)
    database.close()
    _say("DATABASE_URL is not set: working on the demo's database. While this runs, in another terminal:")
    _say(f"  export DATABASE_URL='{url}'")
    _say(f"  export STAGENORM_DAGSTER_URL='{dagster_url}'")
    _say("The second makes what is run there appear on the page.")
    return url


def _refuse_one_database_for_both(app_url: str, dagster_url: str) -> None:
    app, dagster = parse_database_url(app_url), parse_database_url(dagster_url)
    if (app.host, app.port, app.database, app.query) == (dagster.host, dagster.port, dagster.database, dagster.query):
        raise ConfigurationError(
            f"DATABASE_URL and STAGENORM_DAGSTER_URL both name {describe(app)}.",
            remedy="Dagster keeps its history in a database of its own: create one, and name it in "
            "STAGENORM_DAGSTER_URL (or unset that for the embedded one).",
        )


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - this is the terminal
