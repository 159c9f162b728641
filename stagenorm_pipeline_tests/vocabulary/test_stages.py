"""The canonical stages and their order."""

import operator
from collections.abc import Callable

import pytest

from stagenorm_pipeline.vocabulary import CANONICAL_STAGES, Stage


def test_the_stages_are_the_six_of_the_runbook_in_the_order_of_rounds() -> None:
    assert list(CANONICAL_STAGES) == ["pre-seed", "seed", "series-a", "series-b", "series-c", "series-c+"]


def test_sorting_puts_the_earliest_round_first() -> None:
    shuffled = [CANONICAL_STAGES[place] for place in (3, 5, 0, 2, 4, 1)]
    assert tuple(sorted(shuffled)) == CANONICAL_STAGES
    assert min(shuffled) is Stage.PRE_SEED
    assert max(shuffled) is Stage.SERIES_C_PLUS


@pytest.mark.parametrize("compare", [operator.lt, operator.le, operator.gt, operator.ge])
def test_each_comparison_of_two_stages_is_that_of_their_ranks(compare: Callable[[object, object], bool]) -> None:
    for one in CANONICAL_STAGES:
        for other in CANONICAL_STAGES:
            assert compare(one, other) is compare(one.rank, other.rank)


@pytest.mark.parametrize("compare", [operator.lt, operator.le, operator.gt, operator.ge])
def test_a_stage_is_not_ordered_against_a_plain_text(compare: Callable[[object, object], bool]) -> None:
    with pytest.raises(TypeError, match="among stages only"):
        compare(Stage.SEED, "series-a")
    with pytest.raises(TypeError, match="among stages only"):
        compare("series-a", Stage.SEED)


def test_a_stage_equals_its_text_and_finds_it_in_a_dict() -> None:
    text: str = "series-c+"
    assert text == Stage.SERIES_C_PLUS
    assert {"series-c+": 1}[Stage.SERIES_C_PLUS] == 1
    assert f"{Stage.SEED}" == "seed"
