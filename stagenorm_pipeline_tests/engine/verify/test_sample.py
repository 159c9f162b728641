"""The sample for manual review: uniform, the same for the same seed, and beside each change what the row holds now."""

from collections import Counter
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import event

from stagenorm_pipeline.config.configuration import TargetSetting
from stagenorm_pipeline.engine.targets.funds import FundScope
from stagenorm_pipeline.engine.verify import sample
from stagenorm_pipeline.engine.verify.result import Rule, Severity
from stagenorm_pipeline_tests.support.application import COMPANIES, DEALS, Application

CHANGES = 200


@pytest.fixture
def changed(application: Application) -> Application:
    """200 changes: the first 50 of the companies, the others of the deals."""
    application.add(COMPANIES, [(1, "Seed")] * 50)
    application.add(DEALS, [(2, "Series A")] * 150)
    application.run()
    return application


def sampled(application: Application, size: int, seed: int) -> list[int]:
    return [row.audit_id for row in application.verify(sample_size=size, sample_seed=seed).sample]


def test_the_sample_has_the_size_asked_for_and_no_change_twice(changed: Application) -> None:
    for size in (0, 1, 30, CHANGES, CHANGES + 50):
        sample = sampled(changed, size, seed=1)
        assert len(sample) == len(set(sample)) == min(size, CHANGES)


def test_seed_determines_the_sample(changed: Application) -> None:
    assert sampled(changed, 20, seed=5) == sampled(changed, 20, seed=5)
    assert sampled(changed, 20, seed=5) != sampled(changed, 20, seed=6)


def test_a_larger_sample_begins_with_the_smaller_one(changed: Application) -> None:
    assert sampled(changed, 40, seed=3)[:15] == sampled(changed, 15, seed=3)


@pytest.mark.parametrize("most_drawn", [200_000, 0], ids=["drawn by id", "ordered by a hash"])
def test_the_sample_is_uniform_over_all_changes_of_both_tables(
    changed: Application, most_drawn: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    # 20 seeds draw 40 of 200 each: 800 draws, 40 expected in each of 20 parts. The seeds are fixed, so is the outcome.
    monkeypatch.setattr(sample, "MOST_DRAWN", most_drawn)
    ids = sorted(changed.column("SELECT id FROM stage_normalization_log"))
    part_of = {audit_id: place * 20 // CHANGES for place, audit_id in enumerate(ids)}
    drawn = Counter(part_of[audit_id] for seed in range(20) for audit_id in sampled(changed, 40, seed))
    assert drawn.total() == 800
    chi_square = sum((drawn[part] - 40) ** 2 / 40 for part in range(20))
    # The 99.9th percentile with 19 degrees of freedom.
    assert chi_square < 43.8


def test_entries_of_other_tools_do_not_bias_the_sample(changed: Application) -> None:
    # Nine of ten ids of the log are other tools' entries, and the ids have gaps.
    changed.sql(
        "INSERT INTO stage_normalization_log (schema_name, table_name, column_name, row_id, action) "
        "SELECT 'public', 'deal_opportunities', 'stage', i::text, 'validate' FROM generate_series(1, 2000) i;"
        "DELETE FROM stage_normalization_log WHERE action = 'validate' AND id % 3 = 0"
    )
    changed.add(DEALS, [(2, "Seed")] * 10)
    changed.run()
    ids = changed.column("SELECT id FROM stage_normalization_log WHERE action = 'normalize'")
    drawn = Counter(audit_id for seed in range(40) for audit_id in sampled(changed, 21, seed))
    assert set(drawn) <= set(ids)
    assert drawn.total() == 840
    # 840 draws of 210 entries: 4 expected of each, more than 14 once in ten thousand times.
    assert max(drawn.values()) < 15
    late = sum(drawn[audit_id] for audit_id in sorted(ids)[-10:])
    assert 20 < late < 65, "40 expected behind the gap"


@pytest.mark.parametrize("size", [20, 150])
def test_sample_reads_only_the_drawn_entries(changed: Application, size: int) -> None:
    statements: list[str] = []

    def listener(connection: sa.Connection, cursor: object, statement: str, *rest: object) -> None:
        statements.append(statement)

    event.listen(changed.database.engine, "before_cursor_execute", listener)
    sampled(changed, size, seed=1)
    event.remove(changed.database.engine, "before_cursor_execute", listener)
    # Ordering the whole log by a hash is for samples of a good part of it.
    assert any("ORDER BY hashint8extended" in statement for statement in statements) == (size == 150)


def test_unreadable_sample_fails_only_its_check(changed: Application) -> None:
    changed.sql("UPDATE stage_normalization_log SET row_id = 'x'")
    result = changed.verify()
    check = result.check(Rule.SAMPLE_INSPECTION)
    assert (check.passed, check.severity, result.sample) == (False, Severity.ERROR, ())
    assert "invalid input syntax for type bigint" in (check.findings[0].detail or "")
    assert result.check(Rule.FUND_BREAKDOWN).passed


def test_sampled_rows_show_what_they_hold_now(changed: Application) -> None:
    changed.sql(f"DELETE FROM {COMPANIES} WHERE id <= 10; UPDATE {DEALS} SET stage = 'growth' WHERE id <= 10")
    now = {(table, str(i)): stage for table in (COMPANIES, DEALS) for i, stage in changed.stages(table).items()}
    log = {
        row[0]: row[1:]
        for row in changed.sql("SELECT id, row_id, stage_before, stage_after FROM stage_normalization_log")
    }
    sample = changed.verify(sample_size=CHANGES).sample
    assert {row.audit_id for row in sample} == set(log)
    for row in sample:
        table = row.target.split(".")[1]
        assert (row.row_id, row.stage_before, row.stage_after) == log[row.audit_id]
        assert row.stage_now == now.get((table, row.row_id))
        assert row.exists == ((table, row.row_id) in now)


@pytest.mark.parametrize(
    ("asked", "size"), [({"scope": FundScope.one("1")}, 50), ({"targets": (TargetSetting(table=DEALS),)}, 150)]
)
def test_scope_samples_only_its_changes(changed: Application, asked: dict[str, Any], size: int) -> None:
    assert len(changed.verify(sample_size=1000, **asked).sample) == size
