"""A real PostgreSQL that one history after the other can have: does what the actors do, and reads what is there."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import psycopg
from psycopg import sql

from stagenorm_pipeline.config.configuration import TargetSetting
from stagenorm_pipeline.engine.postgres import failpoints
from stagenorm_pipeline.engine.postgres.connection import Database
from stagenorm_pipeline.engine.targets.funds import FundScope
from stagenorm_pipeline_tests.histories.facts import (
    TABLES,
    Batch,
    Entry,
    Key,
    Member,
    Plan,
    Row,
    Rows,
    Tracking,
)
from stagenorm_pipeline_tests.support.application import Application

# Refuses what stagenorm writes to every third row, while the switch is on.
_REFUSING = """
CREATE TABLE refusals (is_on boolean NOT NULL);
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('application_name') = 'stagenorm batch' AND (SELECT is_on FROM refusals) THEN
        RAISE EXCEPTION 'this row is closed';
    END IF;
    RETURN NEW;
END $$;
"""
_REFUSES = "CREATE TRIGGER refuse BEFORE UPDATE ON {} FOR EACH ROW WHEN (OLD.id % 3 = 0) EXECUTE FUNCTION refuse()"
_RESET = """
DO $$
DECLARE one regclass;
BEGIN
    FOR one IN SELECT oid FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
               AND relname <> 'stage_migration_versions'
               ORDER BY relname <> 'stage_migration_plans' LOOP
        EXECUTE format('DELETE FROM %s', one);
    END LOOP;
    FOR one IN SELECT oid FROM pg_class WHERE relkind = 'S' AND relnamespace = 'public'::regnamespace LOOP
        PERFORM setval(one, 1, false);
    END LOOP;
    INSERT INTO stage_migration_control DEFAULT VALUES;
    INSERT INTO refusals VALUES (false);
    ALTER TABLE portfoliocompanies DROP CONSTRAINT IF EXISTS stagenorm_stage_canonical;
    ALTER TABLE deal_opportunities DROP CONSTRAINT IF EXISTS stagenorm_stage_canonical;
