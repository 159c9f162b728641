"""Suggest stages for an unknown spelling to the person who decides. Suggestions are never applied."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Final

from stagenorm_pipeline.vocabulary.aliases import built_in_aliases
from stagenorm_pipeline.vocabulary.normalize import collapse, fold, normalize
from stagenorm_pipeline.vocabulary.stages import Stage

# The time to compare two texts grows with the product of their lengths. No stage name is longer than this.
_COMPARED_CHARACTERS: Final = 200
# 80 keeps "seies a" (93) and "sed" (86), and drops "pre series" for pre-seed (78) and "edge" for seed (50).
_LEAST_SIMILARITY: Final = 80

_WORD: Final = re.compile(r"[^\W\d_]+|\d+|\+")
_COMMON_EXTRAS: Final = frozenset(
    {"round", "funding", "fund", "financing", "investment", "stage", "venture", "capital"}
)
_OTHER_ROUND_WORDS: Final = frozenset({"pre", "post", "mid"})
# Below this score the spelling names another round ("pre series a", 50): shown, but not proposed.
_LEAST_PROPOSED: Final = 70
# Matches "series d", "series d 1", "series c d", "seriesd". Not "seriess": a typing error ("seriess a") is likelier.
_LATER_ROUND_WORDS: Final = re.compile(r"\bseries (?:[a-z\d+] )*[d-z]\b|\bseries[d-rt-z]\b")
# Cyrillic VE and SOFT SIGN: too uncertain for the aliases, but good enough for a suggestion.
_LOOKS_LIKE_B: Final = {0x432: "b", 0x44C: "b"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """A stage that a spelling may mean: the similar alias, the similarity (`score`, 0 to 100), and the reason.

    `stage` None: no stage fits, and `why` says what the spelling means instead.
    """

    stage: Stage | None
    alias: str
    score: int
    why: str

    def __str__(self) -> str:
        return f"perhaps {self.stage}: {self.why} (score {self.score} of 100)" if self.stage else self.why


LATER_ROUND: Final = Suggestion(
    stage=None, alias="", score=0, why="a later round than series-c: no canonical stage means this"
)


def suggest(spelling: str, limit: int = 3) -> tuple[Suggestion, ...]:
    """Return at most `limit` suggestions, best first, one per stage; none if no alias is similar.

    For a round after C the only suggestion says so and has no stage. `why` contains only aliases and fixed words, so
    it needs no escaping.
    """
    text = normalize(collapse(spelling)[:_COMPARED_CHARACTERS])
    words = _words(text)
    if _LATER_ROUND_WORDS.search(" ".join(words)):
        return (LATER_ROUND,)[:limit]
    warning = "" if text.isascii() else "; warning: it contains characters that are not ASCII"
    best: dict[Stage, Suggestion] = {}
    for alias, stage, score, why in list(_contained(words)) or _similar(words):
        if stage not in best or score > best[stage].score:
            best[stage] = Suggestion(stage=stage, alias=alias, score=score, why=why + warning)
    return tuple(sorted(best.values(), key=lambda found: (-found.score, found.alias)))[:limit]


def proposal(spelling: str) -> Stage | None:
    """Return the stage that a person can accept with one key: that of a single suggestion with a high score."""
    match suggest(spelling):
        case (Suggestion(stage=stage, alias=_, score=score, why=_),) if score >= _LEAST_PROPOSED:
            return stage
    return None


def same_words(spelling: str) -> frozenset[str]:
    """Return the words of a spelling. Spellings with the same words differ only in case, order, signs and spaces."""
    return frozenset(_words(normalize(collapse(spelling)[:_COMPARED_CHARACTERS])))


def _words(text: str) -> tuple[str, ...]:
    return tuple(_WORD.findall(fold(text, {**built_in_aliases().folding, **_LOOKS_LIKE_B})))


_Found = tuple[str, Stage, int, str]


def _contained(words: tuple[str, ...]) -> Iterator[_Found]:
    """Find the aliases whose words occur in `words` in a row. Skip an alias that is part of a longer one found."""
    found = [known for known in _alias_words() if _occurs_in(known, words)]
    for known in found:
        if any(known != longer and _occurs_in(known, longer) for longer in found):
            continue
        alias, stage = _alias_words()[known]
        others = [word for word in words if word not in known]
        other_round = sorted(_OTHER_ROUND_WORDS.intersection(others))
        if not others:
            yield alias, stage, 100, f"the same words as '{alias}'"
        elif other_round:
            yield alias, stage, 50, f"contains '{alias}', but '{other_round[0]}' names another round"
        elif _COMMON_EXTRAS.issuperset(others):
            yield alias, stage, 90, f"'{alias}' and a common extra word ('{others[0]}')"
        else:
            yield alias, stage, 70, f"contains '{alias}' among other words"


def _similar(words: tuple[str, ...]) -> Iterator[_Found]:
    """Find the aliases that differ from `words` by a typing error or two."""
    # Imported here: it costs 60 ms at start-up, and most commands never need it.
    from rapidfuzz.fuzz import ratio

    text = " ".join(word for word in words if word not in _COMMON_EXTRAS)
    for known, (alias, stage) in _alias_words().items():
        score = int(ratio(text, " ".join(known)))
        if score >= _LEAST_SIMILARITY and _round_letter_agrees(words, stage):
            yield alias, stage, score, f"similar to '{alias}'"


def _round_letter_agrees(words: tuple[str, ...], stage: Stage) -> bool:
    # "series 1" is as similar to "series a" as to "series b": only the letter tells them apart, so it must be there.
    if not stage.startswith("series-"):
        return True
    letter = stage.removeprefix("series-")[0]
    return any(word == letter or (len(word) > 5 and word.endswith(letter)) for word in words)


def _occurs_in(inner: tuple[str, ...], outer: tuple[str, ...]) -> bool:
    return any(outer[at : at + len(inner)] == inner for at in range(len(outer) - len(inner) + 1))


@cache
def _alias_words() -> dict[tuple[str, ...], tuple[str, Stage]]:
    """Return a mapping from the words of each alias to its first alias in the table and its stage."""
    known: dict[tuple[str, ...], tuple[str, Stage]] = {}
    for alias, stage in built_in_aliases().stages.items():
        known.setdefault(tuple(_WORD.findall(alias)), (alias, stage))
    return known
