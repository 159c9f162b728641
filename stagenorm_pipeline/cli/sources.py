"""Say which database and which decisions file a command works with."""

from __future__ import annotations

from dataclasses import replace

from stagenorm_pipeline.cli.screen import screen, show
from stagenorm_pipeline.report.escape import for_terminal, sentence_for_terminal
from stagenorm_pipeline.report.terminal_layout import Screen, wrapped
from stagenorm_pipeline.service import deciding
from stagenorm_pipeline.service.context import ServiceContext


def show_sources(context: ServiceContext) -> Screen:
    """Write the database and the decisions file in force. Returns what is left of the screen below these lines."""
    place = screen()
    decisions = sentence_for_terminal(deciding.decisions_in_force(context.configuration))
    lines = [
        *wrapped(f"Database: {for_terminal(context.database.name)}", place),
        *wrapped(f"Decisions: {decisions}", place),
    ]
    show("\n".join(lines))
    return replace(place, height=place.height - len(lines))
