"""Which canonical stage each spelling means. Pure: no database, no terminal, no environment."""

from stagenorm_pipeline.vocabulary.decisions import KEPT, Decision, Decisions
from stagenorm_pipeline.vocabulary.decisions_editor import Undecided, decided_alike, with_decision, with_undecided
from stagenorm_pipeline.vocabulary.decisions_file import load_decisions, parse_decisions, read_decisions_text
from stagenorm_pipeline.vocabulary.errors import DecisionsError, VocabularyError
from stagenorm_pipeline.vocabulary.normalize import normalize
from stagenorm_pipeline.vocabulary.stages import CANONICAL_STAGES, Stage
from stagenorm_pipeline.vocabulary.suggestions import Suggestion, proposal, same_words, suggest
from stagenorm_pipeline.vocabulary.vocabulary import (
    Meaning,
    MeaningChange,
    MeaningKind,
    Vocabulary,
    differences,
    meaning_changes,
)

__all__ = [
    "CANONICAL_STAGES",
    "KEPT",
    "Decision",
    "Decisions",
    "DecisionsError",
    "Meaning",
    "MeaningChange",
    "MeaningKind",
    "Stage",
    "Suggestion",
    "Undecided",
    "Vocabulary",
    "VocabularyError",
    "decided_alike",
    "differences",
    "load_decisions",
    "meaning_changes",
    "normalize",
    "parse_decisions",
    "proposal",
    "read_decisions_text",
    "same_words",
    "suggest",
    "with_decision",
    "with_undecided",
]
