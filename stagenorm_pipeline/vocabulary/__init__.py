"""Which canonical stage each spelling means. Pure: no database, no terminal, no environment."""

from stagenorm_pipeline.vocabulary.aliases import AliasTable, built_in_aliases, configured_aliases
from stagenorm_pipeline.vocabulary.choices import (
    KEEP_WORDS,
    Choice,
    Keep,
    choice_of,
    choice_texts,
    decision_for,
    read_choice,
)
from stagenorm_pipeline.vocabulary.clusters import Cluster, clusters_of
from stagenorm_pipeline.vocabulary.decision_patch import (
    Conflict,
    DecisionPatch,
    MergedPatches,
    PatchEntry,
    merge_patches,
    spelling_sha256,
)
from stagenorm_pipeline.vocabulary.decisions import KEPT, LONGEST_SPELLING, Decision, Decisions, Undecided
from stagenorm_pipeline.vocabulary.decisions_editor import with_decisions, with_undecided
from stagenorm_pipeline.vocabulary.decisions_file import (
    DecisionsInForce,
    load_decisions,
    parse_decisions,
    read_decisions_text,
)
from stagenorm_pipeline.vocabulary.errors import DecisionsError, VocabularyError
from stagenorm_pipeline.vocabulary.meaning_reasons import (
    ByAlias,
    ByDecision,
    IsCanonical,
    IsUnknown,
    LookUp,
    MeaningReason,
    look_up,
    reason_then,
    reason_today,
)
from stagenorm_pipeline.vocabulary.normalize import normalize
from stagenorm_pipeline.vocabulary.proposals import Confidence, Proposal, Proposer, compared
from stagenorm_pipeline.vocabulary.stages import Stage
from stagenorm_pipeline.vocabulary.suggestions import Suggestion, suggest
from stagenorm_pipeline.vocabulary.vocabulary import (
    Meaning,
    MeaningChange,
    MeaningKind,
    Vocabulary,
    differences,
    meaning_changes,
)

__all__ = [
    "KEEP_WORDS",
    "KEPT",
    "LONGEST_SPELLING",
    "AliasTable",
    "ByAlias",
    "ByDecision",
    "Choice",
    "Cluster",
    "Confidence",
    "Conflict",
    "Decision",
    "DecisionPatch",
    "Decisions",
    "DecisionsError",
    "DecisionsInForce",
    "IsCanonical",
    "IsUnknown",
    "Keep",
    "LookUp",
    "Meaning",
    "MeaningChange",
    "MeaningKind",
    "MeaningReason",
    "MergedPatches",
    "PatchEntry",
    "Proposal",
    "Proposer",
    "Stage",
    "Suggestion",
    "Undecided",
    "Vocabulary",
    "VocabularyError",
    "built_in_aliases",
    "choice_of",
    "choice_texts",
    "clusters_of",
    "compared",
    "configured_aliases",
    "decision_for",
    "differences",
    "load_decisions",
    "look_up",
    "meaning_changes",
    "merge_patches",
    "normalize",
    "parse_decisions",
    "read_choice",
    "read_decisions_text",
    "reason_then",
    "reason_today",
    "spelling_sha256",
    "suggest",
    "with_decisions",
    "with_undecided",
]
