"""`stagenorm ui`: the Dagster UI over the user's database or, where DATABASE_URL is not set, over the demo's.

Dagster's own storage is in STAGENORM_DAGSTER_URL or, where that is not set, in the embedded PostgreSQL: never in the
application's database.
"""

import os
from contextlib import ExitStack

from stagenorm_pipeline.engine.connection import Database, describe, parse_database_url
from stagenorm_pipeline.engine.errors import ConfigurationError
from stagenorm_pipeline.engine.migrations import apply_migrations
from stagenorm_pipeline.local.demo import prepare_demo
from stagenorm_pipeline.local.embedded_postgres import EmbeddedPostgres
from stagenorm_pipeline.local.home import home_directory
from stagenorm_pipeline.local.services import run_services

_DAGSTER_DATABASE = "stagenorm_dagster"


def run_ui(port: int) -> None:
    """Serve until Ctrl-C. Raises StagenormError when a database or a service cannot be had."""
    home = home_directory()
    app_url = os.environ.get("DATABASE_URL", "").strip()
    dagster_url = os.environ.get("STAGENORM_DAGSTER_URL", "").strip()
    with ExitStack() as stack:
        hold: tuple[int, ...] = ()
        owns_runs = not dagster_url
        if not app_url or not dagster_url:
            server = stack.enter_context(EmbeddedPostgres.start(home))
            hold = (server.lease_fd,)
            if not dagster_url:
                server.ensure_database(_DAGSTER_DATABASE)
                dagster_url = server.url(_DAGSTER_DATABASE)
            if not app_url:
                app_url = _demo_database(server)
        _refuse_one_database_for_both(app_url, dagster_url)
        run_services(
            home, dagster_url=dagster_url, app_url=app_url, say=_say, port=port, hold=hold, owns_runs=owns_runs
        )


def _demo_database(server: EmbeddedPostgres) -> str:
    url, _ = prepare_demo(server)
    database = Database.at(url)
    apply_migrations(database)
    database.close()
    _say("DATABASE_URL is not set: working on the demo's database. While this runs, in another terminal:")
    _say(f"  export DATABASE_URL='{url}'")
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
