"""A database of the version before receipts: init-db upgrades it, and everything recorded in it still works.

`before_receipts.sql` is its dump; its first lines say what it holds and how it was made.
"""

from pathlib import Path

import psycopg
import pytest

from stagenorm_pipeline.engine.apply.runner import ApplyRequest, apply_batches
from stagenorm_pipeline.engine.monitor.status import read_status
from stagenorm_pipeline.engine.plan.batch_types import PlanKind
from stagenorm_pipeline.engine.postgres.migrations import apply_migrations, migration_files
from stagenorm_pipeline.engine.receipts.check import RowDifference, read_receipt_mismatches
from stagenorm_pipeline.engine.receipts.plan_digest import read_plan_digests
from stagenorm_pipeline.engine.rollback.rollback import RollbackRequest, preview_rollback, record_rollback
from stagenorm_pipeline.engine.targets.target import resolve_targets
from stagenorm_pipeline.engine.verify.result import Outcome, Rule, Verdict
from stagenorm_pipeline.errors import MissingMigrationError
from stagenorm_pipeline.vocabulary import Decision, Decisions, Stage, Vocabulary
from stagenorm_pipeline_tests.support.application import EVERYTHING, Application

DUMP = Path(__file__).with_name("before_receipts.sql")
DECIDED = Vocabulary.with_decisions(
    Decisions(entries=(Decision(spelling="growth", stage=Stage("series-c"), reason="asked", decided_by="Ana"),))
)
ENTRIES = 75


@pytest.fixture
def older(bare: Application) -> Application:
    """The database as the older version left it."""
    # A session of its own: the dump clears the search path.
    with psycopg.connect(bare.url, autocommit=True) as connection:
        connection.execute(DUMP.read_text(encoding="utf-8").encode())
    return bare


@pytest.fixture
def upgraded(older: Application) -> Application:
    apply_migrations(older.database)
    return older


def columns(application: Application) -> dict[str, str]:
    """The columns of every table."""
    found = application.sql(
        "SELECT table_name, string_agg(quote_ident(column_name), ', ' ORDER BY ordinal_position) "
        "FROM information_schema.columns JOIN information_schema.tables USING (table_schema, table_name) "
        "WHERE table_schema = 'public' AND table_type = 'BASE TABLE' GROUP BY 1"
    )
    return {str(table): str(names) for table, names in found}


def rows(application: Application, columns: dict[str, str]) -> dict[str, list[str]]:
    """What these tables hold in these columns."""
    return {
        table: sorted(application.column(f"SELECT ROW({names})::text FROM {table}")) for table, names in columns.items()
    }


def resume(application: Application) -> None:
    request = ApplyRequest(worker="runner", run_by="operator@host", sleep_ms=0, vocabulary=DECIDED)
    assert apply_batches(application.database, request).ok


def test_upgraded_log_takes_configured_stages_and_still_refuses_no_change(upgraded: Application) -> None:
    entry = (
        "INSERT INTO stage_normalization_log (schema_name, table_name, column_name, row_id, stage_before, stage_after, "
        "action) VALUES ('public', 't', 'stage', '1', 'Series D', %s, 'normalize')"
    )
    upgraded.sql(entry, "series-d")
    for refused in ("Series D", None):
        with pytest.raises(psycopg.errors.CheckViolation, match="stage_normalization_log_is_change"):
            upgraded.sql(entry, refused)
    apply_migrations(upgraded.database)
    checks = "SELECT count(*) FROM pg_constraint WHERE pg_get_constraintdef(oid) LIKE '%pre-seed%'"
    assert upgraded.value(checks) == 0


def test_older_database_needs_init_db(older: Application) -> None:
    with pytest.raises(MissingMigrationError, match="20261126_stage_migration_versions") as caught:
        older.verify()
    assert "stagenorm init-db" in (caught.value.remedy or "")


