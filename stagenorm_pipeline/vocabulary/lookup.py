"""Look up one spelling, and say which alias or decision answers."""

from dataclasses import dataclass

from stagenorm_pipeline.vocabulary.decisions import LONGEST_SPELLING, Decision
from stagenorm_pipeline.vocabulary.normalize import normalize
from stagenorm_pipeline.vocabulary.suggestions import Suggestion, suggest
from stagenorm_pipeline.vocabulary.vocabulary import Meaning, Vocabulary


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundAlias:
    """An alias is the same. `is_folded`: only after dashes and look-alike letters were read as ASCII."""

    alias: str
    is_folded: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundDecision:
    """A decision is about exactly this spelling."""

    decision: Decision


@dataclass(frozen=True, slots=True, kw_only=True)
class NotFound:
    """Nothing is the same. `suggestions`: what it may mean, best first."""

    suggestions: tuple[Suggestion, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LookUp:
    """What a spelling means, and why. `normalized`: the text that was compared with the aliases."""

    spelling: str
    normalized: str
    meaning: Meaning
    found: FoundAlias | FoundDecision | NotFound


def look_up(vocabulary: Vocabulary, spelling: str) -> LookUp:
    """Look a spelling up as a run does."""
    short = spelling[:LONGEST_SPELLING]
    return LookUp(
        spelling=spelling,
        normalized=normalize(short),
        meaning=vocabulary.meaning_of(spelling),
        found=_found(vocabulary, spelling),
    )


def _found(vocabulary: Vocabulary, spelling: str) -> FoundAlias | FoundDecision | NotFound:
    alias = vocabulary.aliases.alias_of(spelling)
    if alias is not None:
        return FoundAlias(alias=alias, is_folded=alias != normalize(spelling))
    if spelling in vocabulary.decided:
        return FoundDecision(decision=vocabulary.decided[spelling])
    return NotFound(suggestions=suggest(spelling, aliases=vocabulary.aliases))
