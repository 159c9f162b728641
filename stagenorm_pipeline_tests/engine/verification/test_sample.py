"""The sample for manual review: uniform, the same for the same seed, and beside each change what the row holds now."""

from collections import Counter
from typing import Any

import pytest

from stagenorm_pipeline.engine.configuration import TargetSetting
from stagenorm_pipeline.engine.funds import FundScope
from stagenorm_pipeline_tests.engine.application import COMPANIES, DEALS, Application

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


def test_the_same_seed_gives_the_same_sample_and_another_another(changed: Application) -> None:
    assert sampled(changed, 20, seed=5) == sampled(changed, 20, seed=5)
    assert sampled(changed, 20, seed=5) != sampled(changed, 20, seed=6)


def test_a_larger_sample_begins_with_the_smaller_one(changed: Application) -> None:
    assert sampled(changed, 40, seed=3)[:15] == sampled(changed, 15, seed=3)


def test_the_sample_is_uniform_over_all_changes_of_both_tables(changed: Application) -> None:
    # 20 seeds draw 40 of 200 each: 800 draws, 40 expected in each of 20 parts. The seeds are fixed, so is the outcome.
    ids = sorted(changed.column("SELECT id FROM stage_normalization_log"))
    part_of = {audit_id: place * 20 // CHANGES for place, audit_id in enumerate(ids)}
    drawn = Counter(part_of[audit_id] for seed in range(20) for audit_id in sampled(changed, 40, seed))
    assert drawn.total() == 800
    chi_square = sum((drawn[part] - 40) ** 2 / 40 for part in range(20))
    # The 99.9th percentile with 19 degrees of freedom.
    assert chi_square < 43.8


def test_each_sampled_row_stands_beside_what_it_holds_now(changed: Application) -> None:
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
    ("asked", "size"), [({"scope": FundScope.one("1")}, 50), ({"targets": (TargetSetting(DEALS),)}, 150)]
)
def test_a_scope_samples_its_own_changes_alone(changed: Application, asked: dict[str, Any], size: int) -> None:
    assert len(changed.verify(sample_size=1000, **asked).sample) == size
