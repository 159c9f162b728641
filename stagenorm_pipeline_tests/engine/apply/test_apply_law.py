"""Updated + skipped + failed = planned for every batch, whatever other sessions change after planning."""

from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stagenorm_pipeline.config.auto_batch_size import Pacing
from stagenorm_pipeline_tests.support.application import DEALS, VOCABULARY, Application
from stagenorm_pipeline_tests.support.examples import on_database

# What a user does to a row between plan and apply.
LEAVE, DELETE, NULL, MOVE, REPLACE = "leave", "delete", "null", "move", "replace"
INTERFERENCE = st.sampled_from(
    [LEAVE, LEAVE, DELETE, NULL, MOVE, REPLACE, "set seed", "set SEED", "set growth", "set Series A", "set series-a "]
)
# The trigger refuses the stages of these rows.
REFUSING = f"""
CREATE OR REPLACE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.title = 'refused' THEN RAISE EXCEPTION 'this row is closed'; END IF;
    IF NEW.title = 'suppressed' THEN RETURN NULL; END IF;
    IF NEW.title = 'rewritten' THEN NEW.stage := 'series-b'; END IF;
    RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER refuse BEFORE UPDATE OF stage ON {DEALS}
    FOR EACH ROW WHEN (OLD.stage IS DISTINCT FROM NEW.stage AND current_setting('application.is_user', true) IS NULL)
    EXECUTE FUNCTION refuse();
"""
ROWS = st.lists(
    st.tuples(
        st.sampled_from([None, 1, 2]),
        st.sampled_from(["Seed", "SEED", " seed", "Series A", "seed", "growth", "Series C"]),
        st.sampled_from([None, None, None, "refused", "suppressed", "rewritten"]),
        INTERFERENCE,
    ),
    max_size=25,
)


def interfere(application: Application, row_id: int, deed: str) -> None:
    match deed:
        case "delete":
            application.sql(f"DELETE FROM {DEALS} WHERE id = %s", row_id)
        case "null":
            application.sql(f"UPDATE {DEALS} SET stage = NULL WHERE id = %s", row_id)
        case "move":
            application.sql(f"UPDATE {DEALS} SET fund_id = 3 WHERE id = %s", row_id)
        case "replace":
            # Gone, and another row with the same stage beside it.
            application.sql(f"UPDATE {DEALS} SET id = id + 1000000 WHERE id = %s", row_id)
        case _ if deed.startswith("set "):
            application.sql(f"UPDATE {DEALS} SET stage = %s WHERE id = %s", deed.removeprefix("set "), row_id)


def outcome(before: str, title: str | None, deed: str) -> tuple[str, str | None]:
    """What must happen to a planned row, and the stage that it must hold afterwards."""
    if deed in (DELETE, REPLACE):
        return "deleted", None
    if deed == NULL:
        return "changed", None
    now = deed.removeprefix("set ") if deed.startswith("set ") else before
    if now != before:
        return "changed", now
    if title is not None:
        return "failed", before
    return "updated", VOCABULARY.stage_of(before)


@pytest.fixture
def refusing(application: Application) -> Application:
    application.sql(REFUSING)
    return application


@on_database(15)
@given(rows=ROWS, batch_size=st.integers(1, 8), pacing=st.sampled_from([None, Pacing()]))
def test_every_planned_row_is_counted_and_no_other_write_is_lost(
    refusing: Application, rows: list[tuple[int | None, str, str | None, str]], batch_size: int, pacing: Pacing | None
) -> None:
    """Each planned row is updated, skipped or failed."""
    application = refusing
    # DELETE, not TRUNCATE: on small tables ten times faster, and this runs once an example.
    for table in (DEALS, "stage_migration_plans", "stage_migration_quarantine", "stage_normalization_log"):
        application.sql(f"DELETE FROM {table}")
    application.sql("SET application.is_user = 'yes'")
    ids = application.column(
        f"INSERT INTO {DEALS} (fund_id, stage, title) "
        "SELECT * FROM unnest(%s::int[], %s::text[], %s::text[]) RETURNING id",
        *[[row[i] for row in rows] for i in range(3)],
    )
    application.plan(batch_size=batch_size)
    with application.user.transaction():
        for row_id, (_, _, _, deed) in zip(ids, rows, strict=True):
            interfere(application, row_id, deed)
    as_users_left_it = application.stages(DEALS)

    result = application.apply(pacing=pacing)

    expected = dict(as_users_left_it)
    outcomes: Counter[str] = Counter()
    for row_id, (_, before, title, deed) in zip(ids, rows, strict=True):
        if VOCABULARY.stage_of(before) not in (None, before):
            became, stage = outcome(before, title, deed)
            outcomes[became] += 1
            if became != "deleted":
                expected[row_id] = stage
    assert application.stages(DEALS) == expected
    counted = {
        "updated": result.rows.rows_updated,
        "changed": result.rows.rows_skipped_changed,
        "deleted": result.rows.rows_skipped_deleted,
        "failed": result.rows.rows_failed,
    }
    assert +Counter(counted) == outcomes
    assert_the_record_agrees(application, outcomes)


def assert_the_record_agrees(application: Application, outcomes: Counter[str]) -> None:
    sums = "rows_updated + rows_skipped_changed + rows_skipped_deleted + rows_failed = rows_planned"
    batches: list[tuple[Any, ...]] = application.sql(
        f"SELECT status, {sums}, rows_failed > 0, rows_updated, (SELECT count(*) FROM stage_normalization_log l "
        "WHERE l.batch_id = b.batch_id) FROM stage_migration_batches b"
    )
    for status, adds_up, any_failed, updated, audited in batches:
        assert adds_up
        assert status == ("failed" if any_failed else "completed")
        assert updated == audited
    assert application.value("SELECT count(*) FROM stage_normalization_log") == outcomes["updated"]
    assert application.value("SELECT count(*) FROM stage_migration_quarantine") == outcomes["failed"]
    assert (
        application.sql(
            f"SELECT l.row_id FROM stage_normalization_log l LEFT JOIN {DEALS} t ON t.id::text = l.row_id "
            "WHERE t.stage IS DISTINCT FROM l.stage_after"
        )
        == []
    )
