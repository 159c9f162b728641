"""`stagenorm metrics`: what a monitoring system hears, from a file and over HTTP, also when the database is gone."""

import re
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner, Result
from prometheus_client.parser import text_string_to_metric_families
from psycopg import sql

from stagenorm_pipeline.cli.main import main
from stagenorm_pipeline.config.settings import DEFAULT_TARGETS
from stagenorm_pipeline.engine.apply.pause import set_paused
from stagenorm_pipeline.engine.backup.backup import make_backup
from stagenorm_pipeline.engine.monitor.metrics import read_metrics
from stagenorm_pipeline.engine.rollback.rollback import RollbackRequest, record_rollback
from stagenorm_pipeline.engine.targets.funds import FundScope
from stagenorm_pipeline.report.metrics_text import metric_families, metrics_text
from stagenorm_pipeline_tests.support.application import COMPANIES, DEALS, Application
from stagenorm_pipeline_tests.support.crashes_and_sessions import wait_until_gone

_DOCS = Path(__file__).parents[2] / "docs" / "metrics.md"

# The last one is of one fund.
_VERIFIED = """
INSERT INTO stage_verifications (created_by, scope, strict, verdict, checks_passed, checks_failed, checks_warned,
    report_sha256)
SELECT 'me', jsonb_build_object('all_funds', all_funds, 'targets',
           ARRAY['public.portfoliocompanies.stage', 'public.deal_opportunities.stage']), false, verdict, 6, 1, 0, ''
FROM (VALUES (true, 'passed'), (true, 'failed'), (false, 'passed')) AS v (all_funds, verdict)
"""

Samples = dict[tuple[str, str], float]


