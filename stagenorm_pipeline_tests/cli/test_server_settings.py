"""Run the runbook on databases with unusual settings: date styles, time zones, time limits, search path."""

import json
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from stagenorm_pipeline_tests.support.command_line import stagenorm_here
from stagenorm_pipeline_tests.support.whole_runbook import run_whole_runbook

# What the user's own trigger sees while we update its table.
_WATCH = b"""
CREATE SCHEMA seen;
CREATE TABLE seen.settings (date_style text, interval_style text, time_zone text, search_path text);
CREATE FUNCTION seen.note() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO seen.settings VALUES (current_setting('DateStyle'), current_setting('IntervalStyle'),
                                      current_setting('TimeZone'), current_setting('search_path'));
    RETURN NEW;
END $$;
CREATE TRIGGER watch BEFORE UPDATE ON public.portfoliocompanies FOR EACH ROW EXECUTE FUNCTION seen.note();
"""
_SEEN = b"SELECT DISTINCT date_style, interval_style, time_zone, search_path FROM seen.settings"
_OWN = (
    b"SELECT current_setting('DateStyle'), current_setting('IntervalStyle'), current_setting('TimeZone'), "
    b"current_setting('search_path')"
)

_OUR_SCHEMAS = b"""
SELECT DISTINCT n.nspname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relname ~ '^stage_' AND c.relkind IN ('r', 'v')
"""

# Each value of `stage` takes a moment to read, as a large table does.
_SLOW = b"""
CREATE TYPE slow_stage AS ENUM (
    'Seed', 'Series A', 'pre-seed', 'seed', 'series-a', 'series-b', 'series-c', 'series-c+');
CREATE FUNCTION slow_text(slow_stage) RETURNS text LANGUAGE plpgsql AS $$
BEGIN PERFORM pg_sleep(0.07); RETURN enum_out($1)::text; END $$;
CREATE CAST (slow_stage AS text) WITH FUNCTION slow_text(slow_stage);
CREATE TABLE portfoliocompanies (id serial PRIMARY KEY, fund_id integer, stage slow_stage NOT NULL);
CREATE TABLE deal_opportunities (id serial PRIMARY KEY, fund_id integer, stage text);
INSERT INTO portfoliocompanies (fund_id, stage) SELECT 1, (ARRAY['Seed', 'Series A']::slow_stage[])[1 + i % 2]
FROM generate_series(1, 5) i;
"""


def set_on_database(url: str, **settings: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        for name, value in settings.items():
            change = sql.SQL("ALTER DATABASE {} SET {} = {}").format(
                sql.Identifier(connection.info.dbname), sql.Identifier(name), sql.Literal(value)
            )
            connection.execute(change)


# Each is a whole runbook. The first two have every setting once, the others are more values of the same settings.
@pytest.mark.parametrize(
    ("settings", "schema"),
    [
        ({"DateStyle": "SQL, DMY", "TimeZone": "Europe/Berlin", "search_path": ""}, None),
        (
            {
                "DateStyle": "German",
                "TimeZone": "America/Sao_Paulo",
                "IntervalStyle": "sql_standard",
                "search_path": "",
            },
            "50%s \"quoted'",
        ),
        *(
            pytest.param(settings, schema, marks=pytest.mark.soak)
            for settings, schema in (
                ({"DateStyle": "SQL, MDY", "TimeZone": "-08"}, None),
                ({"DateStyle": "Postgres, MDY", "TimeZone": "UTC", "IntervalStyle": "iso_8601"}, None),
                ({"DateStyle": "Postgres, DMY", "TimeZone": "Asia/Kolkata", "IntervalStyle": "postgres_verbose"}, None),
                ({"search_path": ""}, "Stage Norm"),
            )
        ),
    ],
)
def test_whole_runbook_works_with_unusual_settings_and_leaves_them_alone(
    application_url: str, tmp_path: Path, settings: dict[str, str], schema: str | None
) -> None:
    set_on_database(application_url, **settings)
    with psycopg.connect(application_url) as connection:
        connection.execute(_WATCH)
        if schema is not None:
            connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(schema)))
            (tmp_path / "stagenorm.toml").write_text(f"[tracking]\nschema = {json.dumps(schema)}\n")
    run_whole_runbook(application_url, tmp_path)
    with psycopg.connect(application_url) as connection:
        assert connection.execute(_SEEN).fetchall() == connection.execute(_OWN).fetchall()
        where = connection.execute(_OUR_SCHEMAS).fetchall()
    assert where == [(schema or "public",)]


def test_runbook_uses_the_schema_that_the_search_path_names(application_url: str, tmp_path: Path) -> None:
    with psycopg.connect(application_url) as connection:
        connection.execute(b"CREATE SCHEMA ours")
        name = sql.Identifier(connection.info.dbname)
        connection.execute(sql.SQL("ALTER DATABASE {} SET search_path = ours, public").format(name))
    run_whole_runbook(application_url, tmp_path)
    with psycopg.connect(application_url) as connection:
        assert connection.execute(_OUR_SCHEMAS).fetchall() == [("ours",)]


def test_init_db_names_the_schema_that_does_not_exist(application_url: str, tmp_path: Path) -> None:
    (tmp_path / "stagenorm.toml").write_text('[tracking]\nschema = "nowhere"\n')
    ran = stagenorm_here("init-db", url=application_url, directory=tmp_path)
    assert ran.code == 1
    assert 'CREATE SCHEMA "nowhere"' in ran.all


def test_time_in_a_zone_without_a_name_is_an_error_with_a_remedy(application_url: str, tmp_path: Path) -> None:
    set_on_database(application_url, DateStyle="German", TimeZone="FOO+03:30BAR")
    assert stagenorm_here("init-db", url=application_url).code == 0
    ran = stagenorm_here("status", url=application_url, directory=tmp_path)
    assert ran.code == 1
    assert "SET TimeZone = 'UTC'" in ran.all


def test_time_limits_of_the_database_end_no_scan(database_url: str, tmp_path: Path) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute(_SLOW)
    set_on_database(database_url, statement_timeout="300ms")
    for command in (
        ["init-db"],
        ["inventory"],
        ["dry-run"],
        ["run", "--yes", "--sleep-ms", "0"],
        ["verify"],
        ["rollback", "--plan", "1"],
        ["rollback", "--plan", "1", "--yes", "--sleep-ms", "0"],
    ):
        ran = stagenorm_here(*command, url=database_url, directory=tmp_path)
        assert ran.code == 0, f"{command}: {ran.all}"