END $$
"""
_MEMBERS = """
SELECT b.batch_id, b.table_name, key, s.spelling, coalesce(p.stage_after, r.spelling)
FROM stage_migration_batches b
JOIN stage_migration_batch_members m USING (batch_id)
CROSS JOIN LATERAL unnest(m.row_numbers, m.spelling_ids, m.restore_ids) AS one (key, spelling_id, restore_id)
JOIN stage_migration_spellings s ON s.spelling_id = one.spelling_id
LEFT JOIN stage_migration_plan_spellings p ON p.plan_id = b.plan_id AND p.spelling_id = one.spelling_id
LEFT JOIN stage_migration_spellings r ON r.spelling_id = one.restore_id
WHERE b.plan_id = %s
"""
_PLANS = """
SELECT plan_id, kind, status, scope ->> 'all_funds' = 'true', scope ->> 'fund_id',
       ARRAY(SELECT split_part(jsonb_array_elements_text(scope -> 'targets'), '.', 2)),
       (scope #>> '{rollback,plan_id}')::bigint,
       coalesce(scope #>> '{rollback,batch_id}', scope #>> '{rollback,since}') IS NOT NULL
FROM stage_migration_plans
"""
_BATCHES = """
SELECT batch_id, plan_id, batch_number, table_name, fund_id, status,
       rows_planned, rows_updated, rows_skipped, rows_failed
FROM stage_migration_batches
"""
_LOG = """
SELECT id, table_name, row_id, fund_id, stage_before, stage_after, action, plan_id, batch_id, run_at
FROM stage_normalization_log WHERE id > %s ORDER BY id
"""
_END_OUR_SESSIONS = """
SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
WHERE datname = current_database() AND application_name LIKE 'stagenorm%'
"""


class Killed(BaseException):
    """The process of a command ended here. No code of ours may catch it."""


class World:
    """One database with the application's tables and our migrations."""

    def __init__(self, url: str) -> None:
        self._application = Application(url)
        application = self._application
        application.set_up()
        application.sql(_REFUSING)
        # So that every row can lose its stage.
        application.sql("ALTER TABLE portfoliocompanies ALTER stage DROP NOT NULL")
        for table in TABLES:
            application.sql(_REFUSES.format(table))
        # Nothing here survives a crash of the server, and a flush for each commit costs half of the time.
        name = sql.Identifier(application.user.info.dbname).as_string(None)
        application.sql(f"ALTER DATABASE {name} SET synchronous_commit = off")
        application.close()
        self._application = Application(url)

    @property
    def database(self) -> Database:
        return self._application.database

    def close(self) -> None:
        self._application.close()

    def reset(self) -> None:
        """Empty every table and take all constraints back."""
        self._application.sql(_RESET)

    def sql(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """Run a statement as another session; the rows that it returns."""
        return self._application.sql(statement, *values)

    def may(self, statement: str, *values: object) -> bool:
        """Run a statement as another session. False if a constraint refused it."""
        try:
            self.sql(statement, *values)
        except psycopg.errors.IntegrityError:
            return False
        return True

    def add(self, table: str, rows: Iterable[tuple[int, int | None, str | None]]) -> None:
        """Insert rows: id, fund and stage of each."""
        listed = list(rows)
        self.sql(
            f"INSERT INTO {table} (id, fund_id, stage) SELECT * FROM unnest(%s::int[], %s::int[], %s::text[])",
            *[[row[place] for row in listed] for place in range(3)],
        )

    # Reading

    def now(self) -> datetime:
        moment: datetime = self.sql("SELECT clock_timestamp()")[0][0]
        return moment

    def rows(self) -> Rows:
        """Every row of both tables."""
        return {
            (table, key): Row(fund=fund, stage=stage)
            for table, key, fund, stage in self.sql(
                " UNION ALL ".join(f"SELECT '{table}', id, fund_id::text, stage FROM {table}" for table in TABLES)
            )
        }

    def versions(self) -> dict[Key, str]:
        """The version of every row: a write gives it another one, even if it changes nothing."""
        return {
            (table, key): version
            for table, key, version in self.sql(
                " UNION ALL ".join(f"SELECT '{table}', id, xmin::text FROM {table}" for table in TABLES)
            )
        }

    def log(self, after: int) -> list[Entry]:
        """The log's entries with a higher id than `after`."""
        return [
            Entry(
                id=number,
                key=(table, int(row_id)),
                fund=fund,
                before=before,
                after=stage_after,
                action=action,
                plan=plan,
                batch=batch,
                run_at=run_at,
            )
            for number, table, row_id, fund, before, stage_after, action, plan, batch, run_at in self.sql(_LOG, after)
        ]

    def tracking(self) -> Tracking:
        """Plans and batches."""
        plans = {
            row[0]: Plan(
                id=row[0],
                kind=row[1],
                status=row[2],
                scope=FundScope(all_funds=row[3], fund_id=row[4]),
                tables=tuple(row[5]),
                undone_plan=row[6],
                is_limited=row[7],
            )
            for row in self.sql(_PLANS)
        }
        batches = {
            row[0]: Batch(
                id=row[0],
                plan=row[1],
                number=row[2],
                table=row[3],
                fund=row[4],
                status=row[5],
                planned=row[6],
                updated=row[7],
                skipped=row[8],
                failed=row[9],
            )
            for row in self.sql(_BATCHES)
        }
        return Tracking(plans=plans, batches=batches)

    def members(self, plan: int) -> dict[int, tuple[Member, ...]]:
        """The rows of a plan's batches."""
        found: dict[int, list[Member]] = defaultdict(list)
        for batch, table, key, spelling, stage in self.sql(_MEMBERS, plan):
            found[batch].append(Member(key=(table, key), spelling=spelling, stage=stage))
        return {batch: tuple(members) for batch, members in found.items()}

    # Crashing

    def end_our_sessions(self) -> None:
        """Terminate the server processes of every stagenorm session."""
        self.sql(_END_OUR_SESSIONS)


def targets(tables: Sequence[str]) -> tuple[TargetSetting, ...]:
    """The tables as a command's targets."""
    return tuple(TargetSetting(table=table) for table in tables)


def is_third(key: Key) -> bool:
    """Whether the refusing trigger is about the row."""
    return key[1] % 3 == 0


@contextmanager
def interrupted(
    step: failpoints.Failpoint, place: int, interrupt: Callable[[], None]
) -> Iterator[list[failpoints.Failpoint]]:
    """Call `interrupt` at the `place`-th arrival (from 1) at a failpoint. Yields the failpoints reached so far."""
    reached: list[failpoints.Failpoint] = []

    def listener(at: failpoints.Failpoint) -> None:
        reached.append(at)
        if at is step and reached.count(step) == place:
            interrupt()

    failpoints.listen(listener)
    try:
        yield reached
    finally:
        failpoints.listen(None)
