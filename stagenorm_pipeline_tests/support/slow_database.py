"""A database whose updates are slow enough to watch, pause and interrupt a run."""

from typing import Any, LiteralString

import psycopg

_TRIGGER: LiteralString = """
CREATE FUNCTION take_long() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN PERFORM pg_sleep(TG_ARGV[0]::double precision); RETURN NEW; END $$;
"""


class SlowDatabase:
    """The runbook's two tables with eight messy rows, four of fund 1 and four of fund 2; `user` is its owner."""

    def __init__(self, url: str, user: psycopg.Connection[tuple[Any, ...]]) -> None:
        self.url = url
        self.user = user
        user.execute(
            "INSERT INTO portfoliocompanies (fund_id, name, stage) "
            "SELECT 1 + i / 5, 'company', 'Seed' FROM generate_series(1, 8) i"
        )
        user.execute(_TRIGGER)

    def take(self, seconds: float) -> None:
        """Make each update of a row take so many seconds from now on."""
        self.user.execute("DROP TRIGGER IF EXISTS slow ON portfoliocompanies")
        self.user.execute(
            "CREATE TRIGGER slow BEFORE UPDATE ON portfoliocompanies FOR EACH ROW "
            f"EXECUTE FUNCTION take_long({seconds:f})".encode()
        )

    def value(self, query: LiteralString) -> Any:
        row = self.user.execute(query).fetchone()
        assert row is not None
        return row[0]

    def batches(self, status: str) -> int:
        row = self.user.execute("SELECT count(*) FROM stage_migration_batches WHERE status = %s", [status]).fetchone()
        assert row is not None
        return int(row[0])

    @property
    def unlogged(self) -> int:
        """Changed rows less audit rows: 0 whatever happened."""
        return int(
            self.value(
                "SELECT (SELECT count(*) FROM portfoliocompanies WHERE stage = 'seed') "
                "- (SELECT count(*) FROM stage_normalization_log)"
            )
        )
