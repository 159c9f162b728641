"""What a spelling means, and the version of the vocabulary."""

import sys
import unicodedata
from itertools import permutations

import pytest
from hypothesis import given

from stagenorm_pipeline.vocabulary import (
    Decision,
    Decisions,
    DecisionsError,
    Meaning,
    MeaningKind,
    Stage,
    Vocabulary,
    differences,
    meaning_changes,
)
from stagenorm_pipeline.vocabulary.aliases import built_in_aliases
from stagenorm_pipeline.vocabulary.normalize import normalize
from stagenorm_pipeline_tests.support.spellings import (
    CANONICAL_STAGES,
    ROWS,
    WHITE_SPACE,
    odd_spellings,
    some_decisions,
    spellings,
    unhurried,
)

BUILT_IN = Vocabulary.built_in()
UNKNOWN = Meaning(kind=MeaningKind.UNKNOWN)
EVERY_DASH = [c for c in map(chr, range(sys.maxunicode + 1)) if unicodedata.category(c) == "Pd"] + ["\u2212"]


def deciding(*entries: Decision) -> Vocabulary:
    return Vocabulary.with_decisions(Decisions(entries=entries))


@pytest.mark.parametrize(("alias", "stage"), ROWS)
def test_alias_means_its_stage(alias: str, stage: Stage) -> None:
    assert BUILT_IN.stage_of(alias) == stage


def test_there_are_no_other_aliases() -> None:
    assert dict(built_in_aliases().stages) == dict(ROWS)


@pytest.mark.parametrize("alias", built_in_aliases().stages)
def test_every_alias_is_normalized(alias: str) -> None:
    assert normalize(alias) == alias


def test_canonical_stage_means_itself() -> None:
    for stage in CANONICAL_STAGES:
        assert BUILT_IN.meaning_of(stage) == Meaning(kind=MeaningKind.CANONICAL, stage=stage)


@unhurried
@given(odd_spellings())
def test_disguised_alias_keeps_its_stage(odd: tuple[str, Stage]) -> None:
    spelling, stage = odd
    assert BUILT_IN.stage_of(spelling) == stage


@unhurried
@given(odd_spellings())
def test_only_exact_bytes_are_canonical(odd: tuple[str, Stage]) -> None:
    spelling, stage = odd
    kind = MeaningKind.CANONICAL if spelling == stage else MeaningKind.MESSY
    assert BUILT_IN.meaning_of(spelling) == Meaning(kind=kind, stage=stage)


@unhurried
@given(spellings)
def test_length_limit_changes_no_meaning(spelling: str) -> None:
    table = built_in_aliases()
    form = normalize(spelling)
    expected = table.stages.get(form) or table.stages.get(form.translate(dict(table.folding)))
    assert BUILT_IN.stage_of(spelling) == expected


@pytest.mark.parametrize("dash", EVERY_DASH, ids=ascii)
def test_every_unicode_dash_is_a_hyphen(dash: str) -> None:
    assert BUILT_IN.meaning_of(f"Series{dash}A") == Meaning(kind=MeaningKind.MESSY, stage=Stage("series-a"))


@pytest.mark.parametrize("space", WHITE_SPACE, ids=ascii)
def test_every_unicode_white_space_is_a_space(space: str) -> None:
    assert BUILT_IN.stage_of(f"{space}Pre{space}{space}Seed{space}") == Stage("pre-seed")


@pytest.mark.parametrize(
    ("spelling", "stage"),
    [
        ("s\u0435ries a", Stage("series-a")),  # Cyrillic IE
        ("\u0405\u0415\u0415D", Stage("seed")),  # Cyrillic DZE, IE, IE
        ("Series \u0410", Stage("series-a")),  # Cyrillic A
        ("SERIES\u0421", Stage("series-c")),  # Cyrillic ES, the alias itself
        ("s\u0435ries\u0441+", Stage("series-c+")),  # two look-alikes
        ("\u0455eries\u042c", Stage("series-b")),  # a look-alike before the alias with the SOFT SIGN
    ],
)
def test_cyrillic_look_alikes_are_latin_letters(spelling: str, stage: Stage) -> None:
    assert BUILT_IN.stage_of(spelling) == stage


@pytest.mark.parametrize(
    "spelling",
    [
        "seriesc",  # C or C+?
        "SeriesC",
        "s\u0435ries\u0441",  # folds to the above
        "\u0455eriesc",
        "Series D",
        "Series C++",
        "Series \u0412",  # Cyrillic VE: B by its look, C by its place in the alphabet
        "series \u044c",
        "Seed Round",
        "pre - seed",
        "S\u00e9ries A",
        "se\u200bed",
        "\u202eseed",
        "pre\u00adseed",
        "series\x1fa",
        "\u0405\u0415\u0415\u0414",  # Cyrillic DE looks like no D
        "",
        " ",
        "-",
        "NULL",
    ],
    ids=ascii,
)
def test_other_spellings_are_unknown(spelling: str) -> None:
    assert BUILT_IN.stage_of(spelling) is None
    assert BUILT_IN.meaning_of(spelling) == UNKNOWN


