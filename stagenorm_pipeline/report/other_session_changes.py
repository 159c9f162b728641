"""The table of changes by other sessions: the figures of several rules. Rollbacks by stagenorm are included."""

from typing import Final

from stagenorm_pipeline.engine.verify.result import Rule, VerificationResult
from stagenorm_pipeline.report.tables import Table
from stagenorm_pipeline.report.wording import rule_name

# The kind of change, the rule that counts it, and the name of its figure.
COUNTED: Final = (
    ("Rows skipped: changed or deleted between plan and run", Rule.BATCH_TRACKING, "rows_skipped"),
    ("More rows than before in their fund: inserted, or moved there", Rule.ROW_COUNTS, "rows_more"),
    ("Fewer rows than before in their fund: deleted, or moved away", Rule.ROW_COUNTS, "rows_fewer"),
    ("Rows that stagenorm changed and that are gone", Rule.ROW_COUNTS, "audited_rows_gone"),
    ("Rows that stagenorm changed and that are in another fund now", Rule.ROW_COUNTS, "audited_rows_moved"),
    ("Rows that stagenorm changed and that are NULL now", Rule.NULL_INTEGRITY, "audited_rows_now_null"),
    ("More NULLs than before in their fund", Rule.NULL_INTEGRITY, "new_null"),
    ("Rows that stagenorm changed and that hold their old spelling again", Rule.AUDIT_CONSISTENCY, "rows_set_back"),
    ("Rows that stagenorm changed and that hold something else since", Rule.AUDIT_CONSISTENCY, "rows_changed_since"),
    ("Rows that left a canonical stage without a log entry", Rule.AUDIT_CONSISTENCY, "rows_changed_unplanned"),
    ("Rows that a rollback of stagenorm restored", Rule.AUDIT_CONSISTENCY, "rollback_rows"),
    (
        "Rows that a rollback left because another session had changed them",
        Rule.AUDIT_CONSISTENCY,
        "rows_left_by_rollback",
    ),
)


def other_session_changes_table(result: VerificationResult) -> Table:
    """List each kind of change that happened, with its count."""
    figures = {check.rule: check.figures for check in result.checks}
    rows = tuple(
        (what, figures[rule][figure], rule_name(rule)) for what, rule, figure in COUNTED if figures[rule].get(figure)
    )
    return Table(
        title="Changes by other sessions",
        headings=("What", "Rows", "Counted by check"),
        rows=rows,
        total=len(rows),
        unit="counts",
    )
