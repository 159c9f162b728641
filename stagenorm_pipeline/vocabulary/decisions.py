"""What people decided about spellings that the aliases do not know. The file that holds it is `decisions_file`'s."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from stagenorm_pipeline.vocabulary.aliases import built_in_aliases
from stagenorm_pipeline.vocabulary.errors import DecisionsError
from stagenorm_pipeline.vocabulary.normalize import collapse, fold, normalize
from stagenorm_pipeline.vocabulary.quoting import shown
from stagenorm_pipeline.vocabulary.stages import Stage

LEAVE_AS_IS: Final = "leave-as-is"

# In characters. A longer one is never looked up: only its beginning leaves the database.
LONGEST_SPELLING: Final = 1_000
# Nobody mistypes the case of a longer one; NFKD takes long on combining marks.
_LONGEST_COMPARED: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """One spelling, exactly as stored, and what it means: a stage, or leave-as-is with a reason, or not yet decided.

    Raises DecisionsError where these do not go together. `where` is the place in the file, for messages only.
    """

    spelling: str
    stage: Stage | None = None
    leave_as_is: bool = False
    reason: str = ""
    decided_by: str = ""
    decided_on: date | None = None
    where: str = field(default="", compare=False)

    @property
    def choice(self) -> str | None:
        """A canonical stage, `leave-as-is`, or None while undecided."""
        return LEAVE_AS_IS if self.leave_as_is else self.stage

    def __post_init__(self) -> None:
        for name, text in (("spelling", self.spelling), ("reason", self.reason), ("decided_by", self.decided_by)):
            if not _fits_postgresql(text):
                problem = f"the {name} {shown(text)} holds a NUL or half a surrogate pair: no PostgreSQL text can"
                raise DecisionsError(problem, self.where)
        if self.leave_as_is and self.stage is not None:
            raise DecisionsError(f"{shown(self.spelling)} is both {self.stage} and {LEAVE_AS_IS}: keep one", self.where)
        if self.leave_as_is and not self.reason.strip():
            raise DecisionsError(
                f"{shown(self.spelling)} is {LEAVE_AS_IS} without a reason: say in `reason` why it stays", self.where
            )
        if self.choice is not None and len(self.spelling) > LONGEST_SPELLING:
            raise DecisionsError(
                f"{shown(self.spelling)} is longer than {LONGEST_SPELLING:,} characters, so this would never apply: "
                "remove this entry and mend such rows in the database",
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
    """Decisions and entries still undecided, in the order of their file.

    Raises DecisionsError for a second entry of one spelling, and for two spellings that differ in case, white space or
    dashes alone and are decided differently: the same text cannot mean two things.
    """

    entries: tuple[Decision, ...] = ()

    def __post_init__(self) -> None:
        places: dict[str, str] = {}
        for entry in self.entries:
            if entry.spelling in places:
                earlier = places[entry.spelling] or "earlier in the list"
                raise DecisionsError(
                    f"{shown(entry.spelling)} has an entry already ({earlier}): keep one of them", entry.where
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
                    f"({other.where or 'earlier in the list'}), which differs in case, white space or dashes alone, is "
                    f"{other.choice}: decide both alike",
                    entry.where,
                )

    @property
    def decided(self) -> Mapping[str, Decision]:
        """Spelling -> decision, the undecided left out."""
        return {entry.spelling: entry for entry in self.entries if entry.choice is not None}


def _fits_postgresql(text: str) -> bool:
    try:
        return b"\0" not in text.encode()
    except UnicodeEncodeError:
        return False
