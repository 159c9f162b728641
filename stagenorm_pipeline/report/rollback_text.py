"""What a rollback would restore and would leave, as text for a terminal. Pure."""

from stagenorm_pipeline.engine.funds import fund_key
from stagenorm_pipeline.engine.rollback import RollbackPreview, RollbackRow
from stagenorm_pipeline.report.escape import for_terminal

_STATES = {
    "restorable": "still hold what was written: would be restored",
    "later": "were changed by a later plan or rolled back already: left",
    "changed": "were changed by somebody else since: left",
    "null": "have no stage any more: left",
    "gone": "are deleted: left",
}
_SHOWN = 10


def rollback_text(preview: RollbackPreview) -> str:
    """The counts by state with a few rows of each, and the next step."""
    if not preview.counts:
        return "Nothing to undo: the audit log has no change in this scope."
    lines = ["Rows in the scope of this rollback:"]
    for state, words in _STATES.items():
        count = preview.counts.get(state, 0)
        if count:
            lines.append(f"  {count:,} {words}")
            lines += [_row(row) for row in preview.examples if row.state == state][:_SHOWN]
    if preview.restorable:
        lines.append("Add --yes to restore them." if preview.restorable else "")
    return "\n".join(lines)


def _row(row: RollbackRow) -> str:
    now = "NULL" if row.now is None else for_terminal(row.now, quote=True)
    back = "NULL" if row.restore is None else for_terminal(row.restore, quote=True)
    where = f"{for_terminal(row.target)} row {for_terminal(row.row_id)} ({for_terminal(fund_key(row.fund_id))})"
    if row.state == "gone":
        return f"      {where}: was {back} before"
    arrow = f"{now} -> {back}" if row.state == "restorable" else f"holds {now}, was {back} before"
    return f"      {where}: {arrow}"
