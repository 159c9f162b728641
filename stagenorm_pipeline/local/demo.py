"""Show the whole runbook on made-up rows in the embedded PostgreSQL. `make demo` runs this.

Each step runs the real command and shows it as you would type it.
"""

import os
import subprocess
import sys
from datetime import UTC, datetime

from stagenorm_pipeline.local.demo_data import add_late_rows, create_demo_tables, fill_demo_data
from stagenorm_pipeline.local.embedded_postgres import EmbeddedPostgres
from stagenorm_pipeline.local.home import home_directory
from stagenorm_pipeline.service.stagenorm import Stagenorm

DEMO_DATABASE = "stagenorm_demo"

_STEPS = (
    ("init-db", "stagenorm's own tables: plans, batches, the audit log"),
    ("backup --output {backup}", "every key, fund and stage in one file that psql can load"),
    ("dry-run", "what would change, read in a READ ONLY transaction"),
    ("run --yes --sleep-ms 0", "record the plan and apply it, batch by batch"),
    ("status", "progress, failures, and the next command"),
    ("verify", "seven checks over what is in the database now"),
)


def prepare_demo(server: EmbeddedPostgres) -> tuple[str, int]:
    """Create the demo database and its two tables if missing. Returns its URL and the number of rows written."""
    server.ensure_database(DEMO_DATABASE)
    url = server.url(DEMO_DATABASE)
    create_demo_tables(url)
    return url, fill_demo_data(url)


def run_demo() -> int:
    """Run every step. Returns the exit code: 0 even if rule 2 fails, because the demo's data are made to fail it."""
    home = home_directory()
    _print(f"Starting an embedded PostgreSQL in {home}")
    _print("(a unix socket only; it stops with this command)")
    with EmbeddedPostgres.start(home) as server:
        url, rows = prepare_demo(server)
        _print(f"Wrote {rows:,} rows into portfoliocompanies and deal_opportunities" if rows else _AGAIN)
        codes = {}
        backup = home / f"demo-{datetime.now(UTC):%Y%m%dT%H%M%S%f}.sql.gz"
        for command, why in _STEPS:
            _print(f"\n# {why}\n$ stagenorm {command.format(backup=backup)}")
            words = [word.format(backup=backup) for word in command.split()]
            codes[words[0]] = _stagenorm(words, url)
        failed = [name for name, code in codes.items() if code and name != "verify"]
        if failed:
            _print(f"\nThe demo did not work: `stagenorm {failed[0]}` failed.")
            return 1
        _plan_late_rows(url)
    # After `make demo` the user continues with make, and stagenorm is not on the PATH.
    by_make = "MAKELEVEL" in os.environ
    program, stagenorm = ("make", ".venv/bin/stagenorm") if by_make else ("stagenorm", "stagenorm")
    _print(_VERIFICATION_FAILED if codes["verify"] else "\nAll seven checks passed.")
    _print(_NEXT.format(program=program, stagenorm=stagenorm))
    return 0


_AGAIN = "The demo's tables exist from an earlier run: no rows written"

_VERIFICATION_FAILED = """
The verification failed on purpose. The demo's rows have spellings such as
'Seed Round' or 'Series D', as real columns do. stagenorm never guesses what an
unknown spelling means: a person decides. All known spellings are normalized
and audited.
"""

_NEXT = """
Next:
  {program} ui
      this history and this report in the Dagster UI: http://127.0.0.1:3000
      Materialize the two funds that wait, and watch the pages change.
  {stagenorm} --demo decisions
      any other command, on the demo's database
  {program} demo
      again: it applies what waits
"""


def _plan_late_rows(url: str) -> None:
    """Leave work for the first click in the Dagster UI: an import into two funds, planned and not applied."""
    rows = add_late_rows(url)
    with Stagenorm(url) as stagenorm:
        plan = stagenorm.plan()
    _print(f"\nThen another import wrote {rows} rows into two funds. Plan {plan.plan_id} has them.")
    _print("It is not applied yet.")


def _stagenorm(words: list[str], url: str) -> int:
    environment = {**os.environ, "DATABASE_URL": url}
    return subprocess.run(
        [sys.executable, "-m", "stagenorm_pipeline.cli.main", *words], env=environment, check=False
    ).returncode


def _print(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - this is the terminal
