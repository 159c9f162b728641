"""Write what the decisions file changes against the applied plans, and how to undo what they changed."""

from collections.abc import Iterator

from stagenorm_pipeline.counts import counted
from stagenorm_pipeline.engine.plan.vocabulary_check import DecisionChange, DecisionChanges
from stagenorm_pipeline.report.escape import for_terminal
from stagenorm_pipeline.report.shell_words import shell_word
from stagenorm_pipeline.report.terminal_layout import PLAIN, Screen, folded, next_line, text_of, wrapped

# The bound keeps the output of a hostile column within some MB.
_SHOWN = 20_000


def decision_changes_text(found: DecisionChanges, screen: Screen = PLAIN) -> str:
    """Write each new, changed or removed decision: the rows that wait for it, and those that plans changed otherwise."""
    return text_of(_lines(found, screen))


def undo_command(spelling: str) -> str:
    """Return the command that shows what undoing the changes of a spelling restores."""
    return f"stagenorm rollback --spelling {shell_word(spelling)}"


def _lines(found: DecisionChanges, screen: Screen) -> Iterator[str]:
    yield from wrapped(_heading(found), screen)
    for change in found.changes[:_SHOWN]:
        yield ""
        yield from folded(_decided(change), screen)
        yield from folded(_rows_now(change), screen, indent=2)
        for part in change.earlier:
            plans = f"{'plan' if len(part.plans) == 1 else 'plans'} {', '.join(map(str, part.plans))}"
            text = f"{counted(part.rows, 'row')} changed to {part.stage} by {plans}: a new plan leaves them."
            yield from folded(text, screen, indent=2)
        if change.earlier:
            yield f"  To undo: {undo_command(change.spelling)}"
    if len(found.changes) > _SHOWN:
        yield f"and {len(found.changes) - _SHOWN:,} more"
    yield ""
    yield from next_line(_next(found), screen)


def _heading(found: DecisionChanges) -> str:
    against = "the built-in aliases: no plan was applied"
    if found.since_plan is not None:
        against = f"the applied plans, of which plan {found.since_plan} is the newest"
    if not found.changes:
        return f"The decisions file changes nothing against {against}."
    changed = counted(len(found.changes), "spelling")
    return f"The decisions file gives {changed} another meaning than {against}."


def _decided(change: DecisionChange) -> str:
    return f"{for_terminal(change.spelling, quote=True)}: {change.was} → {change.now}"


def _rows_now(change: DecisionChange) -> str:
    match change.rows:
        case None:
            return "It is not among the listed spellings of today."
        case 0:
            return "No row holds it now."
        case rows:
            return f"{counted(rows, 'row')} {'holds' if rows == 1 else 'hold'} it now."


def _next(found: DecisionChanges) -> str:
    if any(change.earlier for change in found.changes):
        return "undo what should change again (the commands above, with --yes), then stagenorm run"
    return "stagenorm dry-run"
