"""What a rehearsal found, as the page of `batch_plan` and the run's log show it."""

import logging

import dagster as dg

from stagenorm_pipeline.engine.apply.rehearsal import RehearsalResult
from stagenorm_pipeline.report.escape import for_markdown, for_terminal, sentence_for_markdown, sentence_for_terminal


def rehearsal_metadata(log: logging.Logger, result: RehearsalResult) -> dict[str, dg.MetadataValue | int]:
    """Figures, and the first refused rows; each of these is a line of the log too."""
    for refused in result.refused:
        where = f"{for_terminal(refused.batch.target)}, row {for_terminal(refused.row_id)}"
        log.error(f"Would be refused: {where}: {sentence_for_terminal(refused.message)}")
    rows = result.rows
    log.info(
        f"Rehearsed {result.batches:,} batches and rolled each back: {rows.rows_updated:,} rows would change, "
        f"{rows.rows_skipped:,} be skipped, {rows.rows_failed:,} be refused. Nothing was changed."
    )
    return {
        "rehearsal": dg.MetadataValue.md(_page(result)),
        "rehearsed_rows_updated": rows.rows_updated,
        "rehearsed_rows_skipped": rows.rows_skipped,
        "rehearsed_rows_refused": rows.rows_failed,
    }


def _page(result: RehearsalResult) -> str:
    if not result.rows.rows_failed:
        return f"✓ All {result.batches:,} batches went through, and each was rolled back: nothing was changed."
    lines = [
        f"✗ **{result.rows.rows_failed:,} rows would be refused** by the database. Mend them, or what refuses them, "
        "before the real run, or let it set them aside: all other rows go through. Nothing was changed.",
        "",
        "| Fund | Target | Row | What the database says |",
        "| --- | --- | --- | --- |",
    ]
    for refused in result.refused:
        cells = (for_markdown(text) for text in (refused.batch.fund_key, refused.batch.target, refused.row_id))
        lines.append(f"| {' | '.join(cells)} | {sentence_for_markdown(refused.message)} |")
    left_out = result.rows.rows_failed - len(result.refused)
    return "\n".join(lines) + (f"\n\n… and {left_out:,} more" if left_out > 0 else "")
