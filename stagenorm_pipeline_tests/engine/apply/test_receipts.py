"""Receipts and plan digests: each attempt records one, and later manual changes are detected."""

import hashlib

import pytest

from stagenorm_pipeline.config.pacing import Pacing
from stagenorm_pipeline.engine.apply.runner import ApplyRequest, apply_batches
from stagenorm_pipeline.engine.receipts.check import MismatchKind, ReceiptCheck, RowDifference, read_receipt_mismatches
from stagenorm_pipeline.engine.receipts.plan_digest import DigestPart, PlanDigest, read_plan_digests
from stagenorm_pipeline.engine.rollback.rollback import record_rollback
from stagenorm_pipeline.engine.rollback.scope import RollbackRequest
from stagenorm_pipeline.engine.targets.target import resolve_targets
from stagenorm_pipeline_tests.support.application import COMPANIES, EVERYTHING, Application

REFUSE_SERIES_A = """
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN IF OLD.stage = 'Series A' THEN RAISE EXCEPTION 'no'; END IF; RETURN NEW; END $$;
CREATE TRIGGER refuse BEFORE UPDATE ON portfoliocompanies FOR EACH ROW EXECUTE FUNCTION refuse();
"""
_DIFFERENT = tuple[MismatchKind, int, int]


def check(application: Application, since: int | None = None) -> ReceiptCheck:
    with application.database.snapshot() as connection:
        targets = resolve_targets(connection, application.request().targets)
        return read_receipt_mismatches(connection, targets, EVERYTHING, since)


def digest(application: Application, plan_id: int) -> PlanDigest:
    with application.database.snapshot() as connection:
        (found,) = read_plan_digests(connection, [plan_id])
    return found


def receipts(application: Application) -> list[tuple[int, ...]]:
    """Attempt, planned, updated, skipped and failed of each receipt, in order."""
    return application.sql(
        "SELECT attempt, rows_planned, rows_updated, rows_skipped, rows_failed FROM stage_migration_receipts "
        "ORDER BY 1, batch_id"
    )


def kinds(found: ReceiptCheck) -> list[_DIFFERENT]:
    assert found.mismatches_total == len(found.mismatches)
    return [(one.kind, one.expected, one.found) for one in found.mismatches]


@pytest.fixture
def applied(application: Application) -> Application:
    """Two batches of two rows and one of one, applied."""
    application.add(
        COMPANIES, [(1, "Series A"), (1, "Seed"), (1, "series-b"), (1, "Series B"), (1, "SEED"), (2, "Seed")]
    )
    application.plan(batch_size=2)
    assert application.apply().ok
    return application


def test_each_batch_of_a_group_has_its_own_receipt(application: Application) -> None:
    application.add(COMPANIES, [(1, "Series A")] * 7)
    application.plan(batch_size=2)
    assert application.apply(pacing=Pacing()).ok
    assert receipts(application) == [(1, 2, 2, 0, 0)] * 3 + [(1, 1, 1, 0, 0)]
    assert application.value("SELECT count(DISTINCT xmin::text) FROM stage_migration_receipts") < 4
    assert not check(application).mismatches_total


def test_receipt_hash_is_reproduced_outside_the_database(applied: Application) -> None:
    for first, last, batch_id, expected in applied.sql(
        "SELECT first_log_id, last_log_id, batch_id, log_sha256 FROM stage_migration_receipts"
    ):
        entries = applied.sql(
            "SELECT row_id, stage_before, stage_after FROM stage_normalization_log "
            "WHERE id BETWEEN %s AND %s AND batch_id = %s ORDER BY id",
            first,
            last,
            batch_id,
        )
        text = "".join(",".join(str(len(part)) for part in entry) + ":" + "".join(entry) for entry in entries)
        assert hashlib.sha256(text.encode()).digest() == expected


def test_retry_of_refused_rows_has_a_receipt_for_its_own_entries(application: Application) -> None:
    application.add(COMPANIES, [(1, "Series A"), (1, "Seed"), (1, "Series B")])
    application.sql(REFUSE_SERIES_A)
    application.plan()
    assert application.apply().failed == 1
    application.sql("DROP TRIGGER refuse ON portfoliocompanies")
    assert application.apply().ok
    assert receipts(application) == [(1, 3, 2, 0, 1), (2, 3, 1, 0, 0)]
    assert not check(application).mismatches_total


