"""What to vacuum after a run is what PostgreSQL's statistics say, and nothing is said where nothing follows."""

import json

from stagenorm_pipeline.engine.monitor.vacuum import Autovacuum, UpdatesOfRun, UpdatesUnknown, VacuumAdvice
from stagenorm_pipeline.report.terminal_layout import PLAIN
from stagenorm_pipeline.report.vacuum_text import vacuum_lines
from stagenorm_pipeline_tests.support.application import DEALS, Application
from stagenorm_pipeline_tests.support.command_line import stagenorm_here


def test_run_names_the_tables_with_many_dead_rows_and_why(application: Application) -> None:
    application.sql("ALTER TABLE portfoliocompanies SET (autovacuum_enabled = false)")
    # No HOT update: the changed column is indexed.
    application.sql("CREATE INDEX ON portfoliocompanies (stage)")
    application.sql("INSERT INTO portfoliocompanies (fund_id, stage) SELECT 1, 'Seed' FROM generate_series(1, 1500)")
    application.add(DEALS, [(1, "Seed")] * 3)

    out = stagenorm_here("run", "--yes", "--sleep-ms", "0", url=application.url).out

    said = [line for line in out.splitlines() if "To vacuum" in line]
    assert len(said) == 1
    # The share needs the live rows, which the session that inserted them may not have reported yet.
    assert "To vacuum: VACUUM (ANALYZE) public.portfoliocompanies; 1,500 dead row versions, " in said[0]
    assert "of the table; 0% of the run's updates were HOT, the others added index entries" in said[0]
    assert "autovacuum is off for it" in said[0]
    status = json.loads(stagenorm_here("status", "--json", url=application.url).out)
    assert [(one["command"], one["dead_rows"]) for one in status["vacuum"]] == [
        ("VACUUM (ANALYZE) public.portfoliocompanies;", 1_500)
    ]
    with application.database.autocommit() as connection:
        connection.exec_driver_sql("VACUUM portfoliocompanies")
    assert "VACUUM" not in stagenorm_here("status", url=application.url).out


def test_reasons_say_what_autovacuum_does_and_escape_names() -> None:
    advice = VacuumAdvice(
        command='VACUUM (ANALYZE) public."a\x1b[2J";',
        dead_rows=40_000,
        dead_share=0.4,
        autovacuum=Autovacuum.DUE,
        of_run=UpdatesOfRun(updates=40_000, hot_updates=10_000),
    )
    text = " ".join(line.strip() for line in vacuum_lines((advice,), PLAIN))
    assert "25% of the run's updates were HOT, the others added index entries; autovacuum is due too" in text
    assert "\x1b" not in text
    unknown = VacuumAdvice(
        command="VACUUM (ANALYZE) t;",
        dead_rows=1_000,
        dead_share=0.06,
        autovacuum=Autovacuum.NOT_DUE,
        of_run=UpdatesUnknown(),
    )
    assert list(vacuum_lines((unknown,), PLAIN))[-1].strip() == (
        "1,000 dead row versions, 6% of the table; too few for autovacuum to start."
    )
    assert list(vacuum_lines((), PLAIN)) == []
