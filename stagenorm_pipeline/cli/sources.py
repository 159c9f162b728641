"""Say which database and which decisions file a command works with: on the screen, in the log, and in JSON."""

from __future__ import annotations

from dataclasses import replace

from stagenorm_pipeline.cli.log_lines import say
from stagenorm_pipeline.cli.screen import has_live_display, screen, show
from stagenorm_pipeline.report.escape import for_terminal, sentence_for_terminal
from stagenorm_pipeline.report.json_document import Document, decisions_file_document
from stagenorm_pipeline.report.terminal_layout import Screen, wrapped
from stagenorm_pipeline.service import deciding
from stagenorm_pipeline.service.context import ServiceContext


def show_sources(context: ServiceContext) -> Screen:
    """Write the database and the decisions file in force. Returns what is left of the screen below these lines."""
    place = screen()
    decisions = sentence_for_terminal(str(deciding.decisions_in_force(context.configuration)))
    lines = [
        *wrapped(f"Database: {for_terminal(context.database.name)}", place),
        *wrapped(f"Decisions: {decisions}", place),
    ]
    show("\n".join(lines))
    return replace(place, height=place.height - len(lines))


def say_sources(context: ServiceContext) -> None:
    """Write the database and the decisions file above the live display, or the decisions file as a line of the log."""
    if has_live_display():
        show_sources(context)
    else:
        say(f"Decisions: {sentence_for_terminal(str(deciding.decisions_in_force(context.configuration)))}")


def sources_document(context: ServiceContext) -> Document:
    """Return the decisions file in force, as part of a command's JSON document."""
    return decisions_file_document(deciding.decisions_in_force(context.configuration))
