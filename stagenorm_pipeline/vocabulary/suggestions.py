"""Suggest stages for an unknown spelling to the person who decides. Suggestions are never applied."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from stagenorm_pipeline.vocabulary.harmless_words import harmless_words
from stagenorm_pipeline.vocabulary.normalize import collapse, normalize
from stagenorm_pipeline.vocabulary.stages import Stage
from stagenorm_pipeline.vocabulary.words import COMPARED_CHARACTERS, alias_words, words_of

# 80 keeps "seies a" (93) and "sed" (86), and drops "pre series" for pre-seed (78) and "edge" for seed (50).
_LEAST_SIMILARITY: Final = 80

# The score of an alias with words that may change its meaning ("series b (extension)").
_AMONG_OTHER_WORDS: Final = 70
_OTHER_ROUND_WORDS: Final = frozenset({"pre", "post", "mid"})
# Matches "series d", "series d 1", "series c d", "seriesd". Not "seriess": a typing error ("seriess a") is likelier.
_LATER_ROUND_WORDS: Final = re.compile(r"\bseries (?:[a-z\d+] )*[d-z]\b|\bseries[d-rt-z]\b")


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

    @property
    def is_among_other_words(self) -> bool:
        """Whether the spelling contains the alias, and words that may change its meaning."""
        return self.stage is not None and self.score == _AMONG_OTHER_WORDS


LATER_ROUND: Final = Suggestion(
    stage=None, alias="", score=0, why="a later round than series-c: no canonical stage means this"
)


def suggest(spelling: str, limit: int = 3) -> tuple[Suggestion, ...]:
    """Return at most `limit` suggestions, best first, one per stage; none if no alias is similar.

    For a round after C the only suggestion says so and has no stage. `why` contains only aliases and fixed words, so
    it needs no escaping.
    """
    words = words_of(spelling)
    if _LATER_ROUND_WORDS.search(" ".join(words)):
        return (LATER_ROUND,)[:limit]
    is_ascii = normalize(collapse(spelling)[:COMPARED_CHARACTERS]).isascii()
    warning = "" if is_ascii else "; warning: it contains characters that are not ASCII"
    best: dict[Stage, Suggestion] = {}
    for alias, stage, score, why in list(_contained(words)) or _similar(words):
        if stage not in best or score > best[stage].score:
            best[stage] = Suggestion(stage=stage, alias=alias, score=score, why=why + warning)
    return tuple(sorted(best.values(), key=lambda found: (-found.score, found.alias)))[:limit]


_Found = tuple[str, Stage, int, str]


def _contained(words: tuple[str, ...]) -> Iterator[_Found]:
    """Find the aliases whose words occur in `words` in a row. Skip an alias that is part of a longer one found."""
    found = [known for known in alias_words() if known[0] in words and _occurs_in(known, words)]
    for known in found:
        if any(known != longer and _occurs_in(known, longer) for longer in found):
            continue
        alias, stage = alias_words()[known]
        others = _without(words, known)
        other_round = sorted(_OTHER_ROUND_WORDS.intersection(others))
        if not others:
            yield alias, stage, 100, f"the same words as '{alias}'"
        elif other_round:
            yield alias, stage, 50, f"contains '{alias}', but '{other_round[0]}' names another round"
        elif harmless_words().keys() >= set(others):
            yield alias, stage, 90, f"'{alias}' and a harmless word ('{others[0]}')"
        else:
            yield alias, stage, _AMONG_OTHER_WORDS, f"contains '{alias}' among other words"


def _similar(words: tuple[str, ...]) -> Iterator[_Found]:
    """Find the aliases that differ from `words` by a typing error or two."""
    # Imported here: it costs 60 ms at start-up, and most commands never need it.
    from rapidfuzz.fuzz import ratio

    text = " ".join(word for word in words if word not in harmless_words())
    for known, (alias, stage) in alias_words().items():
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


def _without(words: tuple[str, ...], part: tuple[str, ...]) -> tuple[str, ...]:
    """Return `words` without the first run of the words of `part`."""
    at = next(at for at in range(len(words)) if words[at : at + len(part)] == part)
    return words[:at] + words[at + len(part) :]