def test_batch_without_any_updated_row_has_a_receipt(application: Application) -> None:
    application.add(COMPANIES, [(1, "Series A"), (1, "Seed")])
    application.plan()
    application.sql("UPDATE portfoliocompanies SET stage = 'series-c'")
    assert application.apply().ok
    assert receipts(application) == [(1, 2, 0, 2, 0)]
    assert application.value("SELECT log_sha256 = sha256('') FROM stage_migration_receipts")
    assert check(application).receipts == 0


def test_rollback_leaves_receipts_and_digests_of_both_plans(applied: Application) -> None:
    plan_id = record_rollback(applied.database, RollbackRequest(plan_id=1), created_by="me")
    request = ApplyRequest(worker="worker", run_by="me", plan_id=plan_id, sleep_ms=0)
    assert apply_batches(applied.database, request).ok
    assert not check(applied).mismatches_total
    for one in (1, plan_id):
        found = digest(applied, one)
        assert found.recorded is not None
        assert not found.changed
        assert not found.altered_spellings


@pytest.mark.parametrize(
    ("damage", "expected"),
    [
        (
            "UPDATE stage_normalization_log SET stage_before = 'Seeds' WHERE row_id = '1'",
            [(MismatchKind.ALTERED, 2, 2)],
        ),
        (
            "UPDATE stage_normalization_log SET stage_before = 'Serie' WHERE row_id = '1'",
            [(MismatchKind.ALTERED, 2, 2)],
        ),
        ("UPDATE stage_normalization_log SET stage_before = NULL WHERE row_id = '1'", [(MismatchKind.ALTERED, 2, 2)]),
        (
            "UPDATE stage_normalization_log SET stage_after = 'series-b' WHERE row_id = '1'; "
            "UPDATE portfoliocompanies SET stage = 'series-b' WHERE id = 1",
            [(MismatchKind.ALTERED, 2, 2)],
        ),
        ("DELETE FROM stage_normalization_log WHERE row_id = '1'", [(MismatchKind.ENTRIES_MISSING, 2, 1)]),
        ("DELETE FROM stage_normalization_log WHERE row_id = '6'", [(MismatchKind.RECEIPT_WITHOUT_ENTRIES, 1, 0)]),
        ("DELETE FROM stage_migration_receipts WHERE batch_id = 1", [(MismatchKind.NO_RECEIPT, 0, 2)]),
        (
            "INSERT INTO stage_normalization_log (schema_name, table_name, column_name, row_id, fund_id, stage_before, "
            "stage_after, action, plan_id, batch_id) SELECT schema_name, table_name, column_name, '3', fund_id, "
            "'Series B', 'series-b', action, plan_id, batch_id FROM stage_normalization_log WHERE row_id = '1'",
            [(MismatchKind.NO_RECEIPT, 0, 1)],
        ),
        (
            "UPDATE stage_normalization_log SET run_at = run_at - interval '1 day' WHERE row_id = '1'",
            [(MismatchKind.ENTRIES_MISSING, 2, 1), (MismatchKind.NO_RECEIPT, 0, 1)],
        ),
        (
            "UPDATE stage_normalization_log SET batch_id = NULL WHERE row_id = '1'",
            [(MismatchKind.ENTRIES_MISSING, 2, 1), (MismatchKind.NO_RECEIPT, 0, 1)],
        ),
    ],
)
def test_damage_to_the_log_is_found(applied: Application, damage: str, expected: list[_DIFFERENT]) -> None:
    assert not kinds(check(applied))
    applied.sql(damage)
    assert kinds(check(applied)) == expected


def test_altered_entry_is_named_with_what_was_planned(applied: Application) -> None:
    applied.sql("UPDATE stage_normalization_log SET stage_before = 'Seeds' WHERE row_id = '1'")
    found = check(applied)
    (row,) = found.rows
    assert (row.difference, row.row_id, row.fund_id) == (RowDifference.ALTERED, "1", "1")
    assert (row.planned_before, row.planned_after) == ("Series A", "series-a")
    assert (row.logged_before, row.logged_after) == ("Seeds", "series-a")
    assert found.rows_total == 1


