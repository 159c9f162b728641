"""Decisions of people about spellings that the aliases do not know."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from stagenorm_pipeline.vocabulary.aliases import built_in_aliases
from stagenorm_pipeline.vocabulary.errors import DecisionsError
from stagenorm_pipeline.vocabulary.normalize import collapse, fold, normalize
from stagenorm_pipeline.vocabulary.quoting import shown
from stagenorm_pipeline.vocabulary.stages import Stage

# The word in the decisions file, and in the vocabularies that plans record.
KEPT: Final = "leave-as-is"

# In characters. A longer spelling is never looked up: only its beginning is read from the database.
LONGEST_SPELLING: Final = 1_000
# Longer spellings are not compared: NFKD takes long on combining marks.
_LONGEST_COMPARED: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """A decision about one spelling, exactly as stored: a stage, kept as it is (with a reason), or undecided.

    Raises DecisionsError for a contradiction. `where` is the place in the file, for messages only.
    """

    spelling: str
    stage: Stage | None = None
    is_kept: bool = False
    reason: str = ""
    decided_by: str = ""
    decided_on: date | None = None
    where: str = field(default="", compare=False)

    @property
    def choice(self) -> str | None:
        """Return a canonical stage, `leave-as-is`, or None if undecided."""
        return KEPT if self.is_kept else self.stage

    def __post_init__(self) -> None:
        for name, text in (("spelling", self.spelling), ("reason", self.reason), ("decided_by", self.decided_by)):
            if not _fits_postgresql(text):
                problem = f"the {name} {shown(text)} contains a NUL or half a surrogate pair: PostgreSQL has neither"
                raise DecisionsError(problem, self.where)
        if self.is_kept and self.stage is not None:
            raise DecisionsError(f"{shown(self.spelling)} is both {self.stage} and {KEPT}: remove one", self.where)
        if self.is_kept and not self.reason.strip():
            raise DecisionsError(
                f"{shown(self.spelling)} is {KEPT} without a reason: write in `reason` why it stays", self.where
            )
        if self.choice is not None and len(self.spelling) > LONGEST_SPELLING:
            raise DecisionsError(
                f"{shown(self.spelling)} is longer than {LONGEST_SPELLING:,} characters, so this would never apply: "
                "remove this entry, and correct such rows in the database",
                self.where,
            )
        self._refuse_to_contradict_an_alias()

    def _refuse_to_contradict_an_alias(self) -> None:
        known = built_in_aliases().stage_of(self.spelling)
        if known is not None and self.choice not in (None, known):
            raise DecisionsError(
                f"{shown(self.spelling)} is {known} by a built-in alias, so it cannot be {self.choice}: "
                "remove this entry",
                self.where,
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Decisions:
    """The decided and the undecided entries, in the order of their file.

    Raises DecisionsError for two entries with the same spelling, and for different decisions about two spellings that
    differ only in case, white space or dashes: the same text cannot mean two things.
    """

    entries: tuple[Decision, ...] = ()

    def __post_init__(self) -> None:
        places: dict[str, str] = {}
        for entry in self.entries:
            if entry.spelling in places:
                earlier = places[entry.spelling] or "earlier in the list"
                raise DecisionsError(
                    f"{shown(entry.spelling)} has an entry already ({earlier}): remove one of them", entry.where
                )
            places[entry.spelling] = entry.where
        self._refuse_to_contradict_one_another()

    def _refuse_to_contradict_one_another(self) -> None:
        folding = built_in_aliases().folding
        decided: dict[str, Decision] = {}
        for entry in self.entries:
            if entry.choice is None or len(collapse(entry.spelling)) > _LONGEST_COMPARED:
                continue
            other = decided.setdefault(fold(normalize(collapse(entry.spelling)), folding), entry)
            if other.choice != entry.choice:
                raise DecisionsError(
                    f"{shown(entry.spelling)} is {entry.choice}, but {shown(other.spelling)} "
                    f"({other.where or 'earlier in the list'}), which differs only in case, white space or dashes, is "
                    f"{other.choice}: decide both alike",
                    entry.where,
                )

    @property
    def decided(self) -> Mapping[str, Decision]:
        """Return the decision of each decided spelling."""
        return {entry.spelling: entry for entry in self.entries if entry.choice is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class Undecided:
    """An unknown spelling for a person to decide, with its rows, and where they are (one line of text).

    `funds`: in how many funds it is, in the target where these are most.
    """

    spelling: str
    rows: int
    funds: int = 0
    where: str = ""


def _fits_postgresql(text: str) -> bool:
    try:
        return b"\0" not in text.encode()
    except UnicodeEncodeError:
        return False
