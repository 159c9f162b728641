"""`run --rehearse`, on the primary and on a clone, and what commands and reports say of it."""

import json
from pathlib import Path

from rich.cells import cell_len

from stagenorm_pipeline_tests.support.application import COMPANIES, Application
from stagenorm_pipeline_tests.support.clone import cloned
from stagenorm_pipeline_tests.support.command_line import stagenorm_here
from stagenorm_pipeline_tests.support.database_roles import url_as
from stagenorm_pipeline_tests.support.private_server import PrivateServer

_REHEARSED = "UTC: 3 rows, 1 refused,"


def test_approval_and_report_say_that_plan_was_rehearsed(
    application: Application, clone_server: PrivateServer, tmp_path: Path
) -> None:
    application.add(COMPANIES, [(1, "Seed"), (1, "SEED"), (2, "Series A")])
    application.sql("INSERT INTO stage_migration_approval_rules (required) VALUES (true)")
    application.sql("CREATE ROLE approver_of_clone SUPERUSER LOGIN")
    approver = url_as(application.url, "approver_of_clone")
    with cloned(application, clone_server) as clone:
        secret = clone.url.replace("postgres@", "postgres:s3cret@")
        clone.sql(f"ALTER TABLE {COMPANIES} ADD CONSTRAINT long_name_of_one CHECK (stage <> 'seed' OR id <> 1)")
        asked = stagenorm_here("run", "--rehearse", "--on", secret, url=application.url)
        assert (asked.code, application.value("SELECT count(*) FROM stage_migration_plans")) == (2, 0)
        ran = stagenorm_here("run", "--rehearse", "--on", secret, "--yes", url=application.url, columns=80)
    assert ran.code == 1, ran.all
    assert "for real: 3 rows in 2 batches of plan 1." in " ".join(ran.out.split())
    assert "Throw the clone away" in ran.out
    assert "s3cret" not in ran.all + asked.all
    assert max(cell_len(line) for line in ran.out.splitlines() if not line.startswith("[")) <= 80

    for command in ("approval", "status", "plans 1"):
        assert _REHEARSED in stagenorm_here(*command.split(), url=application.url).out, command
    assert json.loads(stagenorm_here("plans", "1", "--json", url=application.url).out)["rehearsal"]["rows_refused"] == 1
    assert f"It was rehearsed on {_today(application)}" in stagenorm_here("approve", "1", url=approver).out
    assert stagenorm_here("run", "--plan", "1", "--yes", "--sleep-ms", "0", url=application.url).code == 0
    report, page = tmp_path / "report.json", tmp_path / "report.html"
    stagenorm_here("verify", "--output", str(report), "--output", str(page), url=application.url)
    (plan,) = json.loads(report.read_text())["plans"]
    assert (plan["rehearsal"]["rows_updated"], plan["rehearsal"]["plan_id"]) == (2, 1)
    assert _REHEARSED in page.read_text()
    application.sql("DROP ROLE approver_of_clone")


def _today(application: Application) -> str:
    return str(application.value("SELECT to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD')"))


def test_rehearsal_on_primary_states_its_price_first(application: Application) -> None:
    application.add(COMPANIES, [(1, "Seed"), (1, "SEED"), (2, "Series A")])
    ran = stagenorm_here("run", "--rehearse", "--batch-size", "2", url=application.url)
    price, end = ran.out.index("has its price"), ran.out.index("Rehearsal ended")
    assert price < end
    assert "it locks 3 rows, at most 2 at once, writes about 2 kB of WAL, and leaves 6 dead rows for vacuum" in ran.out
    assert "not rehearsed" in stagenorm_here("status", url=application.url).out
    for wrong, words in (
        (("--on", application.url), "--on is for a rehearsal only"),
        (("--rehearse", "--on", application.url), "The clone is the database of DATABASE_URL itself"),
        (("--rehearse", "--on", "postgresql://me:s3cret@h@x/y"), "The clone: The database URL is not"),
    ):
        refused = stagenorm_here("run", *wrong, "--yes", url=application.url)
        assert (refused.code, words in refused.err) == (2, True), refused.all
        assert "s3cret" not in refused.all
