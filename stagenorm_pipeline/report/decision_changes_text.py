"""Write what the decisions file changes against the applied plans, and how to undo what they changed.

As text for a terminal and as a JSON document.
"""

from collections.abc import Iterator

from stagenorm_pipeline.counts import counted
from stagenorm_pipeline.engine.history.compared_decisions import ComparedDecision, ComparedDecisions, EarlierMeaning
from stagenorm_pipeline.engine.rollback.rollback import RollbackPreview
from stagenorm_pipeline.report.escape import for_terminal
from stagenorm_pipeline.report.json_document import Document, history_document
from stagenorm_pipeline.report.shell_words import shell_word
from stagenorm_pipeline.report.terminal_layout import PLAIN, Screen, folded, next_line, text_of, wrapped

# The bound keeps the output of a hostile column within some MB.
_SHOWN = 20_000


def decision_changes_text(found: ComparedDecisions, screen: Screen = PLAIN) -> str:
    """Write each new, changed or removed decision with its rows: those that hold it, and those that plans changed."""
    return text_of(_lines(found, screen))


def decision_changes_document(found: ComparedDecisions) -> Document:
    """Return the same as a JSON document, with all decisions. `undo_command` null: nothing can be restored."""
    decisions = [
        {
            "spelling": one.change.spelling,
            "was": one.change.was,
            "now": one.change.now,
            "rows_now": one.change.rows,
            "is_new": one.change.is_new,
            "earlier": [_earlier_document(one.change.spelling, meaning) for meaning in one.earlier],
        }
        for one in found.decisions
    ]
    return history_document("decision_changes", {"since_plan": found.since_plan, "decisions": decisions})


def undo_command(spelling: str, stage: str | None = None) -> str:
    """Return the command that shows what undoing the changes of a spelling, or only those to `stage`, restores."""
    only = "" if stage is None else f" --stage {shell_word(stage)}"
    return f"stagenorm rollback --spelling {shell_word(spelling)}{only}"


def _earlier_document(spelling: str, meaning: EarlierMeaning) -> Document:
    changed, undo = meaning.changed, meaning.undo
    return {
        "stage": changed.stage,
        "rows": changed.rows,
        "plans": changed.plans,
        "rows_restorable": None if undo is None else undo.restorable,
        "rows_left": None if undo is None else _left(undo),
        "undo_command": undo_command(spelling, changed.stage) if meaning.is_to_undo else None,
    }


def _left(undo: RollbackPreview) -> int:
    """Count the rows that a rollback leaves, without those that are undone already."""
    return undo.left - undo.counts.get("undone", 0)


def _lines(found: ComparedDecisions, screen: Screen) -> Iterator[str]:
    yield from wrapped(_heading(found), screen)
    for decision in found.decisions[:_SHOWN]:
        yield ""
        yield from _decision_lines(decision, screen)
    if len(found.decisions) > _SHOWN:
        yield f"and {len(found.decisions) - _SHOWN:,} more"
    yield ""
    yield from next_line(_next(found), screen)


def _decision_lines(decision: ComparedDecision, screen: Screen) -> Iterator[str]:
    change = decision.change
    yield from folded(f"{for_terminal(change.spelling, quote=True)}: {change.was} → {change.now}", screen)
    yield from folded(_rows_now(change.rows), screen, indent=2)
    for meaning in decision.earlier:
        yield from folded(_changed(meaning), screen, indent=2)
        if meaning.is_to_undo:
            # Not broken, so that it can be copied.
            yield f"  To undo: {undo_command(change.spelling, meaning.changed.stage)}"


def _heading(found: ComparedDecisions) -> str:
    # Opened, not applied: the newest may have changed no row, or not yet.
    against = "the aliases alone (no plan was opened)"
    if found.since_plan is not None:
        against = f"the plans that were opened, of which plan {found.since_plan} is the newest"
    if not found.decisions:
        return f"The decisions file changes nothing against {against}."
    return f"The decisions file gives {counted(len(found.decisions), 'spelling')} another meaning than {against}."


def _rows_now(rows: int | None) -> str:
    match rows:
        case None:
            return "It is not among the listed spellings of today."
        case 0:
            return "No row holds it now."
        case _:
            return f"{counted(rows, 'row')} {'holds' if rows == 1 else 'hold'} it now."


def _changed(meaning: EarlierMeaning) -> str:
    """Say what plans made of the spelling, and how much of it a rollback restores."""
    changed, undo = meaning.changed, meaning.undo
    plans = f"{'plan' if len(changed.plans) == 1 else 'plans'} {', '.join(map(str, changed.plans))}"
    text = f"{counted(changed.rows, 'row')} became {for_terminal(changed.stage)} by {plans}."
    if undo is None:
        return text
    left = _left(undo)
    since = f", and leaves {left:,} that changed since" if left else ""
    return f"{text} A rollback restores {counted(undo.restorable, 'row')}{since}."


def _next(found: ComparedDecisions) -> str:
    if any(decision.is_to_undo for decision in found.decisions):
        return "undo what should change again (the commands above, with --yes), then stagenorm run"
    return "stagenorm dry-run"
