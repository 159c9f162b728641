"""The vocabulary: what each spelling means by aliases and reviewed decisions, and its version."""

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
from stagenorm_pipeline.vocabulary.stages import Stage


class MeaningKind(StrEnum):
    """What the vocabulary says about a spelling. stagenorm changes only `MESSY` spellings."""

    CANONICAL = "canonical"  # byte for byte a canonical stage
    MESSY = "messy"  # means a stage, but is written differently
    KEPT = "leave_as_is"  # a decision keeps it as it is
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Meaning:
    """The meaning of a spelling: `stage` if it is canonical or messy, `reason` if a decision keeps it."""

    kind: MeaningKind
    stage: Stage | None = None
    reason: str = ""


_UNKNOWN: Final = Meaning(kind=MeaningKind.UNKNOWN)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Vocabulary:
    """The mapping from spellings to stages. Create it with `built_in` or `with_decisions`.

    `content` is JSON, in one fixed form, of everything that affects the meaning of a spelling. `version` is the first
    16 hexadecimal digits of its SHA-256. Neither depends on who decided, when, why, or in which order.
    """

    version: str
    content: str = field(repr=False)
    aliases: AliasTable = field(repr=False)
    decided: Mapping[str, Decision] = field(repr=False)

    @classmethod
    def built_in(cls) -> Self:
        """Return the vocabulary of the built-in aliases, without decisions."""
        return cls.with_decisions(Decisions())

    @classmethod
    def with_decisions(cls, decisions: Decisions) -> Self:
        """Return the vocabulary of the decisions and their aliases. Undecided entries change nothing.

        No decision here contradicts an alias: creating such `Decisions` raises DecisionsError.
        """
        aliases = decisions.aliases
        # A decision that repeats an alias changes no meaning, so it must not change the version.
        decided = {
            spelling: decision for spelling, decision in decisions.decided.items() if aliases.stage_of(spelling) is None
        }
        # Only other stages than the built-in ones: the versions of recorded plans and signed reports stay valid.
        stages = {} if aliases.canonical == built_in_aliases().canonical else {"stages": aliases.canonical}
        content = json.dumps(
            {
                **stages,
                "steps": STEPS_VERSION,
                "aliases": dict(aliases.stages),
                "folding": {chr(code): ascii_ for code, ascii_ in aliases.folding.items()},
                "decisions": {spelling: decision.choice for spelling, decision in decided.items()},
            },
            sort_keys=True,
            separators=(",", ":"),
        )
        version = hashlib.sha256(content.encode()).hexdigest()[:16]
        return cls(version=version, content=content, aliases=aliases, decided=decided)

    def without_decisions(self) -> Self:
        """Return the vocabulary of the same aliases, without decisions."""
        return type(self).with_decisions(Decisions(aliases=self.aliases))

    @property
    def canonical(self) -> tuple[Stage, ...]:
        """Return the canonical stages in their order."""
        return self.aliases.canonical

    @property
    def kept(self) -> tuple[str, ...]:
        """Return the spellings that decisions keep as they are, sorted."""
        return tuple(sorted(spelling for spelling, decision in self.decided.items() if decision.is_kept))

    def stage_of(self, spelling: str) -> Stage | None:
        """Return the stage that a spelling means, or None if it is unknown or kept."""
        stage = self.aliases.stage_of(spelling)
        if stage is None and spelling in self.decided:
            return self.decided[spelling].stage
        return stage

    def meaning_of(self, spelling: str) -> Meaning:
        """Return what the vocabulary says about a spelling. Decisions match byte for byte, without normalizing."""
        if spelling in self.canonical:
            return Meaning(kind=MeaningKind.CANONICAL, stage=Stage(spelling))
        stage = self.stage_of(spelling)
        if stage is not None:
            return Meaning(kind=MeaningKind.MESSY, stage=stage)
        if spelling in self.decided:
            return Meaning(kind=MeaningKind.KEPT, reason=self.decided[spelling].reason)
        return _UNKNOWN

    def differences(self, other: "Vocabulary") -> tuple[str, ...]:
        """List what changes from this vocabulary to `other`, one line per spelling; empty for the same version."""
        return differences(self.content, other.content)


@dataclass(frozen=True, slots=True, kw_only=True)
class MeaningChange:
    """A spelling whose meaning changed by a decision. `was` and `now` are a stage, `leave-as-is` or `unknown`."""

    spelling: str
    was: str
    now: str

    def __str__(self) -> str:
        return f"{shown(self.spelling)}: {self.was} -> {self.now}"


def meaning_changes(before: str, after: str) -> tuple[MeaningChange, ...]:
    """Return the spellings whose meaning decisions changed between two `Vocabulary.content`s."""
    old, new = _Content(before), _Content(after)
    spellings = sorted(old.decisions.keys() | new.decisions.keys())
    meanings = ((spelling, old.meaning_of(spelling), new.meaning_of(spelling)) for spelling in spellings)
    return tuple(MeaningChange(spelling=spelling, was=was, now=now) for spelling, was, now in meanings if was != now)


def differences(before: str, after: str) -> tuple[str, ...]:
    """List what changes between two `Vocabulary.content`s. One of them may come from an earlier run."""
    old, new = _Content(before), _Content(after)
    lines = [f"the {part} changed" for part in ("steps", "aliases", "folding") if old.all[part] != new.all[part]]
    if old.canonical != new.canonical:
        lines.insert(0, f"the canonical stages changed: {_stages_changed(old.canonical, new.canonical)}")
    return (*lines, *map(str, meaning_changes(before, after)))


def _stages_changed(before: tuple[str, ...], after: tuple[str, ...]) -> str:
    removed = [f"{stage} removed" for stage in before if stage not in after]
    added = [f"{stage} added" for stage in after if stage not in before]
    return ", ".join([*removed, *added]) or "their order"


class _Content:
    """The parsed form of a `Vocabulary.content`."""

    def __init__(self, content: str) -> None:
        self.all = json.loads(content)
        self.decisions: dict[str, str] = self.all["decisions"]
        stages = {alias: Stage(stage) for alias, stage in self.all["aliases"].items()}
        folding = {ord(looks): ascii_ for looks, ascii_ in self.all["folding"].items()}
        self.canonical = tuple(self.all.get("stages", built_in_aliases().canonical))
        self._aliases = AliasTable(
            canonical=tuple(map(Stage, self.canonical)), stages=stages, folding=folding, longest=max(map(len, stages))
        )

    def meaning_of(self, spelling: str) -> str:
        # A decision may have become an alias since, or an alias a decision.
        return self.decisions.get(spelling) or self._aliases.stage_of(spelling) or MeaningKind.UNKNOWN
