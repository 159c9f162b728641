"""What a spelling means: the built-in aliases and the reviewed decisions together, and the version of both."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Self

from stagenorm_pipeline.vocabulary.aliases import AliasTable, built_in_aliases
from stagenorm_pipeline.vocabulary.decisions import Decision, Decisions
from stagenorm_pipeline.vocabulary.normalize import STEPS_VERSION
from stagenorm_pipeline.vocabulary.quoting import shown
from stagenorm_pipeline.vocabulary.stages import CANONICAL_STAGES, Stage


class MeaningKind(StrEnum):
    """What the vocabulary says about a spelling. Only `MESSY` spellings are ever changed."""

    CANONICAL = "canonical"  # byte for byte a canonical stage
    MESSY = "messy"  # known to mean a stage, written otherwise
    LEAVE_AS_IS = "leave_as_is"  # a person decided that it stays
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Meaning:
    """The meaning of a spelling: `stage` where it is canonical or messy, `reason` where it is left as it is."""

    kind: MeaningKind
    stage: Stage | None = None
    reason: str = ""


_UNKNOWN: Final = Meaning(kind=MeaningKind.UNKNOWN)
_CANONICAL: Final = {str(stage): Meaning(kind=MeaningKind.CANONICAL, stage=stage) for stage in CANONICAL_STAGES}
_MESSY: Final = {stage: Meaning(kind=MeaningKind.MESSY, stage=stage) for stage in CANONICAL_STAGES}


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Vocabulary:
    """The mapping from spellings to stages. Made by `built_in` or `with_decisions`.

    `content` is the canonical JSON of everything that affects the meaning of any spelling; `version` is the first 16
    hexadecimal digits of its SHA-256. Who decided, when, why and in which order is in neither.
    """

    version: str
    content: str = field(repr=False)
    _aliases: AliasTable = field(repr=False)
    _decided: Mapping[str, Decision] = field(repr=False)

    @classmethod
    def built_in(cls) -> Self:
        """The aliases alone."""
        return cls.with_decisions(Decisions())

    @classmethod
    def with_decisions(cls, decisions: Decisions) -> Self:
        """The aliases and the decisions; entries still undecided change nothing.

        A decision cannot contradict an alias: such a `Decision` raises DecisionsError when it is made.
        """
        aliases = built_in_aliases()
        # One that says what an alias says changes no meaning, and so no version.
        decided = {
            spelling: decision for spelling, decision in decisions.decided.items() if aliases.stage_of(spelling) is None
        }
        content = json.dumps(
            {
                "steps": STEPS_VERSION,
                "aliases": dict(aliases.stages),
                "folding": {chr(code): ascii_ for code, ascii_ in aliases.folding.items()},
                "decisions": {spelling: decision.choice for spelling, decision in decided.items()},
            },
            sort_keys=True,
            separators=(",", ":"),
        )
        version = hashlib.sha256(content.encode()).hexdigest()[:16]
        return cls(version=version, content=content, _aliases=aliases, _decided=decided)

    @property
    def left_as_is(self) -> tuple[str, ...]:
        """The spellings that a person decided to leave as they are, in order."""
        return tuple(sorted(spelling for spelling, decision in self._decided.items() if decision.leave_as_is))

    def stage_of(self, spelling: str) -> Stage | None:
        """The stage that a spelling means, or None where it is unknown or left as it is."""
        stage = self._aliases.stage_of(spelling)
        if stage is None and spelling in self._decided:
            return self._decided[spelling].stage
        return stage

    def meaning_of(self, spelling: str) -> Meaning:
        """What the vocabulary says about a spelling. A decision is matched byte for byte, never normalized."""
        if spelling in _CANONICAL:
            return _CANONICAL[spelling]
        stage = self.stage_of(spelling)
        if stage is not None:
            return _MESSY[stage]
        if spelling in self._decided:
            return Meaning(kind=MeaningKind.LEAVE_AS_IS, reason=self._decided[spelling].reason)
        return _UNKNOWN

    def differences(self, other: "Vocabulary") -> tuple[str, ...]:
        """What changes from this vocabulary to `other`, a line for each spelling; empty where the version is one."""
        return differences(self.content, other.content)


@dataclass(frozen=True, slots=True, kw_only=True)
class Redecided:
    """A spelling that a decision gave another meaning: `was` and `now` are a stage, `leave-as-is` or `unknown`."""

    spelling: str
    was: str
    now: str

    def __str__(self) -> str:
        return f"{shown(self.spelling)}: {self.was} -> {self.now}"


def redecided(before: str, after: str) -> tuple[Redecided, ...]:
    """The spellings that decisions give another meaning in `after` than in `before`, two `Vocabulary.content`s."""
    old, new = _Content(before), _Content(after)
    spellings = sorted(old.decisions.keys() | new.decisions.keys())
    meanings = ((spelling, old.meaning_of(spelling), new.meaning_of(spelling)) for spelling in spellings)
    return tuple(Redecided(spelling=spelling, was=was, now=now) for spelling, was, now in meanings if was != now)


def differences(before: str, after: str) -> tuple[str, ...]:
    """What changes between two `Vocabulary.content`s, of which one may have been kept from an earlier run."""
    old, new = _Content(before), _Content(after)
    lines = [
        f"the built-in {part} changed" for part in ("steps", "aliases", "folding") if old.all[part] != new.all[part]
    ]
    return (*lines, *map(str, redecided(before, after)))


class _Content:
    """A `Vocabulary.content`, read."""

    def __init__(self, content: str) -> None:
        self.all = json.loads(content)
        self.decisions: dict[str, str] = self.all["decisions"]
        stages = {alias: Stage(stage) for alias, stage in self.all["aliases"].items()}
        folding = {ord(looks): ascii_ for looks, ascii_ in self.all["folding"].items()}
        self._aliases = AliasTable(stages=stages, folding=folding, longest=max(map(len, stages)))

    def meaning_of(self, spelling: str) -> str:
        # What was decided may have become an alias, or the other way round.
        return self.decisions.get(spelling) or self._aliases.stage_of(spelling) or MeaningKind.UNKNOWN
