"""Propose a decision about an unknown spelling. A person accepts it; nothing here is applied.

A sure proposal can be accepted in bulk, so it must never be wrong: every character of the spelling belongs to one
alias, to a harmless word, or to a plain separator. With one word more ("plus", "and later", "II"), one sign more ("?",
">=", "/") or one character that is not ASCII, it is not sure.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from typing import Final

from stagenorm_pipeline.vocabulary.aliases import built_in_aliases
from stagenorm_pipeline.vocabulary.choices import Choice, choice_of
from stagenorm_pipeline.vocabulary.decisions import Decision, Decisions
from stagenorm_pipeline.vocabulary.harmless_words import harmless_words
from stagenorm_pipeline.vocabulary.normalize import collapse, fold, normalize
from stagenorm_pipeline.vocabulary.quoting import shown
from stagenorm_pipeline.vocabulary.stages import Stage
from stagenorm_pipeline.vocabulary.suggestions import suggest
from stagenorm_pipeline.vocabulary.words import COMPARED_CHARACTERS, alias_words, core_words, words_of


class Confidence(StrEnum):
    """How far a proposal can be trusted. `SURE` can be accepted in bulk, `LIKELY` one cluster at a time."""

    SURE = "sure"
    LIKELY = "likely"


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A choice that fits a spelling, and why. `why` is one line of printable text."""

    choice: Choice
    confidence: Confidence
    why: str


# Between the words of an alias, at least one sign: "seriesc" is unknown on purpose, it could be C or C+.
_WITHIN_ALIAS: Final = "[ _-]{1,3}"
# Beside an alias. A slash or a comma can mean "or": "Seed / Angel".
_BESIDE_ALIAS: Final = re.compile(r"[ _.:()-]+")
# A dash or a dot at an end can be a minus, or the rest of something.
_PLAIN_ENDS: Final = re.compile(r"[a-z(].*[a-z+)]")
_DASHES: Final = "-"
# "Series C + Round" can mean two things.
_LOOSE_PLUS: Final = re.compile(r"(?:^|[^a-z])\+", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposer:
    """Proposes decisions, consistent with those that people have made already. Create it with `for_decisions`.

    `_same_text`: decisions by normalized and folded spelling, where the file would refuse another choice.
    `_same_core`: decisions by core words.
    """

    _same_text: Mapping[str, Decision] = field(repr=False)
    _same_core: Mapping[tuple[str, ...], tuple[Decision, ...]] = field(repr=False)

    @classmethod
    def for_decisions(cls, decisions: Decisions) -> "Proposer":
        """Return a proposer that knows the decided entries of the file."""
        decided = tuple(decisions.decided.values())
        return cls(_same_text={compared(entry.spelling): entry for entry in decided}, _same_core=_by_core(decided))

    def propose(self, spelling: str) -> Proposal | None:
        """Return the proposal for a spelling, or None: then a person chooses without one."""
        same = self._same_text.get(compared(spelling))
        if same is not None and (choice := choice_of(same)) is not None:
            why = f"differs from {shown(same.spelling)} only in case, white space or dashes"
            return Proposal(choice=choice, confidence=Confidence.SURE, why=why)
        if len(spelling) > COMPARED_CHARACTERS:
            return None
        own = _from_aliases(spelling)
        alike = self._same_core.get(core_words(words_of(spelling)), ())
        return _agreed(own, alike) if alike else own


def compared(spelling: str) -> str:
    """Return the form in which spellings that differ only in case, white space or dashes are the same.

    Two longer texts that begin alike are not the same, so these are not changed.
    """
    text = collapse(spelling)
    return spelling if len(text) > COMPARED_CHARACTERS else fold(normalize(text), built_in_aliases().folding)


def _by_core(decided: Iterable[Decision]) -> dict[tuple[str, ...], tuple[Decision, ...]]:
    alike: dict[tuple[str, ...], tuple[Decision, ...]] = {}
    for entry in decided:
        if core := core_words(words_of(entry.spelling)):
            alike[core] = (*alike.get(core, ()), entry)
    return alike


def _agreed(own: Proposal | None, alike: tuple[Decision, ...]) -> Proposal | None:
    """Propose what was decided about the same words, unless those decisions differ, or differ from the aliases."""
    choices = {entry.choice for entry in alike}
    if len(choices) != 1 or (own is not None and str(own.choice) not in choices):
        return None
    choice = choice_of(alike[0])
    if choice is None or own is not None:
        return own
    why = f"the same words as {shown(alike[0].spelling)}, which is decided"
    return Proposal(choice=choice, confidence=Confidence.LIKELY, why=why)


def _from_aliases(spelling: str) -> Proposal | None:
    if stage := _sure_stage(spelling):
        return Proposal(choice=stage, confidence=Confidence.SURE, why=f"'{stage}' and only harmless words")
    if stage := _likely_stage(spelling):
        return Proposal(choice=stage, confidence=Confidence.LIKELY, why=f"reads like '{stage}'")
    return None


def _sure_stage(spelling: str) -> Stage | None:
    """Return the stage of the one alias in a spelling, if nothing but harmless words stands beside it."""
    text = fold(normalize(collapse(spelling)), _dashes())
    if not text.isascii() or not _PLAIN_ENDS.fullmatch(text):
        return None
    for pattern, stage in _alias_patterns():
        found = pattern.search(text)
        if found:
            others = _BESIDE_ALIAS.split(f"{text[: found.start()]} {text[found.end() :]}".strip(" "))
            return stage if harmless_words().keys() >= set(others) - {""} else None
    return None


@cache
def _dashes() -> Mapping[int, str]:
    return {code: ascii_ for code, ascii_ in built_in_aliases().folding.items() if ascii_ == _DASHES}


@cache
def _alias_patterns() -> tuple[tuple[re.Pattern[str], Stage], ...]:
    """Return a pattern for each alias, the longest first: "series c+" is not "series c"."""
    patterns = []
    for words, (_, stage) in sorted(alias_words().items(), key=lambda item: -sum(map(len, item[0]))):
        # A plus belongs to the letter before it.
        text = _WITHIN_ALIAS.join(map(re.escape, words)).replace(rf"{_WITHIN_ALIAS}\+", r"\+")
        patterns.append((re.compile(rf"(?<![a-z\d+]){text}(?![a-z\d+])"), stage))
    return tuple(patterns)


def _likely_stage(spelling: str) -> Stage | None:
    """Return the only suggested stage, if each word of the spelling is a word of its alias or one typing error away."""
    words = core_words(words_of(spelling))
    if len(words) > max(map(len, alias_words())) or _LOOSE_PLUS.search(spelling):
        return None
    match suggest(spelling):
        case (found,) if found.stage is not None and _is_typing_error(words, found.alias):
            return found.stage
    return None


def _is_typing_error(words: tuple[str, ...], alias: str) -> bool:
    meant = core_words(words_of(alias))
    return (
        len(words) == len(meant)
        and all(any(_is_same_word(word, other) for word in words) for other in meant)
        and all(any(_is_same_word(word, other) for other in meant) for word in words)
    )


def _is_same_word(word: str, meant: str) -> bool:
    # Imported here: it costs 60 ms at start-up, and most commands never need it.
    from rapidfuzz.distance import OSA

    # "seriesd" is one letter from "seriesa", and another round.
    names_round = meant.startswith("series") and meant != "series"
    if len(meant) < 4 or len(word) < 3 or (names_round and word[-1] != meant[-1]):
        return word == meant
    return OSA.distance(word, meant, score_cutoff=1) <= 1
