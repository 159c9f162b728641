"""The whole runbook in front of the user, on made-up rows in the embedded PostgreSQL: what `make demo` runs.

Each step is the real command, shown as the user would type it. Does not belong here: what the rows look like.
"""

import os
import subprocess
import sys
from datetime import UTC, datetime

from stagenorm_pipeline.local.demo_data import create_demo_tables, fill_demo_data
from stagenorm_pipeline.local.embedded_postgres import EmbeddedPostgres
from stagenorm_pipeline.local.home import home_directory

DEMO_DATABASE = "stagenorm_demo"

_STEPS = (
    ("init-db", "stagenorm's own tables: plans, batches, the audit log"),
    ("backup --output {backup}", "every key, fund and stage in one file, which psql loads"),
    ("dry-run", "what would change; PostgreSQL itself vouches that nothing is written"),
    ("run --yes --sleep-ms 0", "record the plan and apply it, batch by batch"),
    ("status", "how far it is"),
    ("verify", "seven checks over what is really in the database"),
)


def prepare_demo(server: EmbeddedPostgres) -> tuple[str, int]:
    """The demo database with its two tables, made where they are missing. Returns its URL and the rows written."""
    server.ensure_database(DEMO_DATABASE)
    url = server.url(DEMO_DATABASE)
    create_demo_tables(url)
    return url, fill_demo_data(url)


def run_demo() -> int:
    """Walk through. Returns the exit code: 0 also when rule 2 fails, which the demo's data are made for."""
    home = home_directory()
    _say(f"Starting an embedded PostgreSQL in {home} (a unix socket only; it stops with this command)")
    with EmbeddedPostgres.start(home) as server:
        url, rows = prepare_demo(server)
        _say(f"Wrote {rows:,} rows into portfoliocompanies and deal_opportunities" if rows else _AGAIN)
        codes = {}
        backup = home / f"demo-{datetime.now(UTC):%Y%m%dT%H%M%S%f}.sql.gz"
        for command, why in _STEPS:
            _say(f"\n$ stagenorm {command.format(backup=backup)}      # {why}")
            words = [word.format(backup=backup) for word in command.split()]
            codes[words[0]] = _stagenorm(words, url)
    broken = [name for name, code in codes.items() if code and name != "verify"]
    if broken:
        _say(f"\nThe demo did not work: `stagenorm {broken[0]}` failed.")
        return 1
    _say(_AFTERWORD if codes["verify"] else "\nAll seven checks passed.\nNext: make ui")
    return 0


_AGAIN = "The demo's tables are there from an earlier run: nothing is written anew"

_AFTERWORD = """
The verification failed on purpose. The demo's rows hold spellings such as 'Seed Round' or 'Series D', as real
columns do, and stagenorm never guesses what an unknown spelling means: a person decides. Everything it knew is
normalized, audited and accounted for.

Next:
  make ui      the same in the Dagster UI, with this report: http://127.0.0.1:3000
  make demo    again: it finds nothing left to do
"""


def _stagenorm(words: list[str], url: str) -> int:
    environment = {**os.environ, "DATABASE_URL": url}
    return subprocess.run(
        [sys.executable, "-m", "stagenorm_pipeline.cli.main", *words], env=environment, check=False
    ).returncode


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - this is the terminal
