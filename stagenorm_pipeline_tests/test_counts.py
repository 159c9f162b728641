"""Counts with units, as people read them."""

import pytest

from stagenorm_pipeline.counts import counted


@pytest.mark.parametrize(
    ("count", "unit", "shown"),
    [(0, "row", "0 rows"), (1, "row", "1 row"), (2_500, "row", "2,500 rows"), (3, "batch", "3 batches")],
)
def test_counts_have_singular_or_plural_units(count: int, unit: str, shown: str) -> None:
    assert counted(count, unit) == shown


def test_counts_take_irregular_plurals() -> None:
    assert counted(2, "entry", "entries") == "2 entries"