def _samples(text: str) -> Samples:
    """Name and labels, in one line, of each sample with its value."""
    return {
        (sample.name, ",".join(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def _typed(url: str, *arguments: str) -> Result:
    return CliRunner().invoke(main, arguments, env={"DATABASE_URL": url})


@pytest.fixture
def application(database_url: str) -> Iterator[Application]:
    made = Application(database_url)
    made.set_up()
    yield made
    made.close()


def _eventful(application: Application, tmp_path: Path) -> None:
    """A run with a refused row, a rollback of one fund, a runner that is held, a verification and a backup."""
    application.add(COMPANIES, [(1, "Seed"), (1, "Seed"), (2, "Series A"), (1, "growth"), (2, "growth"), (2, "x\ny")])
    application.add(DEALS, [(1, "Seed"), (1, "seed")])
    application.sql("ALTER TABLE portfoliocompanies ADD CHECK (stage <> 'series-a') NOT VALID")
    plan = application.run()
    application.plan(scope=FundScope.one("77"))
    undo = RollbackRequest(plan_id=plan.plan_id, targets=DEFAULT_TARGETS[1:])
    application.apply(plan_id=record_rollback(application.database, undo, created_by="me"))
    application.run(scope=FundScope.one("2"))
    set_paused(application.database, paused=True, reason="lunch", changed_by="me")
    application.sql(
        "INSERT INTO stage_migration_runners (worker, run_by, held_since, hold_reason) "
        "VALUES ('w', 'me', to_timestamp(1000000000), 'lag'), ('w', 'me', NULL, NULL)"
    )
    application.sql(_VERIFIED)
    make_backup(application.database, DEFAULT_TARGETS[:1], tmp_path / "b.gz", made_by="me")


def test_every_figure_is_what_the_tables_say(application: Application, tmp_path: Path) -> None:
    _eventful(application, tmp_path)
    samples = _samples(metrics_text(read_metrics(application.database)))
    progress = application.sql(
        "SELECT rows_updated, rows_skipped, rows_failed, rows_waiting, completed_batches, failed_batches "
        "FROM stage_migration_progress"
    )[0]
    companies, deals = "public.portfoliocompanies.stage", "public.deal_opportunities.stage"
    assert samples[("stagenorm_up", "")] == 1
    outcomes = ("updated", "skipped", "failed", "waiting")
    assert tuple(samples[("stagenorm_rows", outcome)] for outcome in outcomes) == progress[:4]
    assert samples[("stagenorm_rows", "failed")] == samples[("stagenorm_quarantined_rows", "")] == 1
    assert samples[("stagenorm_batches", "completed")] == progress[4]
    assert samples[("stagenorm_batches", "failed")] == progress[5] == 1
    assert samples[("stagenorm_changed_rows_total", "normalize")] == 3
    assert samples[("stagenorm_changed_rows_total", "rollback")] == 1
    assert samples[("stagenorm_paused", "")] == 1
    assert samples[("stagenorm_runners", "held")] == samples[("stagenorm_runners", "working")] == 1
    assert samples[("stagenorm_held_since_timestamp_seconds", "")] == 1_000_000_000
    assert samples[("stagenorm_unknown_rows", companies)] == 3, "of the plan over all funds, not of the last one"
    assert samples[("stagenorm_unknown_spellings", companies)] == 2
    assert samples[("stagenorm_unknown_rows", deals)] == 0
    assert samples[("stagenorm_verification_verdict", f"{companies},failed")] == 1
    assert samples[("stagenorm_verification_verdict", f"{companies},passed")] == 0
    last_of_all_funds = (
        "SELECT extract(epoch FROM created_at)::float FROM stage_verifications WHERE verification_id = 2"
    )
    assert samples[("stagenorm_verification_timestamp_seconds", deals)] == pytest.approx(
        application.value(last_of_all_funds)
    )
    assert samples[("stagenorm_backup_timestamp_seconds", companies)] == pytest.approx(
        application.value("SELECT extract(epoch FROM created_at)::float FROM stage_migration_backups")
    )
    assert ("stagenorm_backup_timestamp_seconds", deals) not in samples


def test_each_metric_is_documented_and_named_by_the_conventions(application: Application, tmp_path: Path) -> None:
    _eventful(application, tmp_path)
    families = list(metric_families(read_metrics(application.database)))
    emitted = {
        (sample.name, ", ".join(f"`{label}`" for label in sample.labels))
        for family in families
        for sample in family.samples
    }
    documented = re.findall(r"^\| `(stagenorm_\w+)` \| ([^|]*?) \|", _DOCS.read_text("utf-8"), re.MULTILINE)
    assert set(documented) == emitted
    assert len(documented) == len(emitted)
    for family in families:
        assert re.fullmatch(r"stagenorm(_[a-z]+)+", family.name)
        assert family.documentation.endswith(".")
        assert family.type == ("counter" if family.name == "stagenorm_changed_rows" else "gauge")
        for sample in family.samples:
            assert sample.name.endswith("_total") == (family.type == "counter")


def test_a_database_on_which_nothing_was_done_yet_has_no_figures_that_nobody_counted(application: Application) -> None:
    samples = _samples(metrics_text(read_metrics(application.database)))
    assert samples[("stagenorm_up", "")] == 1
    assert samples[("stagenorm_rows", "updated")] == 0
    assert not [name for name, _ in samples if "timestamp" in name or "unknown" in name or "verdict" in name]


def test_a_file_is_written_whole_also_when_the_database_cannot_be_reached(application_url: str, tmp_path: Path) -> None:
    _typed(application_url, "init-db")
    file = tmp_path / "stagenorm.prom"
    ran = _typed(application_url, "metrics", "--output", str(file))
    assert (ran.exit_code, ran.output) == (0, "")
    assert _samples(file.read_text())[("stagenorm_up", "")] == 1
    gone = _typed("postgresql://u:s3cret@127.0.0.1:1/d", "metrics", "--output", str(file))
    assert gone.exit_code == 1
    assert "No connection to d on" in gone.stderr
    assert "s3cret" not in gone.output
    assert _samples(file.read_text())[("stagenorm_up", "")] == 0
    assert [found.name for found in tmp_path.iterdir()] == ["stagenorm.prom"]


def test_it_is_served_over_http_and_outlives_its_database(
    database_url: str, application: Application, postgres_server_url: str, tmp_path: Path
) -> None:
    _eventful(application, tmp_path)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = subprocess.Popen(
        [sys.executable, "-m", "stagenorm_pipeline.cli.main", "metrics", "--port", str(port)],
        env={"DATABASE_URL": database_url},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert server.stdout is not None
        assert f"http://127.0.0.1:{port}/metrics" in server.stdout.readline()

        def scrape() -> tuple[str, Samples]:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as answer:
                return answer.headers["Content-Type"], _samples(answer.read().decode())

        kind, samples = scrape()
        assert kind.startswith("text/plain; version=")
        assert samples == _samples(metrics_text(read_metrics(application.database)))
        assert not [name for name, _ in samples if name.startswith(("process_", "python_"))]
        application.database.close()
        # It holds no session between two scrapes.
        wait_until_gone(application)

        application.sql("ALTER TABLE stage_migration_control RENAME paused TO another")
        assert scrape()[1][("stagenorm_up", "")] == 0
        with psycopg.connect(postgres_server_url, autocommit=True) as connection:
            name = sql.Identifier(application.user.info.dbname)
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))
        _, samples = scrape()
        assert {key: samples[key] for key in samples if key[0] != "stagenorm_build_info"} == {("stagenorm_up", ""): 0}
        server.send_signal(signal.SIGTERM)
        out, err = server.communicate(timeout=30)
        assert (server.returncode, out) == (0, "")
        assert err.count("Error:") == 1, "once, not with every scrape"
    finally:
        server.kill()
        server.communicate()


def test_a_port_that_is_taken_is_named() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        ran = _typed("postgresql://u@127.0.0.1:1/d", "metrics", "--port", port)
    assert ran.exit_code == 1
    assert f"Cannot listen on port {port} of 127.0.0.1" in ran.stderr
    both = _typed("postgresql://u@127.0.0.1:1/d", "metrics", "--port", port, "--output", "x.prom")
    assert (both.exit_code, "exclude each other" in both.stderr) == (2, True)