def test_deleted_and_inserted_entries_are_named(applied: Application) -> None:
    applied.sql("DELETE FROM stage_normalization_log WHERE row_id = '1'")
    applied.sql(
        "INSERT INTO stage_normalization_log (schema_name, table_name, column_name, row_id, fund_id, stage_before, "
        "stage_after, action, plan_id, batch_id) SELECT schema_name, table_name, column_name, '3', fund_id, "
        "'Series B', 'series-b', action, plan_id, batch_id FROM stage_normalization_log WHERE row_id = '6'"
    )
    assert {(row.difference, row.row_id) for row in check(applied).rows} == {
        (RowDifference.MISSING, "1"),
        (RowDifference.NOT_PLANNED, "3"),
    }


def test_entries_before_the_given_id_are_not_compared(applied: Application) -> None:
    last: int = applied.value("SELECT max(id) FROM stage_normalization_log")
    applied.sql("UPDATE stage_normalization_log SET stage_before = 'Seeds'")
    assert check(applied).mismatches_total == 3
    found = check(applied, last)
    assert (found.receipts, found.entries, found.mismatches_total) == (0, 0, 0)


def test_legacy_entries_are_compared_with_the_members(applied: Application) -> None:
    applied.sql("DELETE FROM stage_migration_receipts")
    applied.sql(
        "UPDATE stage_migration_versions SET last_log_id = (SELECT max(id) FROM stage_normalization_log) "
        "WHERE file_name = '20261126_stage_receipts.sql'"
    )
    found = check(applied)
    assert (found.legacy_entries, found.legacy_rows_total, found.mismatches_total) == (5, 0, 0)
    applied.sql("UPDATE stage_normalization_log SET stage_before = 'Seeds' WHERE row_id = '1'")
    applied.sql("DELETE FROM stage_migration_batches WHERE fund_id = '2'")
    found = check(applied)
    assert [(row.difference, row.row_id) for row in found.legacy_rows] == [
        (RowDifference.ALTERED, "1"),
        (RowDifference.NO_BATCH, "6"),
    ]
    assert (found.legacy_rows_total, found.legacy_without_batch) == (2, 1)


@pytest.mark.parametrize(
    ("damage", "changed"),
    [
        ("DELETE FROM stage_migration_receipts WHERE batch_id = 1", {DigestPart.RECEIPTS}),
        ("UPDATE stage_migration_receipts SET rows_updated = 1 WHERE batch_id = 1", {DigestPart.RECEIPTS}),
        ("DELETE FROM stage_migration_baseline WHERE fund_id = '2'", {DigestPart.BASELINE}),
        ("UPDATE stage_migration_plan_targets SET key_column = 'name'", {DigestPart.BASELINE}),
        ("UPDATE stage_migration_plans SET opened_at = opened_at - interval '1 day'", {DigestPart.BASELINE}),
        ("UPDATE stage_migration_plan_spellings SET stage_after = 'series-c'", {DigestPart.MAPPING}),
        ("UPDATE stage_migration_batch_members SET spelling_ids[1] = 1", {DigestPart.MEMBERS}),
        ("DELETE FROM stage_migration_batches WHERE batch_id = 1", {DigestPart.MEMBERS}),
        ("DELETE FROM stage_migration_plans", {DigestPart.BASELINE, DigestPart.MAPPING, DigestPart.MEMBERS}),
        ("UPDATE stage_migration_plan_digests SET plan_sha256 = sha256('')", {DigestPart.DIGEST}),
    ],
)
def test_digest_of_a_closed_plan_shows_which_part_changed(
    applied: Application, damage: str, changed: set[DigestPart]
) -> None:
    assert not digest(applied, 1).changed
    applied.sql(damage)
    assert set(digest(applied, 1).changed) == changed


def test_altered_spelling_is_counted_with_the_digest(applied: Application) -> None:
    applied.sql("UPDATE stage_migration_spellings SET spelling = 'Series  A' WHERE spelling = 'Series A'")
    assert digest(applied, 1).altered_spellings == 1


def test_open_plan_has_no_digest_and_an_empty_plan_has_one_at_once(application: Application) -> None:
    application.add(COMPANIES, [(1, "Series A")])
    assert digest(application, 1).recorded is None
    application.plan()
    assert digest(application, 1).recorded is None
    application.apply()
    application.plan()
    assert application.value("SELECT status FROM stage_migration_plans WHERE plan_id = 2") == "completed"
    assert digest(application, 2).recorded is not None
