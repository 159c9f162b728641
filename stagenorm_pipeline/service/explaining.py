"""Explain one row or one spelling, and what the decisions file changes against the applied plans."""

from __future__ import annotations

from stagenorm_pipeline.engine.history import compared_decisions
from stagenorm_pipeline.engine.history.compared_decisions import ComparedDecisions
from stagenorm_pipeline.engine.history.row_history import RowHistory, read_row_history
from stagenorm_pipeline.engine.history.spelling_history import SpellingHistory, read_spelling_history
from stagenorm_pipeline.errors import ConfigurationError
from stagenorm_pipeline.service.context import ServiceContext
from stagenorm_pipeline.service.deciding import read_decisions
from stagenorm_pipeline.service.inventory import read_inventory
from stagenorm_pipeline.service.selecting import Selection


def explain_row(context: ServiceContext, *, table: str, row_id: str) -> RowHistory:
    """Explain the row of a target. `table`: a table, `schema.table` or `schema.table.column`. Reads only.

    Reads the whole log once: it has no index by row. Raises ConfigurationError if nothing is known of such a row.
    """
    targets = context.targets(table)
    if len(targets) != 1:
        raise ConfigurationError(
            f"{table!r} names {len(targets)} targets: {', '.join(target.name for target in targets)}.",
            remedy="Name one of them as schema.table.column.",
        )
    decisions = read_decisions(context.configuration.decisions)
    found = read_row_history(context.database, targets[0], row_id, decisions=decisions)
    if not found.is_known:
        raise ConfigurationError(
            f"There is no row {found.row_id} in {found.target}, and the audit log has none either.",
            remedy="Check the key, or explain a spelling: stagenorm explain --spelling SPELLING",
        )
    return found


def explain_spelling(context: ServiceContext, *, spelling: str, table: str | None = None) -> SpellingHistory:
    """Explain a spelling, exactly as stored, in all targets or in those that `table` names. Reads only."""
    decisions = read_decisions(context.configuration.decisions)
    targets = context.targets(table)
    return read_spelling_history(context.database, targets, spelling, decisions=decisions)


def compare_decisions(context: ServiceContext, *, selection: Selection) -> ComparedDecisions:
    """Compare the decisions file with the applied plans, and find what undoing earlier changes restores. Reads only."""
    inventories = read_inventory(context, selection=selection).targets
    return compared_decisions.compare_decisions(
        context.database, context.vocabulary, inventories, targets=selection.targets, scope=selection.scope
    )
