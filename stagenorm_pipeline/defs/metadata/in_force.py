"""Metadata that says which database and which decisions a run works with."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

import dagster as dg

from stagenorm_pipeline.report.escape import sentence_for_terminal
from stagenorm_pipeline.service.context import ServiceContext
from stagenorm_pipeline.service.deciding import decisions_in_force
from stagenorm_pipeline.vocabulary.errors import VocabularyError

# A path is one long word. A longer one widens its column, so that the table is cut at 1,280 pixels.
_LONGEST_PATH: Final = 33


def in_force(service: ServiceContext) -> Mapping[str, dg.MetadataValue]:
    """Return the database, without its password, the configuration file and the decisions file with its version."""
    configuration = service.configuration
    source = configuration.source
    try:
        found = decisions_in_force(configuration)
        decisions, version = str(replace(found, path=_short(Path(found.path)))), service.vocabulary.version
    except VocabularyError as error:
        # A page about plans and funds is true without them.
        decisions, version = f"cannot be used: {error}", "none"
    entries = {
        "database": service.database.name,
        "configuration": _short(source.absolute()) if source else "no stagenorm.toml: the two default targets",
        "decisions": decisions,
        "vocabulary version": version,
    }
    return {name: dg.MetadataValue.text(sentence_for_terminal(text)) for name, text in entries.items()}


def _short(path: Path) -> str:
    """Return the path or, if it is long, as much of its end as fits, and at least the file's name."""
    shown = str(path)
    for parent in path.parents[::-1][1:]:
        if len(shown) <= _LONGEST_PATH:
            break
        shown = f"…/{path.relative_to(parent)}"
    return shown
