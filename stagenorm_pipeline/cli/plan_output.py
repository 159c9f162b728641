"""Asking for a plan and showing it: what `dry-run` and `run` share."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import click

if TYPE_CHECKING:
    from stagenorm_pipeline.cli.scope_options import Work
    from stagenorm_pipeline.engine.plan.plan import Plan
    from stagenorm_pipeline.engine.plan.request import PlanRequest
    from stagenorm_pipeline.engine.plan.vocabulary_check import DecisionChanges

F = TypeVar("F", bound=Callable[..., Any])

# Rows; "auto": small batches, of which a transaction takes as many as half a second allows; None: the default.
BatchSize = int | Literal["auto"] | None


def batch_size_option(command: F) -> F:
    """`--batch-size`, as the argument `batch_size`."""
    words = "Most rows that one batch changes; auto: what half a second takes.  [default: 5000]"
    return click.option("--batch-size", type=_read_batch_size, metavar="[ROWS|auto]", help=words)(command)


def _read_batch_size(text: str) -> BatchSize:
    if text == "auto":
        return "auto"
    try:
        return int(text)
    except ValueError:
        raise click.BadParameter(f"{text!r} is neither a number of rows nor auto.") from None


def rows_in_a_batch(batch_size: BatchSize) -> int:
    """What `--batch-size` means for a plan."""
    from stagenorm_pipeline.config.pacing import AUTO_BATCH_ROWS
    from stagenorm_pipeline.engine.plan.request import DEFAULT_BATCH_SIZE

    if batch_size is None:
        return DEFAULT_BATCH_SIZE
    return AUTO_BATCH_ROWS if batch_size == "auto" else batch_size


def plan_request(work: Work, batch_size: BatchSize) -> PlanRequest:
    """Raises ConfigurationError for a batch size that makes no sense."""
    from stagenorm_pipeline.engine.plan.request import PlanRequest

    return PlanRequest(
        vocabulary=work.vocabulary(), targets=work.targets, scope=work.scope, batch_size=rows_in_a_batch(batch_size)
    )


def show_plan(plan: Plan, decisions: DecisionChanges, *, as_json: bool, next_command: str | None = None) -> None:
    """Write the plan, and what new decisions do, to standard output, for a person or for a script."""
    from stagenorm_pipeline.report.json_document import decisions_document, document_json, plan_document
    from stagenorm_pipeline.report.terminal_text import plan_text

    if as_json:
        click.echo(document_json({**plan_document(plan), **decisions_document(decisions)}).rstrip("\n"))
    else:
        click.echo(plan_text(plan, decisions=decisions, next_command=next_command))
