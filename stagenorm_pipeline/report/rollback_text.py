"""Write what a rollback would restore and leave, as text for a terminal and as JSON for a script."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict

from stagenorm_pipeline.counts import counted
from stagenorm_pipeline.engine.rollback.rollback import RollbackPreview, RollbackRow
from stagenorm_pipeline.engine.targets.funds import fund_key
from stagenorm_pipeline.report.escape import for_terminal
from stagenorm_pipeline.report.target_names import short_names
from stagenorm_pipeline.report.terminal_layout import PLAIN, Screen, fitting, folded, text_of, wrapped

# The meaning of each row state, in the order of display.
STATES: Mapping[str, str] = {
    "restorable": "still hold what stagenorm wrote: would be restored",
    "kept_other_write": "were written by another session between two changes: would be restored only to what it wrote",
    "touched": "still hold what stagenorm wrote, but were touched since: left",
    "undone": "were rolled back already: left",
    "later": "were changed by another plan since: left",
    "changed": "were changed by another session since: left",
    "null": "are NULL now: left",
    "gone": "are deleted: left",
}
# The log cannot show it: the stage before and after such a write is the same.
UNSEEN = "If another session wrote the same stage that stagenorm had written, such rows count as unchanged."
_SHOWN = 10


def rollback_summary(preview: RollbackPreview, screen: Screen = PLAIN) -> str:
    """Write on one screen what a rollback would restore and leave, with as many rows of each state as fit."""
    return fitting(lambda rows: _lines(preview, rows, screen), _SHOWN, screen)


def rollback_text(preview: RollbackPreview, screen: Screen = PLAIN) -> str:
    """Write the counts by state with ten rows of each, and what else the rollback would do."""
    return text_of(_lines(preview, _SHOWN, screen))


def _lines(preview: RollbackPreview, rows: int, screen: Screen) -> Iterator[str]:
    if preview.counts:
        yield "Rows in the scope of this rollback:"
    else:
        yield from wrapped("Nothing to roll back: the audit log has no change in this scope.", screen)
        if preview.similar:
            names = ", ".join(for_terminal(text, quote=True) for text in preview.similar)
            yield from folded(f"Spellings are compared byte for byte. Plans changed: {names}", screen)
    for state, words in STATES.items():
        yield from _state_lines(preview, state, words, rows, screen)
    for sentence in _remarks(preview):
        yield from wrapped(sentence, screen)


def _state_lines(preview: RollbackPreview, state: str, words: str, rows: int, screen: Screen) -> Iterator[str]:
    count = preview.counts.get(state, 0)
    if not count:
        return
    yield from wrapped(f"{count:,} {words}", screen, indent=2)
    if state == "restorable" and preview.repeated:
        repeated = (
            f"{preview.repeated:,} of them were changed several times in this scope: each gets back what it held "
            "before the first change"
        )
        yield from wrapped(repeated, screen, indent=4)
    shown = [row for row in preview.examples if row.state == state][:rows]
    names = short_names(row.target for row in preview.examples)
    for row in shown:
        yield from folded(row_text(row, names[row.target]), screen, indent=6)
    if count > len(shown) and shown:
        yield f"      and {count - len(shown):,} more"


def _remarks(preview: RollbackPreview) -> Iterator[str]:
    yield from touched_lines(preview)
    if preview.restorable:
        yield UNSEEN
        for plan_id, batches in preview.waiting.items():
            yield f"The rollback cancels {counted(batches, 'open batch')} of plan {plan_id} in this scope."
    yield from enforced_lines(preview.enforced)
    for name in preview.left_out:
        yield f"Not in this scope, but also changed by the plan: {for_terminal(name)}"


def touched_lines(preview: RollbackPreview) -> list[str]:
    """Write how many of the rows to restore were touched since, and the missing grants if that is unknown."""
    lines = []
    if preview.touched:
        lines.append(
            f"Touched since: {preview.touched:,} of the rows to restore were updated or inserted again after the last "
            "write by stagenorm and hold the same stage. Their keys may be reused. --only-untouched leaves these rows."
        )
    lines += [
        f"This role cannot see which rows were touched since. As the table's owner, run: {for_terminal(grant)}"
        for grant in preview.grants_wanted
    ]
    return lines


def enforced_lines(targets: tuple[str, ...]) -> list[str]:
    """Write which targets have a constraint that would refuse the old spellings, and how to remove it."""
    return [
        f"PostgreSQL would refuse the old spellings: {for_terminal(name)} is enforced. "
        "Remove the constraint first: stagenorm enforce --remove"
        for name in targets
    ]


def rollback_json(preview: RollbackPreview) -> str:
    """Write the preview as JSON for a script, with the first rows of each state."""
    waiting = {str(plan_id): batches for plan_id, batches in preview.waiting.items()}
    return json.dumps(
        {
            "rows_restorable": preview.restorable,
            "rows_left": preview.left,
            "rows_by_state": dict(preview.counts),
            "rows_changed_several_times": preview.repeated,
            "rows_restored_to_other_write": preview.counts.get("kept_other_write", 0),
            "rows_touched_since": preview.touched,
            "grants_wanted": list(preview.grants_wanted),
            "batches_cancelled_by_plan": waiting,
            "targets_left_out": list(preview.left_out),
            "targets_enforced": list(preview.enforced),
            "similar_spellings": list(preview.similar),
            "examples": [asdict(row) for row in preview.examples],
        },
        indent=2,
    )


def rollback_row_json(row: RollbackRow) -> str:
    """Write a row as one line of JSON for a script. `now` is cut at 1,000 characters."""
    return json.dumps(asdict(row))


def row_text(row: RollbackRow, short_target: str) -> str:
    """Write a row with what it holds and what it held before."""
    now = "NULL" if row.now is None else for_terminal(row.now, quote=True)
    back = "NULL" if row.restore is None else for_terminal(row.restore, quote=True)
    where = f"{for_terminal(short_target)} row {for_terminal(row.row_id)} ({for_terminal(fund_key(row.fund_id))})"
    if row.state == "gone":
        return f"{where}: was {back} before"
    by = f" since plan {row.later_plan}" if row.later_plan is not None else ""
    is_restored = row.state in ("restorable", "kept_other_write")
    arrow = f"{now} -> {back}" if is_restored else f"holds {now}{by}, was {back} before"
    return f"{where}: {arrow}{' (touched since)' if row.touched and is_restored else ''}"
