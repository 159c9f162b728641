"""The steps from a spelling to the form in which aliases are written."""

import sys
import unicodedata

import pytest
from hypothesis import given

from stagenorm_pipeline.vocabulary.aliases import built_in_aliases
from stagenorm_pipeline.vocabulary.normalize import collapse, fold, normalize
from stagenorm_pipeline_tests.support.spellings import WHITE_SPACE, spellings, unhurried


@pytest.fixture(scope="module")
def forms() -> dict[str, str]:
    """The normalized form of every character. It takes 1 s of CPU."""
    return {character: normalize(character) for character in map(chr, range(sys.maxunicode + 1))}


@unhurried
@given(spellings)
def test_normalize_is_idempotent(spelling: str) -> None:
    assert normalize(normalize(spelling)) == normalize(spelling)


def test_normalize_is_idempotent_for_every_character(forms: dict[str, str]) -> None:
    changed = {form for character, form in forms.items() if form != character}
    assert [form for form in changed if normalize(form) != form] == []


def test_lower_case_keeps_characters_decomposed_and_marks_in_order(forms: dict[str, str]) -> None:
    # The step from single characters to whole texts in the law above.
    parts = {part for character in forms for part in unicodedata.normalize("NFKD", character)}
    broken = [
        part
        for part in parts
        if part.lower() != part
        and (
            unicodedata.normalize("NFKD", part.lower()) != part.lower()
            or unicodedata.combining(part.lower()) != unicodedata.combining(part)
        )
    ]
    assert broken == []


@unhurried
@given(spellings)
def test_folded_text_is_still_normalized(spelling: str) -> None:
    folding = built_in_aliases().folding
    folded = fold(normalize(spelling), folding)
    assert normalize(folded) == folded
    assert fold(folded, folding) == folded


def test_only_white_space_normalizes_to_an_empty_text(forms: dict[str, str]) -> None:
    # What makes it right to give up on a text that is too long once its white space is collapsed.
    assert sorted(character for character, form in forms.items() if not form) == sorted(WHITE_SPACE)


def test_unicode_white_space_becomes_one_space() -> None:
    for space in WHITE_SPACE:
        assert collapse(f"{space}series{space}{space} a{space}") == "series a"


@pytest.mark.parametrize(
    ("spelling", "form"),
    [
        ("  Series\t\n A ", "series a"),
        ("ＳＥＥＤ", "seed"),
        ("\u017feed", "seed"),  # LATIN SMALL LETTER LONG S
        ("Series C\u207a", "series c+"),  # SUPERSCRIPT PLUS SIGN
        ("\u0130", "i\u0307"),  # the capital that grows in lower case
        ("\u00b4seed", "\u0301seed"),  # an accent that NFKD turns into a space and a mark
        ("", ""),
        (" \u3000 ", ""),
    ],
)
def test_normalized_form(spelling: str, form: str) -> None:
    assert normalize(spelling) == form


@pytest.mark.parametrize("invisible", ["\u200b", "\u200d", "\u2060", "\ufeff", "\u00ad", "\u200f", "\u202e", "\x1f"])
def test_invisible_characters_stay(invisible: str) -> None:
    assert normalize(f"Seed{invisible}") == f"seed{invisible}"
