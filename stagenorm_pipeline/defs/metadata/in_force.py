"""Metadata that says which database and which decisions a run works with."""

from collections.abc import Mapping

import dagster as dg

from stagenorm_pipeline.report.escape import sentence_for_terminal
from stagenorm_pipeline.service.context import ServiceContext
from stagenorm_pipeline.service.deciding import decisions_in_force


def in_force(service: ServiceContext) -> Mapping[str, dg.MetadataValue]:
    """Return the database, without its password, the configuration file and the decisions file with its version."""
    configuration = service.configuration
    source = configuration.source
    entries = {
        "database": service.database.name,
        "configuration": str(source.absolute()) if source else "no stagenorm.toml: the two default targets",
        "decisions": str(decisions_in_force(configuration)),
        "vocabulary version": service.vocabulary.version,
    }
    return {name: dg.MetadataValue.text(sentence_for_terminal(text)) for name, text in entries.items()}
