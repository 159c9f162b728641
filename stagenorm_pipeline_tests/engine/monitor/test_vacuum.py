"""What to vacuum after a run is what PostgreSQL's statistics say, and nothing is said where nothing follows."""

import json
import re
from dataclasses import replace

from stagenorm_pipeline.engine.monitor.vacuum import Autovacuum, UpdatesOfRun, UpdatesUnknown, VacuumAdvice
from stagenorm_pipeline.report.terminal_layout import PLAIN
from stagenorm_pipeline.report.vacuum_text import vacuum_lines, vacuum_reason
from stagenorm_pipeline_tests.support.application import DEALS, Application
from stagenorm_pipeline_tests.support.command_line import stagenorm_here


def test_run_names_the_tables_with_many_dead_rows_and_why(application: Application) -> None:
    application.sql("ALTER TABLE portfoliocompanies SET (autovacuum_enabled = false)")
    # No HOT update: the changed column is indexed.
    application.sql("CREATE INDEX ON portfoliocompanies (stage)")
    application.sql("INSERT INTO portfoliocompanies (fund_id, stage) SELECT 1, 'Seed' FROM generate_series(1, 1500)")
    with application.database.autocommit() as connection:
        connection.exec_driver_sql("ANALYZE portfoliocompanies")
    application.add(DEALS, [(1, "Seed")] * 3)

    out = stagenorm_here("run", "--yes", "--sleep-ms", "0", url=application.url).out

    said = [line for line in out.splitlines() if "To vacuum" in line]
    assert len(said) == 1
    # Earlier tests in this database may have left more dead rows.
    assert re.search(r"VACUUM \(ANALYZE\) public.portfoliocompanies; [12],\d+ dead row versions, \d+% of the", said[0])
    assert "; 0% of the run's updates were HOT, the others added index entries; autovacuum is off for it." in said[0]
    status = json.loads(stagenorm_here("status", "--json", url=application.url).out)
    assert [one["command"] for one in status["vacuum"]] == ["VACUUM (ANALYZE) public.portfoliocompanies;"]
    assert status["vacuum"][0]["dead_rows"] >= 1_500
    with application.database.autocommit() as connection:
        connection.exec_driver_sql("VACUUM portfoliocompanies")
    application.flush_counters()
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
    almost = replace(advice, of_run=UpdatesOfRun(updates=1_000, hot_updates=999))
    assert "99% of the run's updates were HOT, the others" in vacuum_reason(almost)
    every = replace(advice, of_run=UpdatesOfRun(updates=1_000, hot_updates=1_000))
    assert "; all of the run's updates were HOT; autovacuum" in vacuum_reason(every)
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
