"""What others changed while the migration ran and since: the figures of several rules in one table.

A rule's own findings are in its own table. Undoing is ours, but belongs to what happened since.
"""

from typing import Final

from stagenorm_pipeline.engine.verify.result import Rule, VerificationResult
from stagenorm_pipeline.report.tables import Table
from stagenorm_pipeline.report.wording import rule_name

# What happened, the rule that counted it, and its figure.
COUNTED: Final = (
    ("Rows changed or deleted by others between plan and run, and left alone", Rule.BATCH_TRACKING, "rows_skipped"),
    ("Rows more than before in their fund: inserted, or moved there", Rule.ROW_COUNTS, "rows_more"),
    ("Rows fewer than before in their fund: deleted, or moved away", Rule.ROW_COUNTS, "rows_fewer"),
    ("Rows that stagenorm changed and that are gone", Rule.ROW_COUNTS, "audited_rows_gone"),
    ("Rows that stagenorm changed and that are in another fund now", Rule.ROW_COUNTS, "audited_rows_moved"),
    ("Rows that stagenorm changed and that are NULL now", Rule.NULL_INTEGRITY, "audited_rows_now_null"),
    ("Stages that are NULL, more than before in their fund", Rule.NULL_INTEGRITY, "new_null"),
    ("Rows that stagenorm changed and that hold their old spelling again", Rule.AUDIT_CONSISTENCY, "rows_set_back"),
    ("Rows that stagenorm changed and that hold something else since", Rule.AUDIT_CONSISTENCY, "rows_changed_since"),
    ("Rows that left a canonical stage without a log entry", Rule.AUDIT_CONSISTENCY, "rows_changed_unplanned"),
    ("Rows that a rollback of stagenorm restored", Rule.AUDIT_CONSISTENCY, "rollback_rows"),
    ("Rows that a rollback left, since others had changed them", Rule.AUDIT_CONSISTENCY, "rows_left_by_rollback"),
)


def meanwhile_table(result: VerificationResult) -> Table:
    """Each thing that can have happened, with its count; without rows where no rule counted anything."""
    figures = {check.rule: check.figures for check in result.checks}
    rows = tuple(
        (what, figures[rule][figure], rule_name(rule)) for what, rule, figure in COUNTED if figure in figures[rule]
    )
    return Table(
        title="What others changed meanwhile",
        headings=("What", "Rows", "Counted by check"),
        rows=rows,
        total=len(rows),
        unit="counts",
    )