def test_upgrade_keeps_all_recorded_rows(older: Application) -> None:
    older_columns = columns(older)
    before = rows(older, older_columns)
    apply_migrations(older.database)
    assert rows(older, older_columns) == before
    assert set(columns(older)) - set(older_columns) == {
        "stage_migration_versions",
        "stage_migration_receipts",
        "stage_migration_plan_digests",
        "stage_migration_approval_rules",
        "stage_migration_plan_authors",
        "stage_migration_approvals",
        "stage_migration_rehearsals",
    }
    assert older.value("SELECT count(*) FROM stage_migration_versions") == len(migration_files())
    assert older.value("SELECT count(*) FROM stage_verifications WHERE signed_off_by = 'Ana Reviewer'") == 1


def test_status_and_verify_work_on_an_upgraded_database(upgraded: Application) -> None:
    open_plan = next(plan for plan in read_status(upgraded.database, targets=2).plans if plan["status"] == "open")
    assert (open_plan["plan_id"], open_plan["kind"]) == (4, PlanKind.NORMALIZE)
    result = upgraded.verify(vocabulary=DECIDED)
    failed = [check.rule for check in result.checks if check.outcome is Outcome.FAILED]
    # The open plan has a refused row and batches that wait; whatever was applied is consistent.
    assert set(failed) <= {Rule.BATCH_TRACKING, Rule.CANONICAL_STAGES}
    assert result.check(Rule.AUDIT_CONSISTENCY).outcome is Outcome.PASSED


def test_entries_before_receipts_are_compared_with_the_members(upgraded: Application) -> None:
    def check() -> tuple[int, int, int]:
        with upgraded.database.snapshot() as connection:
            targets = resolve_targets(connection, upgraded.request().targets)
            found = read_receipt_mismatches(connection, targets, EVERYTHING)
        assert all(row.difference is RowDifference.ALTERED for row in found.legacy_rows)
        return found.legacy_entries, found.legacy_rows_total, found.mismatches_total

    assert check() == (ENTRIES, 0, 0)
    upgraded.sql("UPDATE stage_normalization_log SET stage_before = 'Seeed' WHERE id IN (3, 75)")
    assert check() == (ENTRIES, 2, 0)


def test_open_plan_of_the_older_version_is_finished_and_verified(upgraded: Application) -> None:
    resume(upgraded)
    assert upgraded.value("SELECT status FROM stage_migration_plans WHERE plan_id = 4") == "completed"
    assert upgraded.value("SELECT count(*) FROM stage_migration_quarantine WHERE resolved_at IS NULL") == 0
    assert upgraded.verify(vocabulary=DECIDED).verdict is Verdict.PASSED
    with upgraded.database.snapshot() as connection:
        targets = resolve_targets(connection, upgraded.request().targets)
        found = read_receipt_mismatches(connection, targets, EVERYTHING)
        digests = read_plan_digests(connection, [1, 2, 3, 4])
    assert (found.legacy_entries, found.legacy_rows_total, found.mismatches_total) == (ENTRIES, 0, 0)
    assert found.receipts == 7
    assert [(digest.recorded is not None, digest.changed) for digest in digests] == [(False, ())] * 3 + [(True, ())]


def test_plan_of_the_older_version_is_rolled_back_and_verified(upgraded: Application) -> None:
    resume(upgraded)
    restorable = preview_rollback(upgraded.database, RollbackRequest(plan_id=4)).restorable
    plan_id = record_rollback(upgraded.database, RollbackRequest(plan_id=4), created_by="me")
    resume(upgraded)
    assert restorable > 10
    assert upgraded.value("SELECT rows_to_change FROM stage_migration_plans WHERE plan_id = %s", plan_id) == restorable
    assert upgraded.value("SELECT status FROM stage_migration_plans WHERE plan_id = 4") == "rolled_back"
    audit = upgraded.verify(vocabulary=DECIDED).check(Rule.AUDIT_CONSISTENCY)
    assert audit.outcome is Outcome.PASSED
    upgraded.run(vocabulary=DECIDED)
    assert upgraded.verify(vocabulary=DECIDED).verdict is Verdict.PASSED
