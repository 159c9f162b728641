"""Format the result of a rehearsal for the page of `batch_plan` and the run's log."""

import logging

import dagster as dg

from stagenorm_pipeline.counts import counted
from stagenorm_pipeline.engine.apply.rehearsal import RehearsalResult
from stagenorm_pipeline.report.escape import for_markdown, sentence_for_markdown
from stagenorm_pipeline.report.event_lines import refused_row_line


def rehearsal_metadata(log: logging.Logger, result: RehearsalResult) -> dict[str, dg.MetadataValue]:
    """Log the result and return it as metadata, with the first refused rows."""
    for refused in result.refused:
        log.error(refused_row_line(refused).message)
    rows = result.rows
    log.info(
        f"Rehearsed {counted(result.batches, 'batch')}: {counted(rows.rows_updated, 'row')} would change, "
        f"{rows.rows_skipped:,} would be skipped, {rows.rows_failed:,} would be refused. Nothing was changed."
    )
    return {
        "rehearsal": dg.MetadataValue.md(_markdown(result)),
        "rehearsed_rows_updated": dg.MetadataValue.int(rows.rows_updated),
        "rehearsed_rows_skipped": dg.MetadataValue.int(rows.rows_skipped),
        "rehearsed_rows_refused": dg.MetadataValue.int(rows.rows_failed),
    }


def _markdown(result: RehearsalResult) -> str:
    if not result.rows.rows_failed:
        return f"✓ The database accepted {counted(result.batches, 'batch')}. All were rolled back. Nothing was changed."
    refused_rows = counted(result.rows.rows_failed, "row")
    lines = [
        f"✗ **The database would refuse {refused_rows}.** Fix the rows, or the constraint or trigger that "
        "refuses them. If you apply the plan as it is, they go to the quarantine, and all other rows are changed. "
        "Nothing was changed.",
        "",
        "| Fund | Target | Row | What the database says |",
        "| --- | --- | --- | --- |",
    ]
    for refused in result.refused:
        cells = (for_markdown(text) for text in (refused.batch.fund_key, refused.batch.target.name, refused.row_id))
        lines.append(f"| {' | '.join(cells)} | {sentence_for_markdown(refused.message)} |")
    left_out = result.rows.rows_failed - len(result.refused)
    return "\n".join(lines) + (f"\n\n… and {left_out:,} more" if left_out > 0 else "")
