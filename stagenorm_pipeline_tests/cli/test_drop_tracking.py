"""Dropping stagenorm's own tables: what goes, what stays, and that the export brings it back."""

import gzip
import subprocess
from pathlib import Path

import pytest

from stagenorm_pipeline.engine.tracking.drop_tracking import read_tracking_tables
from stagenorm_pipeline.local.server_files import binaries
from stagenorm_pipeline_tests.support.application import COMPANIES, Application
from stagenorm_pipeline_tests.support.command_line import stagenorm_here

_OURS = "SELECT relname FROM pg_class WHERE relkind IN ('r', 'v') AND relname LIKE 'stage\\_%%' ORDER BY 1"
_PLANS = "SELECT plan_id, status, total_batches FROM stage_migration_plans ORDER BY 1"


@pytest.fixture
def applied(bare: Application) -> Application:
    """An application with a plan that was applied and verified, and a table of its own with a similar name."""
    bare.set_up()
    bare.sql("CREATE TABLE stage_migration_mine (id integer)")
    bare.add(COMPANIES, [(1, "Seed"), (2, "S\\eed\tx"), (None, "SEED")])
    bare.run()
    assert stagenorm_here("verify", url=bare.url).code == 1
    return bare


def test_every_table_is_listed_and_none_of_the_users(applied: Application) -> None:
    tables = read_tracking_tables(applied.database, with_log=True)
    listed = {table.name for table in tables.removed} | set(tables.views)
    assert listed == set(applied.column(_OURS)) - {"stage_migration_mine"}


def test_drop_exports_first_and_keeps_the_audit_log(applied: Application, tmp_path: Path) -> None:
    export = tmp_path / "tracking.sql.gz"
    plans, log = applied.sql(_PLANS), applied.sql("SELECT * FROM stage_normalization_log ORDER BY id")
    before = applied.column(_OURS)
    shown = stagenorm_here("drop-tracking", url=applied.url)
    assert "Kept:    stage_normalization_log" in shown.out
    assert applied.column(_OURS) == before

    dropped = stagenorm_here("drop-tracking", "--output", str(export), "--yes", url=applied.url)
    assert dropped.code == 0, dropped.all
    assert applied.column(_OURS) == ["stage_migration_mine", "stage_normalization_log"]
    assert applied.sql("SELECT * FROM stage_normalization_log ORDER BY id") == log

    stagenorm_here("init-db", url=applied.url)
    again = stagenorm_here("drop-tracking", "--output", str(export), "--yes", url=applied.url)
    assert "exists already" in again.err
    script = gzip.decompress(export.read_bytes())
    psql = [str(binaries() / "psql"), "-X", "-q", "-v", "ON_ERROR_STOP=1", applied.url]
    subprocess.run(psql, input=script, check=True, capture_output=True, timeout=30)
    assert applied.sql(_PLANS) == plans
    assert stagenorm_here("report", "1", url=applied.url).code == 0
    # Plan 2, although the tables are new: the audit log has a plan 1.
    assert applied.plan().plan_id == 2


def test_drop_is_refused_while_tables_are_needed(applied: Application, tmp_path: Path) -> None:
    command = ("drop-tracking", "--with-log", "--yes", "--output", str(tmp_path / "tracking.sql.gz"))
    applied.add(COMPANIES, [(1, "Seed")])
    applied.plan()
    refused = stagenorm_here(*command, url=applied.url)
    assert refused.code == 1
    assert "Plan 2 is open" in refused.err
    assert not list(tmp_path.iterdir())
    applied.apply()

    applied.sql("CREATE VIEW mine AS SELECT plan_id FROM stage_migration_plans")
    refused = stagenorm_here(*command, url=applied.url)
    assert refused.code == 1
    assert "Views or foreign keys of yours" in refused.err
    assert applied.sql(_PLANS)
    applied.sql("DROP VIEW mine")
    (tmp_path / "tracking.sql.gz").unlink()
    assert stagenorm_here(*command, url=applied.url).code == 0
    assert applied.column(_OURS) == ["stage_migration_mine"]
