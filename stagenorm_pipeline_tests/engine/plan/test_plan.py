"""Plans: a preview writes nothing, and a recorded plan has exactly the rows of its preview."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stagenorm_pipeline import __version__
from stagenorm_pipeline.config.configuration import TargetSetting
from stagenorm_pipeline.engine.inventory.inventory import RowCounts
from stagenorm_pipeline.engine.plan.life_cycle import find_plan, open_plan
from stagenorm_pipeline.engine.plan.request import MAX_BATCH_SIZE
from stagenorm_pipeline.engine.targets.funds import FundScope
from stagenorm_pipeline.errors import ConfigurationError, PlanError, TargetError
from stagenorm_pipeline_tests.support.application import COMPANIES, DEALS, VOCABULARY, Application, Row
from stagenorm_pipeline_tests.support.examples import on_database

MEMBERS = """
SELECT b.table_name, b.fund_id, m.row_number AS id, s.spelling, p.stage_after
FROM stage_migration_batches b
JOIN stage_migration_batch_members USING (batch_id)
CROSS JOIN LATERAL unnest(row_numbers, spelling_ids) AS m (row_number, spelling_id)
JOIN stage_migration_spellings s USING (spelling_id)
JOIN stage_migration_plan_spellings p ON p.plan_id = b.plan_id AND p.spelling_id = m.spelling_id
WHERE b.plan_id = %s
"""
ROWS: list[Row] = [
    (1, "Seed"),
    (1, "seed"),
    (2, " Series A"),
    (None, "SERIES_B"),
    (2, "growth"),
    (1, "Seed"),
    (7, "seed"),
]


def members_of(application: Application, plan_id: int | None) -> list[tuple[Any, ...]]:
    return sorted(application.sql(MEMBERS, plan_id), key=str)


def messy_rows(application: Application) -> list[tuple[Any, ...]]:
    """The rows that a plan should have, computed in Python, with the stage of each."""
    found = []
    for table in (COMPANIES, DEALS):
        for row_id, fund_id, stage in application.sql(f"SELECT id, fund_id::text, stage FROM {table}"):
            after = None if stage is None else VOCABULARY.stage_of(stage)
            if after is not None and after != stage:
                found.append((table, fund_id, row_id, stage, str(after)))
    return sorted(found, key=str)


@pytest.fixture
def filled(application: Application) -> Application:
    application.add(COMPANIES, ROWS)
    application.add(DEALS, [*ROWS, (2, None), (None, None)])
    return application


def test_preview_writes_nothing(filled: Application) -> None:
    before = filled.contents()
    filled.preview()
    assert filled.contents() == before


def test_preview_works_without_tracking_tables(bare: Application) -> None:
    bare.sql(f"CREATE TABLE {COMPANIES} (id int PRIMARY KEY, stage text)")
    bare.sql(f"INSERT INTO {COMPANIES} VALUES (1, 'Seed')")
    plan = bare.preview(targets=(TargetSetting(table=COMPANIES),))
    assert (plan.plan_id, plan.status, plan.total_batches) == (None, "preview", 1)


@on_database(20)
@given(
    rows=st.lists(
        st.tuples(
            st.sampled_from([None, 1]),
            st.sampled_from(["seed", "Seed", " seed", "Series A", "SERIES_B", "growth", "", "series-c+", "Series C"]),
        ),
        min_size=1,
        max_size=40,
    ),
    batch_size=st.integers(1, 4),
)
def test_plan_is_exactly_its_preview(application: Application, rows: list[Row], batch_size: int) -> None:
    application.sql(f"DELETE FROM {COMPANIES}; DELETE FROM {DEALS}; DELETE FROM stage_migration_plans")
    application.add(COMPANIES, rows)
    application.add(DEALS, rows[::-2])
    preview = application.preview(batch_size=batch_size)
    plan = application.plan(batch_size=batch_size)
    assert (plan.counts, plan.total_batches, plan.funds_to_change) == (
        preview.counts,
        preview.total_batches,
        preview.funds_to_change,
    )
    assert members_of(application, plan.plan_id) == messy_rows(application)
    batches = application.sql(
        "SELECT table_name, fund_id, rows_planned, cardinality(spelling_ids), row_numbers FROM stage_migration_batches "
        "JOIN stage_migration_batch_members USING (batch_id) ORDER BY batch_number"
    )
    assert len(batches) == preview.total_batches
    for _, _, planned, members, numbers in batches:
        assert 1 <= planned == members <= batch_size
        assert numbers == sorted(numbers)


def test_batch_has_rows_of_one_table_and_fund(filled: Application) -> None:
    filled.plan()
    for table, fund_id, ids in filled.sql(
        "SELECT table_name, fund_id, row_numbers "
        "FROM stage_migration_batches JOIN stage_migration_batch_members USING (batch_id)"
    ):
        assert filled.column(f"SELECT DISTINCT fund_id::text FROM {table} WHERE id = ANY (%s)", ids) == [fund_id]


def test_table_without_fund_column_is_planned_under_no_fund(application: Application) -> None:
    application.sql("CREATE TABLE startups (id int PRIMARY KEY, stage text); INSERT INTO startups VALUES (1, 'Seed')")
    targets = (TargetSetting(table="startups"),)
    plan = application.plan(targets=targets)
    assert plan.funds_to_change == (None,)
    assert application.column("SELECT fund_id FROM stage_migration_batches") == [None]
    assert application.preview(targets=targets, scope=FundScope.one(None)).counts.rows_to_change == 1
    assert application.preview(targets=targets, scope=FundScope.one("1")).counts.rows_seen == 0


def test_recording_changes_no_row_of_the_targets(filled: Application) -> None:
    before = filled.contents()
    filled.plan()
    after = filled.contents()
    assert (after[COMPANIES], after[DEALS]) == (before[COMPANIES], before[DEALS])
    assert after["stage_normalization_log"] == []


def test_plan_records_totals_author_and_vocabulary(filled: Application) -> None:
    plan = filled.plan(batch_size=2)
    assert plan.plan_id is not None
    with filled.database.snapshot() as connection:
        recorded = find_plan(connection, plan.plan_id)
    assert (recorded.status, recorded.created_by, recorded.batch_size) == ("open", "planner", 2)
    assert (recorded.vocabulary_version, recorded.scope) == (VOCABULARY.version, FundScope())
    assert (recorded.counts, recorded.total_batches) == (plan.counts, plan.total_batches)
    assert recorded.counts == RowCounts(rows_seen=16, rows_canonical=4, rows_null=2, rows_unknown=2, rows_to_change=8)
    assert filled.column("SELECT code_version FROM stage_migration_plans") == [__version__]
    assert filled.value("SELECT scope FROM stage_migration_plans") == {
        "targets": ["public.portfoliocompanies.stage", "public.deal_opportunities.stage"],
        "all_funds": True,
    }
    assert filled.value("SELECT sum(rows_planned) FROM stage_migration_batches") == recorded.counts.rows_to_change


def test_baseline_adds_up_to_every_row_in_scope(filled: Application) -> None:
    plan = filled.plan()
    baseline = filled.sql(
        "SELECT t.table_name, b.fund_id, s.spelling, b.kind, b.rows_counted FROM stage_migration_baseline b "
        "JOIN stage_migration_plan_targets t USING (plan_id, target_no) "
        "LEFT JOIN stage_migration_spellings s USING (spelling_id)"
    )
    counted = [
        (table, *row)
        for table in (COMPANIES, DEALS)
        for row in filled.sql(f"SELECT fund_id::text, stage, count(*) FROM {table} GROUP BY 1, 2")
    ]
    assert sorted(((t, f, s, n) for t, f, s, _, n in baseline), key=str) == sorted(counted, key=str)
    assert sum(row[4] for row in baseline) == plan.counts.rows_seen
    assert {(s, kind) for _, _, s, kind, _ in baseline if s in ("seed", "Seed", "growth", None)} == {
        ("seed", "canonical"),
        ("Seed", "messy"),
        ("growth", "unknown"),
        (None, "null"),
    }


def test_spelling_is_stored_once_for_all_plans(filled: Application) -> None:
    filled.plan()
    filled.plan()
    spellings = filled.column("SELECT spelling FROM stage_migration_spellings")
    assert sorted(spellings) == sorted({str(stage) for _, stage in ROWS})
    digests = (
        "SELECT count(*) FROM stage_migration_spellings WHERE spelling_sha256 <> sha256(convert_to(spelling, 'UTF8'))"
    )
    assert filled.value(digests) == 0


@pytest.mark.parametrize("fund_id", ["1", None])
def test_plan_of_one_fund_has_only_its_rows(filled: Application, fund_id: str | None) -> None:
    plan = filled.plan(scope=FundScope.one(fund_id))
    assert members_of(filled, plan.plan_id) == [row for row in messy_rows(filled) if row[1] == fund_id]
    assert filled.column("SELECT DISTINCT fund_id FROM stage_migration_baseline") == [fund_id]
    assert filled.value("SELECT scope -> 'fund_id' FROM stage_migration_plans") == fund_id


def test_plan_of_one_table_has_only_its_rows(filled: Application) -> None:
    plan = filled.plan(targets=(TargetSetting(table=DEALS),))
    assert members_of(filled, plan.plan_id) == [row for row in messy_rows(filled) if row[0] == DEALS]


def test_plan_with_nothing_to_change_is_completed_at_once(application: Application) -> None:
    """It keeps its baseline."""
    application.add(COMPANIES, [(1, "seed"), (2, "growth")])
    plan = application.plan()
    assert (plan.status, plan.total_batches) == ("completed", 0)
    assert application.sql(
        "SELECT status, opened_at IS NOT NULL, completed_at IS NOT NULL FROM stage_migration_plans"
    ) == [("completed", True, True)]
    assert application.value("SELECT sum(rows_counted) FROM stage_migration_baseline") == 2


def test_empty_tables_make_an_empty_plan(application: Application) -> None:
    plan = application.plan()
    assert (plan.status, plan.counts, plan.funds_to_change) == ("completed", RowCounts(), ())


def test_plan_over_normalized_data_is_empty(filled: Application) -> None:
    filled.run()
    before = filled.contents()
    plan = filled.plan()
    result = filled.apply()
    after = filled.contents()
    assert (plan.total_batches, plan.counts.rows_to_change, result.batches) == (0, 0, 0)
    assert [after[t] for t in (COMPANIES, DEALS, "stage_normalization_log")] == [
        before[t] for t in (COMPANIES, DEALS, "stage_normalization_log")
    ]


def test_failed_planning_records_nothing(filled: Application) -> None:
    before = filled.contents()
    with pytest.raises(TargetError, match="nowhere"):
        filled.plan(targets=(TargetSetting(table=COMPANIES), TargetSetting(table="nowhere")))
    assert filled.contents() == before


@pytest.mark.parametrize("size", [0, -1, MAX_BATCH_SIZE + 1])
def test_batch_size_out_of_bounds_is_refused(application: Application, size: int) -> None:
    with pytest.raises(ConfigurationError, match=f"batch size of {size:,}") as caught:
        application.request(batch_size=size)
    assert f"{MAX_BATCH_SIZE:,}" in str(caught.value)


def test_missing_plan_is_refused(application: Application) -> None:
    with pytest.raises(PlanError, match="There is no plan 7"):
        open_plan(application.database, 7)


@pytest.mark.soak  # it takes 1 GB of the server's memory
def test_fund_too_large_for_one_plan_is_named(application: Application) -> None:
    application.add(COMPANIES, [(7, "Seed")] * 3)
    # So long a key is compressed in the table and its index, and whole in the array.
    application.sql(
        f"DROP TABLE {DEALS}; CREATE TABLE {DEALS} AS "
        "SELECT i || repeat('x', 200000) AS id, CASE WHEN i > 40 THEN 9 ELSE 8 END AS fund_id, 'Seed' AS stage "
        f"FROM generate_series(1, 5450) i; ALTER TABLE {DEALS} ADD PRIMARY KEY (id)"
    )

    said = r"^fund-9 of public\.deal_opportunities\.stage is too large .* 5,410 rows"
    with pytest.raises(PlanError, match=said) as caught:
        application.plan()

    assert "--fund-id" in (caught.value.remedy or "")
    assert application.value("SELECT count(*) FROM stage_migration_plans") == 0
    assert application.plan(scope=FundScope.one("8")).counts.rows_to_change == 40
