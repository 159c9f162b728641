"""Merge decisions that reviewers made outside the decisions file: in a spreadsheet, or on the review page."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from stagenorm_pipeline.vocabulary.choices import Choice, decision_for
from stagenorm_pipeline.vocabulary.decisions import Decision, Decisions
from stagenorm_pipeline.vocabulary.errors import DecisionsError
from stagenorm_pipeline.vocabulary.proposals import compared
from stagenorm_pipeline.vocabulary.quoting import shown


def spelling_sha256(spelling: str) -> str:
    """Return the SHA-256 of a spelling's UTF-8 bytes, in hexadecimal. It identifies the spelling in a patch."""
    return hashlib.sha256(spelling.encode("utf-8", "surrogatepass")).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class PatchEntry:
    """The choice of a reviewer about one spelling. `where` is its place in the reviewer's file, for messages.

    Raises DecisionsError if the hash is not that of the spelling.
    """

    sha256: str
    spelling: str
    choice: Choice
    decided_by: str
    decided_on: date
    where: str

    def __post_init__(self) -> None:
        if spelling_sha256(self.spelling) != self.sha256:
            problem = f"{shown(self.spelling)} does not have the hash beside it: export the review again"
            raise DecisionsError(problem, self.where)

    def decision(self) -> Decision:
        """Return this choice as an entry of the decisions file. Raises DecisionsError for one that is not allowed."""
        return decision_for(self.spelling, self.choice, by=self.decided_by, on=self.decided_on, where=self.where)


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionPatch:
    """The choices in one reviewer's file. `source` names it."""

    source: str
    entries: tuple[PatchEntry, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Conflict:
    """Different decisions about one spelling, or about spellings that differ only in case, white space or dashes."""

    decisions: tuple[Decision, ...]

    def __str__(self) -> str:
        said = "; ".join(f"{entry.choice} ({entry.where or 'the decisions file'})" for entry in self.decisions)
        return f"{shown(self.decisions[0].spelling)}: {said}"


@dataclass(frozen=True, slots=True, kw_only=True)
class MergedPatches:
    """The decisions to add, those in the file already, and the conflicts. A spelling in conflict gets no decision."""

    new: tuple[Decision, ...]
    decided_before: int
    conflicts: tuple[Conflict, ...]


def merge_patches(existing: Decisions, patches: Iterable[DecisionPatch]) -> MergedPatches:
    """Merge the choices of several reviewers with each other and with the decisions in the file.

    Choices agree if they name the same stage, or both keep the spelling; of those that agree, the first one counts.
    Raises DecisionsError, with the place, for a choice that is not allowed: it contradicts an alias, for example.
    """
    decided = dict(existing.decided)
    alike: dict[str, list[Decision]] = {}
    for decision in decided.values():
        alike.setdefault(compared(decision.spelling), []).append(decision)
    incoming = [entry.decision() for patch in patches for entry in patch.entries]
    for decision in incoming:
        alike.setdefault(compared(decision.spelling), []).append(decision)
    conflicts = {
        key: Conflict(decisions=_one_of_each(found))
        for key, found in alike.items()
        if len({decision.choice for decision in found}) > 1
    }
    new: dict[str, Decision] = {}
    for decision in incoming:
        if compared(decision.spelling) not in conflicts and decision.spelling not in decided:
            new.setdefault(decision.spelling, decision)
    before = {decision.spelling for decision in incoming if decision.spelling in decided}
    return MergedPatches(new=tuple(new.values()), decided_before=len(before), conflicts=tuple(conflicts.values()))


def _one_of_each(decisions: Iterable[Decision]) -> tuple[Decision, ...]:
    """Return the first decision for each choice."""
    first: dict[str | None, Decision] = {}
    for decision in decisions:
        first.setdefault(decision.choice, decision)
    return tuple(first.values())
