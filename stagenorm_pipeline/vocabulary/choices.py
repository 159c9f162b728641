"""What a person can choose for a spelling: a canonical stage, or to keep it as it is, with a reason."""

from dataclasses import dataclass
from datetime import date
from typing import Final, assert_never

from stagenorm_pipeline.vocabulary.aliases import built_in_aliases
from stagenorm_pipeline.vocabulary.decisions import KEPT, Decision
from stagenorm_pipeline.vocabulary.errors import DecisionsError
from stagenorm_pipeline.vocabulary.quoting import shown
from stagenorm_pipeline.vocabulary.stages import CANONICAL_STAGES, Stage

# The file's word first.
KEEP_WORDS: Final = (KEPT, "keep")


@dataclass(frozen=True, slots=True, kw_only=True)
class Keep:
    """The choice to keep a spelling as it is, with the reason for the report."""

    reason: str

    def __str__(self) -> str:
        return KEPT


Choice = Stage | Keep


def choice_of(decision: Decision) -> Choice | None:
    """Return what a decision chooses; None while it is undecided."""
    return Keep(reason=decision.reason) if decision.is_kept else decision.stage


def choice_texts(choice: Choice) -> tuple[str, str]:
    """Return the word of a choice in files and patches (a stage, or `leave-as-is`), and its reason."""
    match choice:
        case Keep(reason=reason):
            return KEPT, reason
        case Stage():
            return choice.value, ""
        case _:
            assert_never(choice)


def decision_for(spelling: str, choice: Choice, *, by: str, on: date, where: str = "") -> Decision:
    """Return a choice as an entry of the decisions file. Raises DecisionsError for one that is not allowed."""
    match choice:
        case Keep(reason=reason):
            stage, is_kept = None, True
        case Stage():
            stage, is_kept, reason = choice, False, ""
        case _:
            assert_never(choice)
    return Decision(
        spelling=spelling, stage=stage, is_kept=is_kept, reason=reason, decided_by=by, decided_on=on, where=where
    )


def read_choice(word: str, *, reason: str) -> Choice | None:
    """Read the word of a person: a stage or one of its aliases, or `leave-as-is`; None for an empty text.

    Raises DecisionsError for any other word, and for `leave-as-is` without a reason.
    """
    text = word.strip()
    if not text:
        return None
    if text.lower() in KEEP_WORDS:
        if not reason.strip():
            raise DecisionsError(f"{KEPT} needs a reason: say why it stays")
        return Keep(reason=reason.strip())
    stage = built_in_aliases().stage_of(text)
    if stage is None:
        raise DecisionsError(f"{shown(text)} is no stage: use one of {', '.join([*CANONICAL_STAGES, KEPT])}")
    return stage
