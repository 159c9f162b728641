"""Read the answers to `stagenorm decisions --ask`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from stagenorm_pipeline.vocabulary import Stage

HELP: Final = """\
Enter         take the proposal in [ ]; skip if there is none
1 to 6        a canonical stage, or type its name
k [REASON]    keep these spellings as they are (also: l, keep, leave-as-is)
a             accept all sure proposals, of this cluster and the others
r [REASON]    keep all that has no proposal, for one reason
-2 5          take members 2 and 5 out: they are asked about later
m             show every member, with where it is
s / b         skip to the next cluster / go back to the one before
u             undo the last answer
q             stop; the answers are saved, and the next --ask goes on from there"""


class Key(Enum):
    """Answers of one word."""

    TAKE_PROPOSAL = auto()
    ACCEPT_SURE = auto()
    MEMBERS = auto()
    SKIP = auto()
    BACK = auto()
    UNDO = auto()
    QUIT = auto()
    HELP = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class ChooseStage:
    """Give the cluster a stage."""

    stage: Stage


@dataclass(frozen=True, slots=True, kw_only=True)
class KeepCluster:
    """Keep the cluster as it is. An empty `reason` is asked for."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class KeepRest:
    """Keep everything undecided that has no proposal. An empty `reason` is asked for."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeOut:
    """Take members out of the cluster, by their numbers in the list, from 1."""

    numbers: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class NotUnderstood:
    """No answer."""


Answer = Key | ChooseStage | KeepCluster | KeepRest | TakeOut | NotUnderstood

_KEYS: Final = {
    "": Key.TAKE_PROPOSAL,
    "a": Key.ACCEPT_SURE,
    "m": Key.MEMBERS,
    "s": Key.SKIP,
    "b": Key.BACK,
    "u": Key.UNDO,
    "q": Key.QUIT,
    "?": Key.HELP,
}
_REST: Final = "r"


def read_answer(text: str) -> Answer:
    """Return what a person typed. A word that names a stage, or an alias of one, is that stage."""
    from stagenorm_pipeline.vocabulary import CANONICAL_STAGES, KEEP_WORDS, Vocabulary

    text = text.strip()
    word, _, rest = text.partition(" ")
    if text.lower() in _KEYS:
        return _KEYS[text.lower()]
    if word.lower() in ("k", "l", *KEEP_WORDS):
        return KeepCluster(reason=rest.strip())
    if word.lower() == _REST:
        return KeepRest(reason=rest.strip())
    if text.startswith("-"):
        return _taken_out(text.removeprefix("-").replace(",", " ").split())
    if text.isascii() and text.isdecimal() and 1 <= int(text[:3]) <= len(CANONICAL_STAGES):
        return ChooseStage(stage=CANONICAL_STAGES[int(text) - 1])
    stage = Vocabulary.built_in().stage_of(text)
    return NotUnderstood() if stage is None else ChooseStage(stage=stage)


def _taken_out(numbers: list[str]) -> Answer:
    if not numbers or not all(number.isascii() and number.isdecimal() and len(number) < 6 for number in numbers):
        return NotUnderstood()
    return TakeOut(numbers=tuple(map(int, numbers)))
