"""Run `stagenorm ui`: the Dagster UI over the user's database, or over the demo's if DATABASE_URL is not set.

Dagster's own storage is in STAGENORM_DAGSTER_URL, or else in the embedded PostgreSQL. It is never in the application's
database.
"""

import os
from contextlib import ExitStack
from pathlib import Path

from stagenorm_pipeline.config.database_url import describe, parse_database_url
from stagenorm_pipeline.errors import ConfigurationError, StagenormError
from stagenorm_pipeline.local.dagster_services import Address, run_read_only, run_services
from stagenorm_pipeline.local.database_check import warn_if_unreachable
from stagenorm_pipeline.local.demo import DEMO_DATABASE
from stagenorm_pipeline.local.demo_database import ready_demo_database
from stagenorm_pipeline.local.embedded_postgres import EmbeddedPostgres
from stagenorm_pipeline.local.file_lock import FileLock
from stagenorm_pipeline.local.home import home_directory

_DAGSTER_DATABASE = "stagenorm_dagster"


def run_ui(address: Address) -> None:
    """Serve the UI until Ctrl-C. Raises StagenormError if a database or a service is not available."""
    home = home_directory()
    app_url = os.environ.get("DATABASE_URL", "").strip()
    dagster_url = os.environ.get("STAGENORM_DAGSTER_URL", "").strip()
    owns_runs = not dagster_url
    with ExitStack() as stack:
        inherited_fds: tuple[int, ...] = (require_only_ui(home, stack),)
        if not app_url or not dagster_url:
            server = stack.enter_context(EmbeddedPostgres.start(home))
            inherited_fds += (server.lease_fd,)
            dagster_url = dagster_url or _dagster_database(server)
            app_url = app_url or _demo_database(server, dagster_url)
        _refuse_one_database_for_both(app_url, dagster_url)
        warn_if_unreachable(app_url, until_then="Until it answers, runs and reports fail.")
        run_services(
            home,
            dagster_url=dagster_url,
            app_url=app_url,
            say=_print,
            address=address,
            inherited_fds=inherited_fds,
            owns_runs=owns_runs,
        )


def run_read_only_ui(address: Address) -> None:
    """Serve the read-only UI until Ctrl-C, whether `run_ui` runs or not. Raises as `run_ui` does."""
    home = home_directory()
    app_url: str | None = os.environ.get("DATABASE_URL", "").strip() or None
    dagster_url = os.environ.get("STAGENORM_DAGSTER_URL", "").strip()
    with ExitStack() as stack:
        inherited_fds: tuple[int, ...] = ()
        if not dagster_url:
            server = stack.enter_context(EmbeddedPostgres.start(home))
            inherited_fds = (server.lease_fd,)
            dagster_url = _dagster_database(server)
            app_url = app_url or server.url(DEMO_DATABASE)
        if app_url:
            warn_if_unreachable(app_url, until_then="Until it answers, the pages have no reports.")
        run_read_only(
            home, dagster_url=dagster_url, app_url=app_url, say=_print, address=address, inherited_fds=inherited_fds
        )


def require_only_ui(home: Path, stack: ExitStack) -> int:
    """Take the lock for the one UI with a daemon that a home may have. Returns it for the services to hold as well.

    A second daemon would report the runs of the first as left over from a crash, and launch them again.
    Raises StagenormError if another UI holds the lock.
    """
    lock = stack.enter_context(FileLock(home / "ui.lock"))
    if not lock.try_exclusive():
        raise StagenormError(
            f"Another `stagenorm ui` runs with {home}, or is just stopping.",
            remedy="Use its page, start a second one with --read-only, or name another home in STAGENORM_HOME.",
        )
    return lock.fd


def _dagster_database(server: EmbeddedPostgres) -> str:
    server.ensure_database(_DAGSTER_DATABASE)
    return server.url(_DAGSTER_DATABASE)


def _demo_database(server: EmbeddedPostgres, dagster_url: str) -> str:
    url = ready_demo_database(server)
    _print("DATABASE_URL is not set: using the demo's database. To use it in another terminal while this runs:")
    _print(f"  export DATABASE_URL='{url}'")
    _print(f"  export STAGENORM_DAGSTER_URL='{dagster_url}'")
    _print("With the second one, runs from that terminal appear in the UI too.")
    return url


def _refuse_one_database_for_both(app_url: str, dagster_url: str) -> None:
    app, dagster = parse_database_url(app_url), parse_database_url(dagster_url)
    if (app.host, app.port, app.database, app.query) == (dagster.host, dagster.port, dagster.database, dagster.query):
        raise ConfigurationError(
            f"DATABASE_URL and STAGENORM_DAGSTER_URL both name {describe(app)}.",
            remedy="Dagster needs its own database. Create one and name it in STAGENORM_DAGSTER_URL, or unset "
            "STAGENORM_DAGSTER_URL to use the embedded one.",
        )


def _print(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - this is the terminal
