"""The canonical stages and their order."""

import operator
from collections.abc import Callable

import pytest

from stagenorm_pipeline.vocabulary import CANONICAL_STAGES, Stage


def test_canonical_stages_are_those_of_the_runbook() -> None:
    assert list(CANONICAL_STAGES) == ["pre-seed", "seed", "series-a", "series-b", "series-c", "series-c+"]


def test_sorting_puts_the_earliest_round_first() -> None:
    shuffled = [CANONICAL_STAGES[place] for place in (3, 5, 0, 2, 4, 1)]
    assert tuple(sorted(shuffled)) == CANONICAL_STAGES
    assert min(shuffled) is Stage.PRE_SEED
    assert max(shuffled) is Stage.SERIES_C_PLUS


@pytest.mark.parametrize("compare", [operator.lt, operator.le, operator.gt, operator.ge])
def test_stages_compare_by_rank(compare: Callable[[object, object], bool]) -> None:
    for one in CANONICAL_STAGES:
        for other in CANONICAL_STAGES:
            assert compare(one, other) is compare(one.rank, other.rank)


@pytest.mark.parametrize("compare", [operator.lt, operator.le, operator.gt, operator.ge])
def test_stage_cannot_be_compared_with_a_text(compare: Callable[[object, object], bool]) -> None:
    with pytest.raises(TypeError, match="can be compared with stages only"):
        compare(Stage.SEED, "series-a")
    with pytest.raises(TypeError, match="can be compared with stages only"):
        compare("series-a", Stage.SEED)


def test_stage_equals_its_text() -> None:
    text: str = "series-c+"
    assert text == Stage.SERIES_C_PLUS
    assert {"series-c+": 1}[Stage.SERIES_C_PLUS] == 1
    assert f"{Stage.SEED}" == "seed"
