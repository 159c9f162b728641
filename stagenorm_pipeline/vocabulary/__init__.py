"""The vocabulary: which canonical stage a spelling means. Pure: no database, no terminal, no environment."""

from stagenorm_pipeline.vocabulary.decisions import LEAVE_AS_IS, Decision, Decisions
from stagenorm_pipeline.vocabulary.decisions_file import Undecided, load_decisions, parse_decisions, render_decisions
from stagenorm_pipeline.vocabulary.errors import DecisionsError, VocabularyError
from stagenorm_pipeline.vocabulary.nearest import Suggestion, suggest
from stagenorm_pipeline.vocabulary.normalize import normalize
from stagenorm_pipeline.vocabulary.stages import CANONICAL_STAGES, Stage
from stagenorm_pipeline.vocabulary.vocabulary import Meaning, MeaningKind, Vocabulary, differences

__all__ = [
    "CANONICAL_STAGES",
    "LEAVE_AS_IS",
    "Decision",
    "Decisions",
    "DecisionsError",
    "Meaning",
    "MeaningKind",
    "Stage",
    "Suggestion",
    "Undecided",
    "Vocabulary",
    "VocabularyError",
    "differences",
    "load_decisions",
    "normalize",
    "parse_decisions",
    "render_decisions",
    "suggest",
]
