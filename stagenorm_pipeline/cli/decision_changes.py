"""Show what the decisions file changes against the opened plans: `stagenorm decisions --diff`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from stagenorm_pipeline.cli.live_display import showing_reading
from stagenorm_pipeline.cli.screen import page, screen
from stagenorm_pipeline.cli.sources import show_sources, sources_document
from stagenorm_pipeline.errors import ConfigurationError
from stagenorm_pipeline.report.decision_changes_text import decision_changes_document, decision_changes_text
from stagenorm_pipeline.report.json_document import document_json
from stagenorm_pipeline.service import explaining
from stagenorm_pipeline.service.context import open_service

if TYPE_CHECKING:
    from stagenorm_pipeline.cli.options import ScopeOptions


def show_decision_changes(chosen: ScopeOptions, *, is_alone: bool, as_json: bool) -> None:
    """Show new, changed and removed decisions with their rows, and how to undo what plans changed. Reads only."""
    if not is_alone:
        raise ConfigurationError("--diff only shows.", remedy="Leave the other options out.")
    with open_service(interface="cli", with_vocabulary=True) as context:
        selection = chosen.select(context)
        with showing_reading(f"Reading {chosen.target_names(context)}"):
            found = explaining.compare_decisions(context, selection=selection)
        if as_json:
            document = {**decision_changes_document(found), **sources_document(context)}
            click.echo(document_json(document), nl=False)
            return
        show_sources(context)
        page(decision_changes_text(found, screen()))