@pytest.mark.parametrize("part", ["x", " x", "\u0301\u0327", "\ufdfa", "\u00b4"])
def test_a_million_characters_are_unknown(part: str) -> None:
    # Combining marks out of order would keep NFKD busy for hours.
    assert BUILT_IN.stage_of(part * (1_000_000 // len(part))) is None


def test_alias_within_a_million_spaces_is_known() -> None:
    assert BUILT_IN.stage_of(" \t" * 250_000 + "Seed" + "\u3000" * 500_000) == Stage("seed")


def test_decision_matches_byte_for_byte() -> None:
    vocabulary = deciding(Decision(spelling="Seed Round", stage=Stage("seed")))
    assert vocabulary.meaning_of("Seed Round") == Meaning(kind=MeaningKind.MESSY, stage=Stage("seed"))
    for other in ("seed round", "Seed  Round", "Seed Round ", "Seed\u00a0Round"):
        assert vocabulary.meaning_of(other) == UNKNOWN


def test_kept_spelling_has_a_reason_and_no_stage() -> None:
    vocabulary = deciding(Decision(spelling="Debt", is_kept=True, reason="no equity round"))
    assert vocabulary.stage_of("Debt") is None
    assert vocabulary.meaning_of("Debt") == Meaning(kind=MeaningKind.KEPT, reason="no equity round")


def test_undecided_entry_changes_neither_meaning_nor_version() -> None:
    vocabulary = deciding(Decision(spelling="growth", reason="asked Ana"))
    assert vocabulary.meaning_of("growth") == UNKNOWN
    assert vocabulary.version == BUILT_IN.version


@pytest.mark.parametrize("spelling", ["Seed", " SEED ", "seed", "\u0455eed"])
def test_decision_cannot_contradict_an_alias(spelling: str) -> None:
    with pytest.raises(DecisionsError, match="is seed by an alias, so it cannot be series-a"):
        deciding(Decision(spelling=spelling, stage=Stage("series-a")))
    with pytest.raises(DecisionsError, match="so it cannot be leave-as-is: remove this entry"):
        deciding(Decision(spelling=spelling, is_kept=True, reason="we like it"))


def test_decision_that_repeats_an_alias_keeps_the_version() -> None:
    assert deciding(Decision(spelling="SEED", stage=Stage("seed"))).version == BUILT_IN.version


@unhurried
@given(some_decisions(), spellings)
def test_decisions_change_no_other_spelling(decisions: Decisions, spelling: str) -> None:
    if spelling not in decisions.decided:
        assert Vocabulary.with_decisions(decisions).meaning_of(spelling) == BUILT_IN.meaning_of(spelling)


def test_built_in_version_is_that_of_recorded_plans() -> None:
    # Change it only together with the meaning of a spelling: plans made before are refused from then on.
    assert BUILT_IN.version == "2d52ee030f5ad8be"


def test_version_depends_only_on_meanings() -> None:
    one = Decision(spelling="Seed Round", stage=Stage("seed"))
    two = Decision(spelling="Debt", is_kept=True, reason="no equity")
    three = Decision(spelling="growth", stage=Stage("series-c"))
    assert len({deciding(*order).version for order in permutations((one, two, three))}) == 1
    retold = Decision(spelling="Debt", is_kept=True, reason="a loan", decided_by="Ana", where="file:3")
    assert deciding(one, retold).version == deciding(one, two).version
    versions = [
        BUILT_IN.version,
        deciding(one).version,
        deciding(two).version,
        deciding(one, two).version,
        deciding(Decision(spelling="Seed Round", stage=Stage("pre-seed"))).version,
        deciding(Decision(spelling="Seed round", stage=Stage("seed"))).version,
    ]
    assert len(set(versions)) == len(versions)


@unhurried
@given(some_decisions(), some_decisions())
def test_versions_are_equal_exactly_without_differences(one: Decisions, other: Decisions) -> None:
    before, after = Vocabulary.with_decisions(one), Vocabulary.with_decisions(other)
    assert (before.version == after.version) is (before.differences(after) == ())
    assert len(before.differences(after)) == len(after.differences(before))


def test_differences_name_each_changed_spelling() -> None:
    before = deciding(
        Decision(spelling="growth", stage=Stage("series-c")),
        Decision(spelling="Debt\n", is_kept=True, reason="a loan"),
    )
    after = deciding(
        Decision(spelling="growth", stage=Stage("series-c+")), Decision(spelling="Seed Round", stage=Stage("seed"))
    )
    assert before.differences(after) == (
        '"Debt\\x0A": leave-as-is -> unknown',
        '"Seed Round": unknown -> seed',
        '"growth": series-c -> series-c+',
    )


def test_differences_name_a_changed_built_in_part() -> None:
    recorded = BUILT_IN.content.replace('"steps":1', '"steps":0')
    assert differences(recorded, BUILT_IN.content) == ("the steps changed",)


def test_meaning_changes_when_an_alias_replaces_a_decision() -> None:
    recorded = deciding(
        Decision(spelling="seriesc", stage=Stage("series-c")), Decision(spelling="growth", stage=Stage("seed"))
    )
    later = BUILT_IN.content.replace('"seriesc+":', '"growth":"series-a","seriesc":"series-c","seriesc+":')
    assert [str(change) for change in meaning_changes(recorded.content, later)] == ['"growth": seed -> series-a']
    assert [str(change) for change in meaning_changes(later, recorded.content)] == ['"growth": series-a -> seed']
    assert differences(recorded.content, later) == ("the aliases changed", '"growth": seed -> series-a')


def test_kept_spellings_are_sorted() -> None:
    left = [Decision(spelling=text, is_kept=True, reason="no round") for text in ("b", "a")]
    assert deciding(*left, Decision(spelling="c", stage=Stage("seed")), Decision(spelling="d")).kept == ("a", "b")
