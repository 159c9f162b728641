"""Show a plan: what `dry-run` and `run` share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from stagenorm_pipeline.report.json_document import decisions_document, document_json, plan_document
from stagenorm_pipeline.report.terminal_text import plan_text

if TYPE_CHECKING:
    from stagenorm_pipeline.engine.plan.plan import Plan
    from stagenorm_pipeline.engine.plan.vocabulary_check import DecisionChanges


def show_plan(plan: Plan, decisions: DecisionChanges, *, as_json: bool, next_command: str | None = None) -> None:
    """Write the plan, and what new decisions do, to standard output, for a person or for a script."""
    if as_json:
        click.echo(document_json({**plan_document(plan), **decisions_document(decisions)}).rstrip("\n"))
    else:
        click.echo(plan_text(plan, decisions=decisions, next_command=next_command))
