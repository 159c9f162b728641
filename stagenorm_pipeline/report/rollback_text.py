"""What a rollback would restore and would leave, as text for a terminal and as lines for a script. Pure."""

import json
from collections.abc import Mapping
from dataclasses import asdict

from stagenorm_pipeline.engine.rollback.rollback import RollbackPreview, RollbackRow
from stagenorm_pipeline.engine.targets.funds import fund_key
from stagenorm_pipeline.report.escape import for_terminal

# What each state of a row means, in the order in which they are shown.
STATES: Mapping[str, str] = {
    "restorable": "still hold what was written: would be restored",
    "kept_other_write": "were written by another session between our changes: would be restored only to what it wrote",
    "touched": "still hold what was written, but were touched since: left",
    "undone": "were rolled back already: left",
    "later": "were changed by another plan since: left",
    "changed": "were changed by another session since: left",
    "null": "have no stage any more: left",
    "gone": "are deleted: left",
}
# A write that leaves the stage as it was leaves no trace in the log.
UNSEEN = (
    "A write by another session that set a stage back to what stagenorm had written cannot be seen: such rows count as "
    "unchanged."
)
_SHOWN = 10


def rollback_text(preview: RollbackPreview) -> str:
    """The counts by state with a few rows of each, and what else the rollback would do."""
    lines = []
    if preview.counts:
        lines.append("Rows in the scope of this rollback:")
    else:
        lines.append("Nothing to undo: the audit log has no change in this scope.")
    for state, words in STATES.items():
        count = preview.counts.get(state, 0)
        if not count:
            continue
        lines.append(f"  {count:,} {words}")
        if state == "restorable" and preview.repeated:
            lines.append(
                f"    {preview.repeated:,} of them were changed several times in this scope: each goes back to what it "
                "held before the first change, not to a value in between"
            )
        shown = [row_text(row) for row in preview.examples if row.state == state][:_SHOWN]
        lines += shown
        if count > len(shown):
            lines.append(f"      and {count - len(shown):,} more")
    lines += touched_lines(preview)
    if preview.restorable:
        lines.append(UNSEEN)
    lines += [
        f"Batches still to do in this scope: {batches:,} of plan {plan_id}. The rollback cancels them."
        for plan_id, batches in preview.waiting.items()
        if preview.restorable
    ]
    lines += enforced_lines(preview.enforced)
    lines += [f"Not in this scope, though the plan changed it too: {for_terminal(name)}" for name in preview.left_out]
    return "\n".join(lines)


def touched_lines(preview: RollbackPreview) -> list[str]:
    """How many of the rows to restore were touched since, and what to grant where that cannot be told."""
    lines = []
    if preview.touched:
        lines.append(
            f"Touched since: {preview.touched:,} of the rows to restore were updated or inserted again after our last "
            "write and hold the same stage. A reused key cannot be excluded. --only-untouched leaves these rows."
        )
    lines += [
        f"This role cannot tell which rows were touched since. As the table's owner: {for_terminal(grant)}"
        for grant in preview.grants_wanted
    ]
    return lines


def enforced_lines(targets: tuple[str, ...]) -> list[str]:
    """For each target whose constraint would refuse what it held before: that, and how to make way."""
    return [
        f"PostgreSQL would refuse the old spellings: {for_terminal(name)} is enforced. "
        "Take that back first: stagenorm enforce --remove"
        for name in targets
    ]


def rollback_json(preview: RollbackPreview) -> str:
    """The same for a script, with the first rows of each state."""
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
            "examples": [asdict(row) for row in preview.examples],
        },
        indent=2,
    )


def rollback_row_json(row: RollbackRow) -> str:
    """A row as one line of JSON, for a script; `now` is cut at 1,000 characters."""
    return json.dumps(asdict(row))


def row_text(row: RollbackRow) -> str:
    """A row with what it holds and what it was before."""
    now = "NULL" if row.now is None else for_terminal(row.now, quote=True)
    back = "NULL" if row.restore is None else for_terminal(row.restore, quote=True)
    where = f"{for_terminal(row.target)} row {for_terminal(row.row_id)} ({for_terminal(fund_key(row.fund_id))})"
    if row.state == "gone":
        return f"      {where}: was {back} before"
    by = f" since plan {row.later_plan}" if row.later_plan is not None else ""
    is_restored = row.state in ("restorable", "kept_other_write")
    arrow = f"{now} -> {back}" if is_restored else f"holds {now}{by}, was {back} before"
    return f"      {where}: {arrow}{' (touched since)' if row.touched and is_restored else ''}"
