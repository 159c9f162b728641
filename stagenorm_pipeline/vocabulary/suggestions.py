"""Suggestions for a person who decides about an unknown spelling. They are shown and never applied."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Final

from stagenorm_pipeline.vocabulary.aliases import built_in_aliases
from stagenorm_pipeline.vocabulary.normalize import collapse, fold, normalize
from stagenorm_pipeline.vocabulary.stages import Stage

# Nobody recognizes a stage in more than this; comparing costs the product of the lengths.
_COMPARED_CHARACTERS: Final = 200
# 80 keeps "seies a" (93) and "sed" (86), and drops "pre series" for pre-seed (78) and "edge" for seed (50).
_LEAST_SIMILARITY: Final = 80

_WORD: Final = re.compile(r"[^\W\d_]+|\d+|\+")
_COMMON_EXTRAS: Final = frozenset(
    {"round", "funding", "fund", "financing", "investment", "stage", "venture", "capital"}
)
_SHIFTING: Final = frozenset({"pre", "post", "mid"})
# Below it the spelling names another round ("pre series a", 50): shown, and not to be taken with one key.
_LEAST_PROPOSED: Final = 70
# In words: "series d", "series d 1", "series c d", "seriesd". A glued s is rather a slip ("seriess a") than a round.
_LATER_ROUND_WORDS: Final = re.compile(r"\bseries (?:[a-z\d+] )*[d-z]\b|\bseries[d-rt-z]\b")
# Cyrillic VE and SOFT SIGN: too uncertain to be read as b, likely enough to ask.
_LOOKS_LIKE_B: Final = {0x432: "b", 0x44C: "b"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """A stage that a spelling may mean, the alias it resembles, how much (0 to 100), and why, for a person.

    With `stage` None it says that no stage fits, and `why` says what the spelling names instead.
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
    """At most `limit` suggestions, the best first, one a stage; none where nothing is near.

    A round after C gets no stage at all, only the remark that it is one. `why` is made of this module's words and
    the aliases alone, so it is harmless wherever it is shown.
    """
    text = normalize(collapse(spelling)[:_COMPARED_CHARACTERS])
    words = _words(text)
    if _LATER_ROUND_WORDS.search(" ".join(words)):
        return (LATER_ROUND,)[:limit]
    beware = "" if text.isascii() else "; beware, it holds characters that are not plain ASCII"
    best: dict[Stage, Suggestion] = {}
    for alias, stage, score, why in list(_contained(words)) or _similar(words):
        if stage not in best or score > best[stage].score:
            best[stage] = Suggestion(stage=stage, alias=alias, score=score, why=why + beware)
    return tuple(sorted(best.values(), key=lambda found: (-found.score, found.alias)))[:limit]


def proposal(spelling: str) -> Stage | None:
    """The stage that a person may take with one key: there is one suggestion only, and nothing speaks against it."""
    match suggest(spelling):
        case (Suggestion(stage=stage, alias=_, score=score, why=_),) if score >= _LEAST_PROPOSED:
            return stage
    return None


def same_words(spelling: str) -> frozenset[str]:
    """The words of a spelling, for finding others that differ in case, order, signs and spaces alone; may be empty."""
    return frozenset(_words(normalize(collapse(spelling)[:_COMPARED_CHARACTERS])))


def _words(text: str) -> tuple[str, ...]:
    return tuple(_WORD.findall(fold(text, {**built_in_aliases().folding, **_LOOKS_LIKE_B})))


_Found = tuple[str, Stage, int, str]


def _contained(words: tuple[str, ...]) -> Iterator[_Found]:
    """The aliases whose words stand in `words` in a row, without those that lie inside a longer one found there."""
    found = [known for known in _alias_words() if _stands_in(known, words)]
    for known in found:
        if any(known != longer and _stands_in(known, longer) for longer in found):
            continue
        alias, stage = _alias_words()[known]
        others = [word for word in words if word not in known]
        shifting = sorted(_SHIFTING.intersection(others))
        if not others:
            yield alias, stage, 100, f"the same words as '{alias}'"
        elif shifting:
            yield alias, stage, 50, f"contains '{alias}', but '{shifting[0]}' names another round"
        elif _COMMON_EXTRAS.issuperset(others):
            yield alias, stage, 90, f"'{alias}' and a common extra word ('{others[0]}')"
        else:
            yield alias, stage, 70, f"contains '{alias}' among other words"


def _similar(words: tuple[str, ...]) -> Iterator[_Found]:
    """The aliases within a slip or two of `words`."""
    # 60 ms of start-up that most commands never need.
    from rapidfuzz.fuzz import ratio

    text = " ".join(word for word in words if word not in _COMMON_EXTRAS)
    for known, (alias, stage) in _alias_words().items():
        score = int(ratio(text, " ".join(known)))
        if score >= _LEAST_SIMILARITY and _round_letter_agrees(words, stage):
            yield alias, stage, score, f"similar to '{alias}'"


def _round_letter_agrees(words: tuple[str, ...], stage: Stage) -> bool:
    # "series 1" is as near to "series a" as to "series b": the letter is the meaning and must be there.
    if not stage.startswith("series-"):
        return True
    letter = stage.removeprefix("series-")[0]
    return any(word == letter or (len(word) > 5 and word.endswith(letter)) for word in words)


def _stands_in(inner: tuple[str, ...], outer: tuple[str, ...]) -> bool:
    return any(outer[at : at + len(inner)] == inner for at in range(len(outer) - len(inner) + 1))


@cache
def _alias_words() -> dict[tuple[str, ...], tuple[str, Stage]]:
    """The words of each alias -> its first alias in the table, and the stage."""
    known: dict[tuple[str, ...], tuple[str, Stage]] = {}
    for alias, stage in built_in_aliases().stages.items():
        known.setdefault(tuple(_WORD.findall(alias)), (alias, stage))
    return known
