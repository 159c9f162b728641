"""Export the vocabulary as a look-up for other programs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stagenorm_pipeline.errors import ConfigurationError
from stagenorm_pipeline.vocabulary.export import lookup_json, lookup_typescript

if TYPE_CHECKING:
    from stagenorm_pipeline.vocabulary import Vocabulary


def export_vocabulary(vocabulary: Vocabulary, form: str) -> str:
    """Return the vocabulary as `json`, `sql` or `ts`. Raises ConfigurationError for any other form."""
    match form:
        case "json":
            return lookup_json(vocabulary)
        case "ts":
            return lookup_typescript(vocabulary)
        case "sql":
            from stagenorm_pipeline.engine.vocabulary_sql import lookup_sql

            return lookup_sql(vocabulary)
    raise ConfigurationError(f"{form!r} is no form of an export.", remedy="Use json, sql or ts.")
