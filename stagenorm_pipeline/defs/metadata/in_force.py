"""Metadata that says which database and which decisions a run works with."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import dagster as dg

from stagenorm_pipeline.report.escape import sentence_for_terminal
from stagenorm_pipeline.service.context import ServiceContext

# A path is one long word. A longer one widens its column, so that the table is cut at 1,280 pixels.
_LONGEST_PATH: Final = 33


def in_force(service: ServiceContext) -> Mapping[str, dg.MetadataValue]:
    """Return the database, without its password, the configuration file and the decisions file with its version."""
    configuration = service.configuration
    decisions = configuration.decisions.absolute()
    named = _short(decisions)
    found = named if decisions.exists() else f"{named} (does not exist: built-in aliases only)"
    source = configuration.source
    entries = {
        "database": service.database.name,
        "configuration": _short(source.absolute()) if source else "no stagenorm.toml: the two default targets",
        "decisions": found,
        "vocabulary version": service.vocabulary.version,
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
