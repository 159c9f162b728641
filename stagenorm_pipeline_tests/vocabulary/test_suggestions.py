"""Suggestions beside an unknown spelling."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stagenorm_pipeline.vocabulary import Stage, Vocabulary, suggest
from stagenorm_pipeline_tests.support.spellings import spellings, unhurried


def shown(spelling: str) -> list[str]:
    return [str(suggestion) for suggestion in suggest(spelling)]


@pytest.mark.parametrize(
    ("spelling", "expected"),
    [
        ("Seed Round", "perhaps seed: 'seed' and a harmless word ('round') (score 90 of 100)"),
        ("Pre-seed Round", "perhaps pre-seed: 'pre-seed' and a harmless word ('round') (score 90 of 100)"),
        ("Seed / Angel Funding", "perhaps seed: contains 'seed' among other words (score 70 of 100)"),
        ("Pre-series A", "perhaps series-a: contains 'series-a', but 'pre' names another round (score 50 of 100)"),
        ("Post series A", "perhaps series-a: contains 'series-a', but 'post' names another round (score 50 of 100)"),
        ("Series - A", "perhaps series-a: the same words as 'series-a' (score 100 of 100)"),
        ("Series B (Extension)", "perhaps series-b: contains 'series-b' among other words (score 70 of 100)"),
        ("Series A2", "perhaps series-a: contains 'series-a' among other words (score 70 of 100)"),
        ("Series C+ extension", "perhaps series-c+: contains 'series-c+' among other words (score 70 of 100)"),
        ("Seies A", "perhaps series-a: similar to 'series-a' (score 93 of 100)"),
        ("preseeed", "perhaps pre-seed: similar to 'preseed' (score 93 of 100)"),
    ],
)
def test_only_suggestion(spelling: str, expected: str) -> None:
    assert shown(spelling) == [expected]


def test_two_stages_in_one_spelling_are_both_suggested() -> None:
    assert [suggestion.stage for suggestion in suggest("Seed Round & Series A")] == [Stage.SEED, Stage.SERIES_A]
    assert [suggestion.stage for suggestion in suggest("seriesc")] == [Stage.SERIES_C, Stage.SERIES_C_PLUS]


@pytest.mark.parametrize(
    "spelling", ["Series D", "Series D1", "seriesE", "Series C, D", "Pre-Series F", "SERIES Z", "S\u0435ries D+"]
)
def test_later_round_gets_no_stage(spelling: str) -> None:
    assert shown(spelling) == ["a later round than series-c: no canonical stage means this"]


@pytest.mark.parametrize(
    "spelling",
    [
        "Private Equity",
        "Debt",
        "Angel",
        "growth",
        "late stage",
        "Edge",
        "Pre-series",
        "Mid series",
        "Series 1",
        "Venture - Series Unknown",
        "$1200000",
        "A",
        "",
        "\x00",
        "x" * 1_000_000,
        "\u0301\u0327" * 500_000,
    ],
    ids=lambda spelling: spelling[:20].encode("unicode_escape").decode(),
)
def test_dissimilar_spelling_gets_no_suggestion(spelling: str) -> None:
    assert suggest(spelling) == ()


@pytest.mark.parametrize(
    ("spelling", "stage"),
    [("Series \u0412", Stage.SERIES_B), ("Seed\u200b", Stage.SEED), ("pre\u00adseed", Stage.PRE_SEED)],
)
def test_look_alike_gets_a_warning(spelling: str, stage: Stage) -> None:
    (suggestion,) = suggest(spelling)
    assert suggestion.stage is stage
    assert "warning" in suggestion.why


def test_leading_white_space_changes_no_suggestion() -> None:
    assert suggest(" " * 1_000_000 + "Seed Round") == suggest("Seed Round")


@unhurried
@given(spellings, st.integers(0, 4))
def test_suggestions_are_few_sorted_and_printable(spelling: str, limit: int) -> None:
    suggestions = suggest(spelling, limit)
    assert len(suggestions) <= limit
    assert [s.score for s in suggestions] == sorted((s.score for s in suggestions), reverse=True)
    assert len({s.stage for s in suggestions}) == len(suggestions)
    for suggestion in suggestions:
        assert str(suggestion).isascii()
        assert str(suggestion).isprintable()
        assert suggestion.stage is None or Vocabulary.built_in().stage_of(suggestion.alias) is suggestion.stage
