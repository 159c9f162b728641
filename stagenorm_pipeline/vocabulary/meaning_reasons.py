"""Say what a spelling means, and why: which alias, or whose decision."""

import json
from dataclasses import dataclass
from typing import Literal

from stagenorm_pipeline.vocabulary.aliases import AliasTable, built_in_aliases
from stagenorm_pipeline.vocabulary.decisions import LONGEST_SPELLING, Decision, Decisions
from stagenorm_pipeline.vocabulary.normalize import normalize
from stagenorm_pipeline.vocabulary.stages import Stage
from stagenorm_pipeline.vocabulary.suggestions import Suggestion, suggest
from stagenorm_pipeline.vocabulary.vocabulary import Meaning, Vocabulary


@dataclass(frozen=True, slots=True, kw_only=True)
class IsCanonical:
    """The spelling is a canonical stage, byte for byte."""

    stage: Stage
    by: Literal["canonical"] = "canonical"


@dataclass(frozen=True, slots=True, kw_only=True)
class ByAlias:
    """An alias says so. `alias`: the spelling after normalizing, as the list of aliases has it."""

    alias: str
    stage: str
    by: Literal["alias"] = "alias"


@dataclass(frozen=True, slots=True, kw_only=True)
class ByDecision:
    """A decision says so. `choice`: a stage or `leave-as-is`.

    `decision`: the entry of the decisions file with this choice, and with who decided, when and why. None if the file
    does not say so any more. `instead`: what it says today, if it says something else.
    """

    choice: str
    decision: Decision | None
    instead: Decision | None = None
    by: Literal["decision"] = "decision"


@dataclass(frozen=True, slots=True, kw_only=True)
class IsUnknown:
    """Neither an alias nor a decision says what the spelling means."""

    by: Literal["unknown"] = "unknown"


# `by` tells them apart in JSON.
MeaningReason = IsCanonical | ByAlias | ByDecision | IsUnknown


@dataclass(frozen=True, slots=True, kw_only=True)
class LookUp:
    """What a spelling means, and why. `normalized`: the text that was compared with the aliases.

    `suggestions`: what an unknown spelling may mean, best first.
    """

    spelling: str
    normalized: str
    meaning: Meaning
    reason: MeaningReason
    suggestions: tuple[Suggestion, ...]
    vocabulary_version: str


def look_up(spelling: str, decisions: Decisions) -> LookUp:
    """Look a spelling up as a run does."""
    vocabulary = Vocabulary.with_decisions(decisions)
    reason = reason_today(spelling, decisions)
    return LookUp(
        spelling=spelling,
        normalized=normalize(spelling[:LONGEST_SPELLING]),
        meaning=vocabulary.meaning_of(spelling),
        reason=reason,
        suggestions=suggest(spelling, aliases=decisions.aliases) if isinstance(reason, IsUnknown) else (),
        vocabulary_version=vocabulary.version,
    )


def reason_today(spelling: str, decisions: Decisions) -> MeaningReason:
    """Say why a spelling means today what it means."""
    if spelling in decisions.aliases.canonical:
        return IsCanonical(stage=Stage(spelling))
    by_alias = _by_alias(spelling, decisions.aliases)
    if by_alias is not None:
        return by_alias
    decision = decisions.decided.get(spelling)
    return IsUnknown() if decision is None else _by_decision(str(decision.choice), decision)


def reason_then(spelling: str, content: str, decisions: Decisions) -> MeaningReason:
    """Say why a spelling meant what it meant under the vocabulary with this `Vocabulary.content`.

    The content does not have who decided: that is in `decisions`, today's file, if it still says the same.
    """
    recorded = json.loads(content)
    choice = recorded["decisions"].get(spelling)
    if choice is not None:
        return _by_decision(choice, decisions.decided.get(spelling))
    aliases: dict[str, Stage] = recorded["aliases"]
    canonical = tuple(map(Stage, recorded.get("stages", built_in_aliases().canonical)))
    folding = {ord(looks): ascii_ for looks, ascii_ in recorded["folding"].items()}
    longest = max(map(len, aliases), default=0)
    table = AliasTable(canonical=canonical, stages=aliases, folding=folding, longest=longest)
    return _by_alias(spelling, table) or IsUnknown()


def _by_decision(choice: str, decision: Decision | None) -> ByDecision:
    if decision is None or str(decision.choice) == choice:
        return ByDecision(choice=choice, decision=decision)
    return ByDecision(choice=choice, decision=None, instead=decision)


def _by_alias(spelling: str, aliases: AliasTable) -> ByAlias | None:
    alias = aliases.alias_of(spelling)
    return None if alias is None else ByAlias(alias=alias, stage=str(aliases.stages[alias]))
